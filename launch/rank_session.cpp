#include "launch/rank_session.h"

#include <memory>
#include <string>

#include "launch/exit_code.h"
#include "launch/version.h"
#include "support/error.h"
#include "support/heap.h"
#include "support/host_name.h"
#include "support/last_resort.h"
#include "support/log.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr double kStarts = 5;  // times comm.timeout_seconds

std::string too_late(double seconds) {
  return text(
      "rank %d on %s, start: the ranks did not meet within %.0f s; look for a rank that did not "
      "start, or raise "
      "comm.timeout_seconds, of which this is five times",
      std::max(0, rank_from_environment()), host_name().c_str(), seconds);
}

}  // namespace

struct RankSession::Started {
  std::unique_ptr<MpiSession> mpi;
  ProcessGroup group;
};

RankSession::RankSession(Started started)
    : mpi_(std::move(started.mpi)), group_(std::move(started.group)) {}

RankSession::RankSession(int& argc, char**& argv, const CommOptions& options)
    : RankSession([&] {
        const double seconds = kStarts * options.timeout_seconds;
        const LastResort bound(seconds, exit_code(ErrorKind::kCommunication), too_late(seconds));
        keep_freed_memory();
        auto mpi = std::make_unique<MpiSession>(argc, argv);
        configure_log(mpi->rank(), mpi->world());
        ProcessGroup group = make_process_group(*mpi, options);
        return Started{std::move(mpi), std::move(group)};
      }()) {}

}  // namespace catamaran
