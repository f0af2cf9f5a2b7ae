// A command of the program: each command_NAME.h offers `void add_NAME_command(CLI::App& app,
// CommandSlot& slot)`, which registers the sub-command and, when it was given, puts its work into
// the slot. The work returns the exit code or throws. One thread at a time.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace catamaran {

struct CommandSlot {
  std::function<int(int& argc, char**& argv)> work;  // argc, argv: for commands that start MPI
};

void add_pack_command(CLI::App& app, CommandSlot& slot);
void add_check_command(CLI::App& app, CommandSlot& slot);
void add_train_command(CLI::App& app, CommandSlot& slot);
void add_lr_find_command(CLI::App& app, CommandSlot& slot);
void add_eval_command(CLI::App& app, CommandSlot& slot);
void add_thresholds_command(CLI::App& app, CommandSlot& slot);
void add_predict_command(CLI::App& app, CommandSlot& slot);
void add_explain_command(CLI::App& app, CommandSlot& slot);
void add_report_command(CLI::App& app, CommandSlot& slot);
void add_weights_command(CLI::App& app, CommandSlot& slot);
void add_checkpoint_command(CLI::App& app, CommandSlot& slot);
void add_config_command(CLI::App& app, CommandSlot& slot);
void add_plan_command(CLI::App& app, CommandSlot& slot);
void add_sweep_command(CLI::App& app, CommandSlot& slot);
void add_bench_command(CLI::App& app, CommandSlot& slot);
void add_submit_command(CLI::App& app, CommandSlot& slot);
void add_doctor_command(CLI::App& app, CommandSlot& slot);
void add_data_command(CLI::App& app, CommandSlot& slot);
void add_status_command(CLI::App& app, CommandSlot& slot);
void add_watch_command(CLI::App& app, CommandSlot& slot);
void add_sd_command(CLI::App& app, CommandSlot& slot);

}  // namespace catamaran
