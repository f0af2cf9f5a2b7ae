#include "comm/heartbeat.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

namespace catamaran {
namespace {

constexpr uint32_t kVersion = 1;
constexpr size_t kPlaceBytes = 48;  // the last one is 0

struct Wire {
  uint32_t version;
  int32_t rank;
  HeartbeatToken token;
  int64_t sequence;
  int64_t step;
  double still_seconds;
  int64_t collectives;
  int64_t resident_bytes;
  int64_t shared_bytes;
  int64_t limit_bytes;
  std::array<char, kPlaceBytes> place;
};
static_assert(sizeof(Wire) == kHeartbeatBytes && std::is_trivially_copyable_v<Wire>);

bool is_plain(char c) { return c >= ' ' && c <= '~'; }

bool is_possible(const Wire& wire, int world) {
  return wire.rank >= 0 && wire.rank < world && wire.sequence > 0 && wire.step >= 0 &&
         std::isfinite(wire.still_seconds) && wire.still_seconds >= 0 && wire.collectives >= 0 &&
         wire.shared_bytes >= 0 && wire.resident_bytes >= wire.shared_bytes &&
         wire.limit_bytes >= 0;
}

}  // namespace

HeartbeatBytes heartbeat_bytes(const Heartbeat& beat, const HeartbeatToken& token) {
  Wire wire{.version = kVersion,
            .rank = beat.rank,
            .token = token,
            .sequence = beat.sequence,
            .step = beat.step,
            .still_seconds = beat.still_seconds,
            .collectives = beat.collectives,
            .resident_bytes = beat.resident_bytes,
            .shared_bytes = beat.shared_bytes,
            .limit_bytes = beat.limit_bytes,
            .place = {}};
  std::copy_n(beat.place.begin(), std::min(beat.place.size(), kPlaceBytes - 1), wire.place.begin());
  HeartbeatBytes bytes{};
  std::memcpy(bytes.data(), &wire, sizeof wire);
  return bytes;
}

std::optional<Heartbeat> heartbeat_from(std::span<const std::byte> bytes,
                                        const HeartbeatToken& token, int world) {
  if (bytes.size() != kHeartbeatBytes) return std::nullopt;
  Wire wire{};
  std::memcpy(&wire, bytes.data(), sizeof wire);
  if (wire.version != kVersion || wire.token != token || !is_possible(wire, world))
    return std::nullopt;
  const auto end = std::ranges::find(wire.place, '\0');
  if (end == wire.place.end() || !std::all_of(wire.place.begin(), end, is_plain))
    return std::nullopt;
  return Heartbeat{.rank = wire.rank,
                   .sequence = wire.sequence,
                   .step = wire.step,
                   .place = std::string(wire.place.begin(), end),
                   .still_seconds = wire.still_seconds,
                   .collectives = wire.collectives,
                   .resident_bytes = wire.resident_bytes,
                   .shared_bytes = wire.shared_bytes,
                   .limit_bytes = wire.limit_bytes};
}

}  // namespace catamaran
