// Sub-commands of `catamaran pack` that make packs from packs, registered by add_pack_command. One
// thread at a time.
#pragma once

#include <CLI/CLI.hpp>

#include "launch/command.h"

namespace catamaran {

void add_pack_operations(CLI::App& pack, CommandSlot& slot);  // reshard, merge, subset
void add_pack_split(CLI::App& pack, CommandSlot& slot);

}  // namespace catamaran
