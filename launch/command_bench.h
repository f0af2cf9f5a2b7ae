// The parts of `catamaran bench`, a file each: command_bench_loader.cpp,
// command_bench_step.cpp, command_bench_all_reduce.cpp. One thread at a time.
#pragma once

#include "launch/command.h"

namespace catamaran {

void add_bench_loader(CLI::App& bench, CommandSlot& slot);
void add_bench_step(CLI::App& bench, CommandSlot& slot);
void add_bench_all_reduce(CLI::App& bench, CommandSlot& slot);

}  // namespace catamaran
