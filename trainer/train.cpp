#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "dataio/label_statistics.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/json.h"
#include "support/log.h"
#include "trainer/api.h"
#include "trainer/builder.h"
#include "trainer/packs.h"
#include "trainer/run_directory.h"
#include "trainer/trainer.h"

namespace catamaran {
namespace {

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

}  // namespace

ExitReason train(const TrainRequest& request, ProcessGroup& group) {
  const RunPacks packs = open_packs(request.options, group);
  std::optional<RunDirectory> directory;  // holds the lock until the last file is written
  if (group.is_root()) directory.emplace(request.run_dir);
  group.barrier();
  std::optional<LogFile> log_file;
  if (group.is_root()) log_file.emplace(directory->will_make("log.jsonl"), group.rank());
  try {
    const std::unique_ptr<Trainer> trainer = build_trainer(request, packs, group);
    if (group.is_root()) {
      write_file_atomically(request.run_dir / "config.toml", request.resolved_config,
                            ErrorKind::kUsage);
      write_data_statistics(packs, directory->will_make("data.json"));
      directory->keep();  // nothing of the start is left to fail
    }
    return trainer->run();
  } catch (const std::exception& problem) {
    if (log_file) log_file->record_error(as_error(problem).what());
    throw;
  }
}

}  // namespace catamaran
