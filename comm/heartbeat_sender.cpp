#include "comm/heartbeat_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "support/error.h"

namespace catamaran {

HeartbeatSender::HeartbeatSender(const HeartbeatTarget& target, int rank, Source source,
                                 std::chrono::milliseconds interval)
    : token_(target.token),
      rank_(rank),
      source_(std::move(source)),
      interval_(interval),
      socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(target.port));
  if (!socket_ || ::inet_pton(AF_INET, target.address.c_str(), &where.sin_addr) != 1 ||
      ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
    throw CommError(with_errno("no socket for heartbeats to '" + target.address + "'", errno),
                    "heartbeats", "");
  }
  thread_ = std::thread([this] { run(); });
}

HeartbeatSender::~HeartbeatSender() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void HeartbeatSender::run() noexcept {
  ::pthread_setname_np(::pthread_self(), "heartbeat");
  std::unique_lock lock(mutex_);
  for (int64_t sequence = 1; !stop_; ++sequence) {
    lock.unlock();
    try {
      send_one(sequence);
    } catch (const std::exception&) {  // a heartbeat less
    }
    lock.lock();
    stopped_.wait_for(lock, interval_, [this] { return stop_; });
  }
}

void HeartbeatSender::send_one(int64_t sequence) {
  Heartbeat beat = source_();
  beat.rank = rank_;
  beat.sequence = sequence;
  const HeartbeatBytes bytes = heartbeat_bytes(beat, token_);
  // An error may be of an earlier datagram (nobody listens): it changes nothing.
  (void)!::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

}  // namespace catamaran
