#include "launch/command_bench.h"

namespace catamaran {

void add_bench_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* bench = app.add_subcommand("bench", "Measure parts of the program on this machine");
  bench->require_subcommand(1);
  add_bench_loader(*bench, slot);
  add_bench_step(*bench, slot);
  add_bench_all_reduce(*bench, slot);
}

}  // namespace catamaran
