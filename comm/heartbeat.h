// A heartbeat: what a rank says of itself about once a second, in one datagram of fixed size.
//
//   const HeartbeatBytes bytes = heartbeat_bytes(beat, token);
//   if (const auto beat = heartbeat_from(received, token, world)) ...
//
// The token is the job's: a datagram without it, of another version or size, of a rank that does
// not exist, or with numbers or letters that no rank writes, is no heartbeat. Ranks of a job are
// one program on machines of one kind, so numbers travel as they lie in memory. Pure functions;
// thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace catamaran {

struct Heartbeat {
  int rank = 0;
  int64_t sequence = 0;        // from 1
  int64_t step = 0;            // as metrics.jsonl counts
  std::string place;           // in the step, in words; the first 47 bytes are sent
  double still_seconds = 0;    // since the step loop last moved on
  int64_t collectives = 0;     // that the rank has started
  int64_t resident_bytes = 0;  // support/memory_state.h
  int64_t shared_bytes = 0;    // among them
  int64_t limit_bytes = 0;     // 0: not known
};

// The newest of a rank, and how long ago it arrived, by the listener's steady clock.
struct HeardHeartbeat {
  Heartbeat newest;
  double seconds_ago = 0;
};

using HeartbeatToken = std::array<std::byte, 16>;

constexpr size_t kHeartbeatBytes = 128;
using HeartbeatBytes = std::array<std::byte, kHeartbeatBytes>;

HeartbeatBytes heartbeat_bytes(const Heartbeat& beat, const HeartbeatToken& token);
// nullopt: no heartbeat of this job.
std::optional<Heartbeat> heartbeat_from(std::span<const std::byte> bytes,
                                        const HeartbeatToken& token, int world);

}  // namespace catamaran
