#include <memory>
#include <optional>

#include "support/atomic_file.h"
#include "support/error.h"
#include "trainer/api.h"
#include "trainer/builder.h"
#include "trainer/packs.h"
#include "trainer/run_directory.h"
#include "trainer/trainer.h"

namespace catamaran {

ExitReason train(const TrainRequest& request, ProcessGroup& group) {
  const RunPacks packs = open_packs(request.options.data, group);
  std::optional<RunDirectory> directory;  // holds the lock until the last file is written
  if (group.is_root()) directory.emplace(request.run_dir);
  group.barrier();
  const std::unique_ptr<Trainer> trainer = build_trainer(request, packs, group);
  if (group.is_root()) {
    write_file_atomically(request.run_dir / "config.toml", request.resolved_config,
                          ErrorKind::kUsage);
    directory->keep();  // nothing of the start is left to fail
  }
  return trainer->run();
}

}  // namespace catamaran
