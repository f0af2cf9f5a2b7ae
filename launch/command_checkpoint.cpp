#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "launch/command.h"
#include "launch/config.h"
#include "launch/path_checks.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/json.h"
#include "support/text.h"
#include "trainer/checkpoint_tools_api.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct CheckpointArguments {
  fs::path run;
  std::vector<fs::path> paths;
  int64_t keep = 0;  // 0: as the run's configuration says
  bool dry_run = false;
  bool json = false;
};

std::string size_text(int64_t bytes) { return text("%.1f MB", static_cast<double>(bytes) * 1e-6); }

void print_json(const json& value) { std::printf("%s\n", json_text(value).c_str()); }

json json_of(const CheckpointSummary& one) {
  json object = {{"path", one.path.string()},
                 {"step", one.step},
                 {"epoch", one.epoch < 0 ? json(nullptr) : json(one.epoch)},
                 {"step_in_epoch", one.epoch < 0 ? json(nullptr) : json(one.step_in_epoch)},
                 {"written", one.written_seconds > 0 ? json(one.written_seconds) : json(nullptr)},
                 {"bytes", one.bytes},
                 {"latest", one.latest},
                 {"best", one.best},
                 {"abandoned", one.abandoned},
                 {"complete", one.problem.empty()}};
  object["map"] = one.best ? json(one.map) : json(nullptr);
  if (!one.problem.empty()) object["problem"] = one.problem;
  return object;
}

json json_of(const CheckpointLeftover& one) {
  return {{"path", one.path.string()},
          {"bytes", one.bytes},
          {"host", one.host},
          {"process", one.process},
          {"writer_is_gone", one.writer_is_gone}};
}

std::string marks_of(const CheckpointSummary& one) {
  std::string marks;
  const auto add = [&marks](const std::string& mark) {
    marks += (marks.empty() ? "" : ", ") + mark;
  };
  if (one.latest) add("latest");
  if (one.best) add(text("best (mAP %.2f %%)", 100 * one.map));
  if (one.abandoned) add("abandoned");
  return marks;
}

void print_list(const CheckpointList& list) {
  if (list.checkpoints.empty()) {
    std::printf("no checkpoints\n");
  } else {
    std::printf("%8s  %6s  %-20s  %12s  %s\n", "step", "epoch", "written", "size", "state");
  }
  for (const CheckpointSummary& one : list.checkpoints) {
    const std::string marks = marks_of(one);
    const std::string state = one.problem.empty() ? "complete" : "damaged: " + one.problem;
    const std::string written = one.written_seconds > 0 ? utc_text(one.written_seconds) : "-";
    std::printf("%8ld  %6s  %-20s  %12s  %s%s%s\n", one.step,
                one.epoch < 0 ? "-" : std::to_string(one.epoch).c_str(), written.c_str(),
                size_text(one.bytes).c_str(), marks.c_str(), marks.empty() ? "" : ", ",
                printable(state).c_str());
  }
  for (const CheckpointLeftover& one : list.leftovers) {
    std::printf("%s: %s, %s process %ld of host %s%s\n", printable(one.path.string()).c_str(),
                size_text(one.bytes).c_str(), one.writer_is_gone ? "left by" : "being written by",
                one.process, printable(one.host).c_str(),
                one.writer_is_gone ? ", which is gone; `catamaran checkpoint prune` deletes it"
                                   : ", or left by it");
  }
}

void list(const CheckpointArguments& given) {
  const CheckpointList list = list_checkpoints(given.run);
  if (!given.json) {
    print_list(list);
    return;
  }
  json all = {
      {"run", given.run.string()}, {"checkpoints", json::array()}, {"leftovers", json::array()}};
  for (const CheckpointSummary& one : list.checkpoints) all["checkpoints"].push_back(json_of(one));
  for (const CheckpointLeftover& one : list.leftovers) all["leftovers"].push_back(json_of(one));
  print_json(all);
}

void print_verdict(const CheckpointVerdict& one) {
  const std::string path = printable(one.path.string());
  if (one.is_gone) {
    std::printf("%s: deleted meanwhile\n", path.c_str());
  } else if (one.problem.empty()) {
    std::printf("%s: whole, %s\n", path.c_str(), size_text(one.bytes).c_str());
  } else {
    std::printf("%s: damaged: %s\n", path.c_str(), printable(one.problem).c_str());
  }
}

void verify(const CheckpointArguments& given) {
  const std::vector<CheckpointVerdict> verdicts = verify_checkpoints(given.paths);
  json all = json::array();
  for (const CheckpointVerdict& one : verdicts) {
    if (!given.json) print_verdict(one);
    json object = {{"path", one.path.string()},
                   {"bytes", one.bytes},
                   {"whole", one.problem.empty() && !one.is_gone},
                   {"deleted_meanwhile", one.is_gone}};
    if (!one.problem.empty()) object["problem"] = one.problem;
    all.push_back(std::move(object));
  }
  if (given.json) print_json(all);
  const auto is_damaged = [](const CheckpointVerdict& one) { return !one.problem.empty(); };
  const auto first = std::ranges::find_if(verdicts, is_damaged);
  if (first == verdicts.end()) return;
  throw WeightsError(text("%ld of %ld checkpoints are damaged; the first: %s",
                          static_cast<long>(std::ranges::count_if(verdicts, is_damaged)),
                          static_cast<long>(verdicts.size()), first->problem.c_str()),
                     "", "");
}

// What training itself keeps, by the configuration of the run's newest start.
PruneRequest prune_request(const CheckpointArguments& given) {
  PruneRequest request;
  request.run = given.run;
  request.dry_run = given.dry_run;
  const fs::path config = given.run / "config.toml";
  std::error_code code;
  if (fs::is_regular_file(config, code)) {
    const CheckpointOptions options = resolve_config(config, {}).options.checkpoint;
    request.keep = options.keep;
    request.keep_every_epochs = options.keep_every_epochs;
  } else if (given.keep == 0) {
    throw UsageError("there is no config.toml that says how many checkpoints to keep",
                     given.run.string(), "name a run directory, and --keep N");
  }
  if (given.keep > 0) request.keep = given.keep;
  return request;
}

void prune(const CheckpointArguments& given) {
  json removed = json::array();
  int64_t count = 0;
  int64_t bytes = 0;
  const int64_t staying = prune_checkpoints(prune_request(given), [&](const PrunedItem& item) {
    ++count;
    bytes += item.bytes;
    removed.push_back({{"path", item.path.string()}, {"bytes", item.bytes}});
    if (given.json) return;
    std::printf("%s %s (%s)\n", given.dry_run ? "would delete" : "deleted",
                printable(item.path.string()).c_str(), size_text(item.bytes).c_str());
    std::fflush(stdout);  // what is gone is told, whatever comes next
  });
  if (given.json) {
    print_json({{"run", given.run.string()},
                {"dry_run", given.dry_run},
                {"removed", removed},
                {"bytes", bytes},
                {"staying", staying}});
    return;
  }
  std::printf("%ld %s, %s; %ld checkpoints stay\n", count,
              given.dry_run ? "would be deleted" : "deleted", size_text(bytes).c_str(), staying);
}

CLI::App* add_sub_command(CLI::App& checkpoint, CommandSlot& slot,
                          const std::shared_ptr<CheckpointArguments>& given, const char* name,
                          const char* meaning, void (*work)(const CheckpointArguments&)) {
  CLI::App* command = checkpoint.add_subcommand(name, meaning);
  command->add_flag("--json", given->json, "print as JSON");
  command->callback([&slot, given, work] {
    slot.work = [given, work](int&, char**&) {
      work(*given);
      return 0;
    };
  });
  return command;
}

}  // namespace

void add_checkpoint_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* checkpoint =
      app.add_subcommand("checkpoint", "The checkpoints of a run: which, whether whole, which go");
  checkpoint->require_subcommand(1);
  checkpoint->footer(
      "A checkpoint's weights as one file, for predict, eval and weights.init:\n"
      "catamaran weights export CHECKPOINT --weights raw --out FILE.safetensors");
  const auto given = std::make_shared<CheckpointArguments>();

  CLI::App* listing =
      add_sub_command(*checkpoint, slot, given, "list",
                      "Every checkpoint of a run, and what killed writers left", list);
  listing->add_option("run", given->run, "run directory")->check(not_empty())->required();
  listing->footer("Example: catamaran checkpoint list runs/voc");

  CLI::App* verifying = add_sub_command(
      *checkpoint, slot, given, "verify",
      "Reads all of it and compares checksums; code 4 where one is damaged", verify);
  verifying
      ->add_option("paths", given->paths, "run directories (all their checkpoints) and checkpoints")
      ->check(not_empty())
      ->required();
  verifying->footer(
      "Examples: catamaran checkpoint verify runs/voc\n"
      "          catamaran checkpoint verify runs/voc/checkpoints/step-00001234");

  CLI::App* pruning = add_sub_command(
      *checkpoint, slot, given, "prune",
      "Deletes the checkpoints of a run that training would delete, and leftovers", prune);
  pruning->add_option("run", given->run, "run directory that no job is using")
      ->check(not_empty())
      ->required();
  pruning
      ->add_option("--keep", given->keep,
                   "newest that stay, besides the best and those of checkpoint.keep_every_epochs; "
                   "without it, checkpoint.keep of the run")
      ->check(at_least(1));
  pruning->add_flag("--dry-run", given->dry_run, "tell what would go, and delete nothing");
  pruning->footer("Example: catamaran checkpoint prune runs/voc --keep 1 --dry-run");
}

}  // namespace catamaran
