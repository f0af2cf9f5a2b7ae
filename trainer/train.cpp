#include <unistd.h>

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "comm/agreement.h"
#include "dataio/label_statistics.h"
#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/json.h"
#include "support/log.h"
#include "support/log_counts.h"
#include "trainer/api.h"
#include "trainer/builder.h"
#include "trainer/final_file.h"
#include "trainer/packs.h"
#include "trainer/post_mortem.h"
#include "trainer/run_directory.h"
#include "trainer/trainer.h"

namespace catamaran {
namespace {

constexpr double kPatienceSeconds = 15;
constexpr double kMostPatienceSeconds = kPatienceSeconds + 1;  // and what it writes there
// What building a trainer makes in the run directory; a start that fails after that leaves none.
constexpr std::array<const char*, 6> kFilesOfABuild = {"metrics-address.txt", "metrics.jsonl",
                                                       "samples.jsonl",       "ranks.jsonl",
                                                       "events.jsonl",        "manifest.json"};

TakeOver take_over_of(const TrainRequest& request) {
  return request.force_lock ? TakeOver::kByForce : TakeOver::kOfTheDead;
}

// Rank 0's, none on others. It may wait for its predecessor for longer than comm.timeout_seconds,
// so the others ask every so often whether it still does; where storage does not answer, not for
// ever.
std::shared_ptr<RunDirectory> take_run_directory(const TrainRequest& request, ProcessGroup& group) {
  constexpr std::chrono::milliseconds kBetweenQuestions(50);
  std::future<std::shared_ptr<RunDirectory>> taking;
  if (group.is_root()) {
    taking = std::async(std::launch::async, [&request] {
      return std::make_shared<RunDirectory>(request.run_dir, kPatienceSeconds,
                                            take_over_of(request));
    });
  }
  const Stopwatch waiting;
  double busy = 1;
  while (busy > 0) {
    busy = group.is_root() && waiting.seconds() < kMostPatienceSeconds &&
                   taking.wait_for(kBetweenQuestions) != std::future_status::ready
               ? 1
               : 0;
    group.host().all_reduce(&busy, 1, DataType::kFloat64, ReduceOp::kMax);
  }
  std::shared_ptr<RunDirectory> directory = group.is_root() ? taking.get() : nullptr;
  group.barrier();  // where rank 0 is refused, its error alone is said
  return directory;
}

// RUN/log.jsonl of rank 0, RUN/logs/rank-00001.jsonl and so on of the others; together, so that a
// start that fails takes all of them away again. A rank without one is told of and goes on.
std::unique_ptr<LogFile> open_log(const std::filesystem::path& run_dir, ProcessGroup& group,
                                  RunDirectory* directory) {
  constexpr const char* kFolder = "logs";
  const auto name_of = [](int rank) {
    return std::string(kFolder) + text("/rank-%05d.jsonl", rank);
  };
  if (group.is_root() && group.world() > 1) {
    std::error_code code;
    std::filesystem::create_directory(directory->will_make(kFolder), code);
    for (int rank = 1; rank < group.world(); ++rank) directory->will_make(name_of(rank));
  }
  group.barrier();
  std::unique_ptr<LogFile> file;
  if (group.is_root()) {
    file = std::make_unique<LogFile>(directory->will_make("log.jsonl"), 0);
  } else {
    try {
      file = std::make_unique<LogFile>(run_dir / name_of(group.rank()), group.rank());
    } catch (const Error& problem) {
      log::warn(std::string("this rank has no log of its own: ") + problem.what());
    }
  }
  group.barrier();
  if (!group.is_root()) {
    log::info(text("rank %d of %d on %s, process %d, %d thread(s), %s", group.rank(), group.world(),
                   group.host_name().c_str(), ::getpid(), group.threads(),
                   group.device_kind() == DeviceKind::kCuda
                       ? text("GPU %d", group.device_index()).c_str()
                       : "CPU"));
  }
  return file;
}

// What the report shows of the data; of the packs of the run's first start.
void write_data_statistics(const RunPacks& packs, const std::filesystem::path& file) {
  if (std::filesystem::exists(file)) return;
  nlohmann::json all = nlohmann::json::array();
  const auto add = [&all](const char* role, const PackReader& pack) {
    nlohmann::json one = statistics_json(label_statistics(pack));
    one["role"] = role;
    all.push_back(std::move(one));
  };
  add("train", *packs.train);
  if (packs.eval) add("eval", *packs.eval);
  write_file_atomically(file, json_text({{"packs", all}}, -1) + "\n", ErrorKind::kUsage);
}

// For memory that runs out: which rank, and what it was doing.
std::string place_of(const ProcessGroup& group, const TraceRecorder* trace, int64_t first_step) {
  const std::string who = text("rank %d on %s, ", group.rank(), group.host_name().c_str());
  if (trace == nullptr) return who + "at the start";
  const TracePlace place = trace->place();
  return who + text("step %ld, ", first_step + place.step) + place_text(place);
}

RunEnd failure_end(const ExitCodes& codes, const std::string& cause,
                   std::optional<ErrorKind> kind) {
  RunEnd end;
  end.reason = "failure";
  end.cause = cause;
  if (kind && codes.of_error != nullptr) end.exit_code = codes.of_error(*kind);
  return end;
}

RunEnd clean_end(const ExitCodes& codes, ExitReason reason, const std::string& stop_reason) {
  const bool done = reason == ExitReason::kDone;
  RunEnd end;
  end.reason = done ? "done" : stop_reason;
  if (codes.of_error != nullptr) end.exit_code = done ? codes.done : codes.stopped;
  return end;
}

}  // namespace

ExitReason train(const TrainRequest& request, ProcessGroup& group) {
  require_same_program(group, "catamaran " + request.version + " (" + request.git + "), " +
                                  versions_text(library_versions()));
  const LogCounts log_counts;
  const RunPacks packs = open_packs(request.options, group);
  // Has the lock until the last file is written.
  const std::shared_ptr<RunDirectory> directory = take_run_directory(request, group);
  const std::unique_ptr<LogFile> log_file = open_log(request.run_dir, group, directory.get());
  std::shared_ptr<FinalFile> final_file;  // rank 0's, once the start has not failed
  std::optional<PostMortem> post_mortem;
  std::shared_ptr<const TraceRecorder> trace;  // lives longer than the trainer
  int64_t first_step = 0;
  try {
    if (group.is_root()) {
      for (const char* name : kFilesOfABuild) directory->will_make(name);
    }
    const std::unique_ptr<Trainer> trainer =
        build_trainer(request, packs, group, directory, &log_counts);
    trainer->prove_storage();
    if (group.is_root()) {
      directory->require_held();  // the start took its time
      write_file_atomically(request.run_dir / "config.toml", request.resolved_config,
                            ErrorKind::kUsage);
      write_data_statistics(packs, directory->will_make("data.json"));
      trainer->announce();
      directory->keep();  // nothing of the start is left to fail
      final_file = std::make_shared<FinalFile>(directory, trainer->monitor().run());
      final_file->follow(trainer->monitor().metrics());
    }
    trace = trainer->trace();
    first_step = trainer->steps_done();
    PostMortemPlace place{.path = request.run_dir, .directory = directory};
    if (final_file) {
      place.on_cause = [final_file, codes = request.exit_codes](const std::string& cause,
                                                                std::optional<ErrorKind> kind) {
        final_file->write(failure_end(codes, cause, kind));
      };
    }
    post_mortem.emplace(place, group, trace, first_step, request.terminated);
    trainer->follow_heartbeats(post_mortem->silences());
    const ExitReason reason = trainer->run();
    if (final_file)  // before the barrier that ends it well
      final_file->write(clean_end(request.exit_codes, reason, trainer->stop_reason()));
    post_mortem->ended_well();
    return reason;
  } catch (const std::exception& problem) {
    const Error error = as_error(problem, place_of(group, trace.get(), first_step));
    if (log_file) log_file->record_end(error);
    if (post_mortem) post_mortem->failed(error);
    if (final_file) final_file->write(failure_end(request.exit_codes, error.what(), error.kind()));
    if (is_out_of_memory(problem)) throw error;  // with its place
    throw;
  }
}

}  // namespace catamaran
