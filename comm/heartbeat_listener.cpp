#include "comm/heartbeat_listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <exception>

#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

constexpr int kPauseMilliseconds = 50;  // between looks: a flood costs twenty a second
constexpr int kMostAtOnce = 1024;       // datagrams of a look

[[noreturn]] void refuse(const std::string& address, int number) {
  throw CommError(with_errno("no socket for heartbeats on '" + address + "'", number), "heartbeats",
                  "");
}

HeartbeatToken random_token() {
  HeartbeatToken token{};
  // Without the kernel's generator a token of zeros still keeps out what was not sent on purpose.
  (void)!::getrandom(token.data(), token.size(), GRND_NONBLOCK);
  return token;
}

}  // namespace

HeartbeatListener::HeartbeatListener(const std::string& address, int world)
    : target_{.address = address, .port = 0, .token = random_token()},
      started_(steady_seconds()),
      socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      records_(static_cast<size_t>(world)) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  socklen_t length = sizeof where;
  if (::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1) refuse(address, EINVAL);
  if (!socket_ ||
      ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
      ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&where), &length) != 0)
    refuse(address, errno);
  target_.port = ntohs(where.sin_port);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) refuse(address, errno);
  wake_read_ = FileDescriptor(ends[0]);
  wake_write_ = FileDescriptor(ends[1]);
  thread_ = std::thread([this] { run(); });
}

HeartbeatListener::~HeartbeatListener() {
  wake_write_.reset();  // the other end becomes readable
  thread_.join();
}

std::vector<std::optional<HeardHeartbeat>> HeartbeatListener::heard() const {
  const std::lock_guard lock(mutex_);
  const double now = steady_seconds();
  std::vector<std::optional<HeardHeartbeat>> all;
  for (const Record& record : records_) {
    all.emplace_back();
    if (record.newest.sequence > 0)
      all.back() = {.newest = record.newest, .seconds_ago = now - record.arrived};
  }
  return all;
}

std::vector<double> HeartbeatListener::silences() const {
  const std::lock_guard lock(mutex_);
  const double now = steady_seconds();
  std::vector<double> all;
  for (size_t rank = 1; rank < records_.size(); ++rank)
    all.push_back(now - std::max(started_, records_[rank].arrived));
  return all;
}

double HeartbeatListener::longest_silence() const {
  const std::vector<double> all = silences();
  return all.empty() ? 0 : *std::ranges::max_element(all);
}

void HeartbeatListener::run() noexcept {
  ::pthread_setname_np(::pthread_self(), "heartbeat");
  std::array<pollfd, 2> watched = {{{wake_read_.get(), POLLIN, 0}, {socket_.get(), POLLIN, 0}}};
  for (;;) {
    watched[0].revents = 0;
    watched[1].revents = 0;
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR)
      std::this_thread::sleep_for(std::chrono::milliseconds(kPauseMilliseconds));
    if (watched[0].revents != 0) return;
    if (watched[1].revents == 0) continue;
    try {
      receive_some();
    } catch (const std::exception&) {  // no memory for a name: a heartbeat less
    }
    ::poll(watched.data(), 1, kPauseMilliseconds);
  }
}

void HeartbeatListener::receive_some() {
  HeartbeatBytes bytes{};
  for (int i = 0; i < kMostAtOnce; ++i) {
    // MSG_TRUNC: the length that was sent, also of what is too long.
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_TRUNC);
    if (got < 0) return;  // nothing more, or a signal: the next look goes on
    if (static_cast<size_t>(got) != bytes.size()) continue;
    if (const auto beat = heartbeat_from(bytes, target_.token, static_cast<int>(records_.size())))
      note(*beat);
  }
}

void HeartbeatListener::note(const Heartbeat& beat) {
  const std::lock_guard lock(mutex_);
  Record& record = records_[static_cast<size_t>(beat.rank)];
  if (beat.sequence <= record.newest.sequence) return;  // it was overtaken, or came twice
  record = {.newest = beat, .arrived = steady_seconds()};
}

}  // namespace catamaran
