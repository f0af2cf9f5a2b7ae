// HeartbeatListener: rank 0's ear for the heartbeats of the others: a UDP socket and a thread that
// keeps the newest heartbeat of each rank.
//
//   HeartbeatListener listener("127.0.0.1", world);
//   tell_everybody(listener.target());
//   for (const auto& heard : listener.heard()) if (heard) heard->seconds_ago ...
//
// Memory is one record a rank, whatever arrives; what is no heartbeat of this job, and what is not
// newer than what is known, is dropped without a word. The thread sleeps while nothing arrives, and
// looks at most twenty times a second at a limited number of datagrams: the kernel drops what a
// flood brings beyond that. Arrivals are noted on this process's steady clock; it calls no MPI.
// Thread-safe. Errors: CommError where no socket can be had.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "comm/heartbeat.h"
#include "support/file_descriptor.h"

namespace catamaran {

// Where heartbeats go, and what they must carry.
struct HeartbeatTarget {
  std::string address;  // IPv4, as 127.0.0.1
  int port = 0;
  HeartbeatToken token{};
};

class HeartbeatListener {
 public:
  // address: of this host; the kernel picks the port.
  HeartbeatListener(const std::string& address, int world);
  HeartbeatListener(const HeartbeatListener&) = delete;
  HeartbeatListener& operator=(const HeartbeatListener&) = delete;
  ~HeartbeatListener();

  const HeartbeatTarget& target() const { return target_; }
  // By rank; nullopt: none was ever heard.
  std::vector<std::optional<HeardHeartbeat>> heard() const;
  // Seconds since each rank from 1 on was heard; since the start of this where it never was.
  std::vector<double> silences() const;
  // The longest of them; 0 in a world of one.
  double longest_silence() const;

 private:
  struct Record {
    Heartbeat newest;  // of sequence 0: none
    double arrived = 0;
  };
  void run() noexcept;
  void receive_some();
  void note(const Heartbeat& beat);

  HeartbeatTarget target_;
  double started_;
  FileDescriptor socket_;
  FileDescriptor wake_read_;
  FileDescriptor wake_write_;
  mutable std::mutex mutex_;     // guards records_
  std::vector<Record> records_;  // by rank
  std::thread thread_;           // last: it uses all the others
};

}  // namespace catamaran
