// `catamaran bench step`, a sub-command of bench. One thread at a time.
#pragma once

#include "launch/command.h"

namespace catamaran {

void add_bench_step(CLI::App& bench, CommandSlot& slot);

}  // namespace catamaran
