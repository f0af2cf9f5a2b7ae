#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "comm/mpi_session.h"
#include "comm/process_group.h"
#include "evaluation/protocol.h"
#include "launch/command.h"
#include "launch/self_launch.h"
#include "support/atomic_file.h"
#include "support/heap.h"
#include "support/log.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

struct EvalArguments {
  EvaluateRequest request;
  CommOptions comm;
  std::string protocol = "default";
  std::filesystem::path scores;
  std::filesystem::path out;
  bool per_class = false;
  bool json = false;
  int64_t ranks = 0;
};

void print_row(const char* name, const FMeasures& f) {
  std::printf("  %-6s OP %6.2f  OR %6.2f  OF1 %6.2f  CP %6.2f  CR %6.2f  CF1 %6.2f\n", name,
              100 * f.op, 100 * f.orr, 100 * f.of1, 100 * f.cp, 100 * f.cr, 100 * f.cf1);
}

void print(const Evaluation& e, bool per_class) {
  std::printf("protocol %-8s mAP %6.2f   (%ld images, %zu classes, %ld without positives)\n",
              e.protocol.name.c_str(), 100 * e.map, e.images, e.classes.size(),
              e.classes_without_positives);
  print_row("all", e.all);
  print_row("top-3", e.top3);
  for (size_t c = 0; per_class && c < e.classes.size(); ++c) {
    if (e.ap[c]) {
      std::printf("  %-24s AP %6.2f\n", e.classes[c].c_str(), 100 * *e.ap[c]);
    } else {
      std::printf("  %-24s no positives\n", e.classes[c].c_str());
    }
  }
}

int run(const EvalArguments& given, int& argc, char**& argv) {
  const std::vector<std::string> names =
      given.protocol == "all" ? protocol_names()
                              : std::vector<std::string>{protocol(given.protocol).name};
  given.comm.check();
  if (given.ranks > 0) return launch_ranks(given.ranks, argc, argv, OnStop::kEnd);
  keep_freed_memory();
  MpiSession mpi(argc, argv);
  configure_log(mpi.rank(), mpi.world());
  for (const std::filesystem::path& target : {given.scores, given.out})
    if (mpi.rank() == 0 && !target.empty()) require_writable_target(target, ErrorKind::kUsage);
  ProcessGroup group = make_process_group(mpi, given.comm);
  const ScoreTable table = score_pack(given.request, group);
  if (!group.is_root()) return 0;
  if (!given.scores.empty()) write_scores(given.scores, table, given.request.pack);
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& name : names) {
    const Evaluation evaluation = evaluate(table, protocol(name));
    all.push_back(nlohmann::json::parse(evaluation_json(evaluation)));
    if (!given.json) print(evaluation, given.per_class);
  }
  const std::string text = (all.size() == 1 ? all.front() : all).dump(2) + "\n";
  if (given.json) std::fputs(text.c_str(), stdout);
  if (!given.out.empty()) write_file_atomically(given.out, text, ErrorKind::kUsage);
  return 0;
}

}  // namespace

void add_eval_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* eval = app.add_subcommand(
      "eval", "Score a pack with trained weights: mAP, OP OR OF1 CP CR CF1, top-3");
  const auto given = std::make_shared<EvalArguments>();
  eval->add_option("--checkpoint", given->request.checkpoint,
                   "run directory, checkpoint folder or .safetensors file")
      ->required();
  eval->add_option("--data", given->request.pack, "pack folder")->required();
  eval->add_option("--protocol", given->protocol, "default, mlgcn, voc2010, voc2007, or all")
      ->capture_default_str();
  eval->add_option("--weights", given->request.weights, "auto: ema if there, else raw")
      ->check(CLI::IsMember({"auto", "ema", "raw"}))
      ->capture_default_str();
  eval->add_option("--precision", given->request.precision,
                   "auto: as the checkpoint's run computed; fp32, bf16, fp16")
      ->check(CLI::IsMember({"auto", "fp32", "bf16", "fp16"}))
      ->capture_default_str();
  eval->add_option("--batch", given->request.batch, "images a rank at a time")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  eval->add_option("--scores", given->scores, "write every score to this HDF5 file");
  eval->add_option("--out", given->out, "write the result to this JSON file");
  eval->add_option("--backend", given->comm.backend, "auto, mpi, nccl")->capture_default_str();
  eval->add_option("--ranks", given->ranks, "start so many ranks on this machine (with mpirun)")
      ->check(CLI::Range(1, kMostRanks));
  eval->add_flag("--per-class", given->per_class, "AP of every class");
  eval->add_flag("--json", given->json, "print the result as JSON");
  eval->footer(
      "Example: catamaran eval --checkpoint runs/voc --data packs/voc07-test --protocol all "
      "--per-class");
  eval->callback([&slot, given] {
    slot.work = [given](int& argc, char**& argv) { return run(*given, argc, argv); };
  });
}

}  // namespace catamaran
