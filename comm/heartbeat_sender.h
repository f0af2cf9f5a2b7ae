// HeartbeatSender: a thread that sends what its source says of this rank to a HeartbeatListener,
// about once a second.
//
//   HeartbeatSender sender(target, rank, [] { return Heartbeat{.step = 7, .place = "in backward"};
//   });
//
// The thread calls no MPI and never waits for the network: a datagram that cannot be sent at once
// is left out, and whether one arrives it does not know. The source is called in that thread, from
// the constructor until the destructor has returned; rank and sequence number are the sender's.
// What it throws leaves one heartbeat out. Errors: CommError where no socket can be had. One thread
// at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "comm/heartbeat_listener.h"
#include "support/file_descriptor.h"

namespace catamaran {

class HeartbeatSender {
 public:
  using Source = std::function<Heartbeat()>;

  HeartbeatSender(const HeartbeatTarget& target, int rank, Source source,
                  std::chrono::milliseconds interval = std::chrono::seconds(1));
  HeartbeatSender(const HeartbeatSender&) = delete;
  HeartbeatSender& operator=(const HeartbeatSender&) = delete;
  ~HeartbeatSender();

 private:
  void run() noexcept;
  void send_one(int64_t sequence);

  HeartbeatToken token_;
  int rank_;
  Source source_;
  std::chrono::milliseconds interval_;
  FileDescriptor socket_;
  std::mutex mutex_;  // guards stop_
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace catamaran
