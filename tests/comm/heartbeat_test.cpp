// Heartbeats over the loopback, two ranks in one process: what arrives, what is dropped, and what
// is known of a rank that falls silent.
#include "comm/heartbeat.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <thread>

#include "comm/heartbeats.h"
#include "comm/self_communicator.h"
#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

using namespace std::chrono_literals;

constexpr int kWorld = 3;

Heartbeat beat_of(int rank, int64_t sequence) {
  return {.rank = rank,
          .sequence = sequence,
          .step = 7,
          .place = "after wait for exchange",
          .still_seconds = 0.25,
          .collectives = 20,
          .resident_bytes = 3'000'000'000,
          .shared_bytes = 1'000'000'000,
          .limit_bytes = 64'000'000'000};
}

// Until `condition`; false after far longer than it takes anywhere.
bool within_patience(const std::function<bool()>& condition) {
  const Stopwatch waiting;
  while (!condition()) {
    if (waiting.seconds() > 60) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

// Sends whatever bytes to a listener.
class PlainSocket {
 public:
  explicit PlainSocket(const HeartbeatTarget& target)
      : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<uint16_t>(target.port));
    ::inet_pton(AF_INET, target.address.c_str(), &where.sin_addr);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
  }
  void send(std::span<const std::byte> bytes) const {
    EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), 0), std::ssize(bytes));
  }

 private:
  FileDescriptor socket_;
};

TEST(Heartbeat, IsReadBackAsItWasSent) {
  const HeartbeatToken token{std::byte{5}};
  const auto read = heartbeat_from(heartbeat_bytes(beat_of(2, 9), token), token, kWorld);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->rank, 2);
  EXPECT_EQ(read->sequence, 9);
  EXPECT_EQ(read->step, 7);
  EXPECT_EQ(read->place, "after wait for exchange");
  EXPECT_EQ(read->still_seconds, 0.25);
  EXPECT_EQ(read->collectives, 20);
  EXPECT_EQ(read->resident_bytes, 3'000'000'000);
  EXPECT_EQ(read->shared_bytes, 1'000'000'000);
  EXPECT_EQ(read->limit_bytes, 64'000'000'000);
}

TEST(Heartbeat, SendsTheBeginningOfALongPlace) {
  Heartbeat beat = beat_of(1, 1);
  beat.place = std::string(100, 'x');
  const auto read = heartbeat_from(heartbeat_bytes(beat, {}), {}, kWorld);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->place, std::string(47, 'x'));
}

TEST(Heartbeat, IsNothingElse) {
  const HeartbeatToken token{std::byte{5}};
  const HeartbeatBytes good = heartbeat_bytes(beat_of(1, 1), token);
  const std::span<const std::byte> bytes(good);
  EXPECT_TRUE(heartbeat_from(bytes, token, kWorld));
  EXPECT_FALSE(heartbeat_from(bytes, {}, kWorld)) << "another job's token";
  EXPECT_FALSE(heartbeat_from(bytes.first(bytes.size() - 1), token, kWorld)) << "short";
  EXPECT_FALSE(heartbeat_from({}, token, kWorld)) << "empty";
  EXPECT_FALSE(heartbeat_from(bytes, token, 1)) << "a rank that does not exist";
  HeartbeatBytes other_version = good;
  other_version[0] = std::byte{2};
  EXPECT_FALSE(heartbeat_from(other_version, token, kWorld));
  HeartbeatBytes endless_place = good;
  for (size_t i = good.size() - 48; i < good.size(); ++i) endless_place[i] = std::byte{'x'};
  EXPECT_FALSE(heartbeat_from(endless_place, token, kWorld));
  const auto is_refused = [&](const std::function<void(Heartbeat&)>& spoil) {
    Heartbeat beat = beat_of(1, 1);
    spoil(beat);
    return !heartbeat_from(heartbeat_bytes(beat, token), token, kWorld);
  };
  EXPECT_TRUE(is_refused([](Heartbeat& b) { b.rank = -1; }));
  EXPECT_TRUE(is_refused([](Heartbeat& b) { b.sequence = 0; }));
  EXPECT_TRUE(is_refused([](Heartbeat& b) { b.step = -1; }));
  EXPECT_TRUE(is_refused([](Heartbeat& b) { b.collectives = -1; }));
  EXPECT_TRUE(is_refused([](Heartbeat& b) { b.resident_bytes = -1; }));
  EXPECT_TRUE(is_refused([](Heartbeat& b) { b.shared_bytes = -1; }));
  EXPECT_TRUE(is_refused([](Heartbeat& b) { b.shared_bytes = b.resident_bytes + 1; }));
  EXPECT_TRUE(is_refused([](Heartbeat& b) { b.limit_bytes = -1; }));
  EXPECT_TRUE(is_refused([](Heartbeat& b) { b.still_seconds = std::nan(""); }));
  EXPECT_TRUE(is_refused([](Heartbeat& b) { b.place = "\x1b[2J"; })) << "a terminal's commands";
}

TEST(HeartbeatListener, KnowsTheNewestOfEachRankThatSends) {
  HeartbeatListener listener("127.0.0.1", kWorld);
  std::atomic<int64_t> step = 3;
  const HeartbeatSender sender(
      listener.target(), 1, [&] { return Heartbeat{.step = step, .place = "in evaluation"}; },
      10ms);
  ASSERT_TRUE(within_patience([&] { return listener.heard()[1].has_value(); }));
  step = 4;
  ASSERT_TRUE(within_patience([&] { return listener.heard()[1]->newest.step == 4; }));
  const auto heard = listener.heard();
  ASSERT_EQ(heard.size(), static_cast<size_t>(kWorld));
  EXPECT_EQ(heard[1]->newest.rank, 1) << "the sender's, whatever the source says";
  EXPECT_EQ(heard[1]->newest.place, "in evaluation");
  EXPECT_GE(heard[1]->seconds_ago, 0);
  EXPECT_FALSE(heard[2].has_value()) << "that rank never sent one";
}

TEST(HeartbeatListener, NotesHowLongARankHasBeenSilent) {
  HeartbeatListener listener("127.0.0.1", 2);
  {
    const HeartbeatSender sender(
        listener.target(), 1, [] { return Heartbeat{}; }, 10ms);
    ASSERT_TRUE(within_patience([&] { return listener.heard()[1].has_value(); }));
  }
  EXPECT_TRUE(within_patience([&] { return listener.heard()[1]->seconds_ago > 0.2; }));
  EXPECT_GT(listener.longest_silence(), 0.2);
}

TEST(HeartbeatListener, CountsASilenceFromItsStartWhereARankWasNeverHeard) {
  HeartbeatListener listener("127.0.0.1", 2);
  EXPECT_TRUE(within_patience([&] { return listener.longest_silence() > 0.05; }));
  EXPECT_EQ(HeartbeatListener("127.0.0.1", 1).longest_silence(), 0) << "there is no other rank";
  EXPECT_TRUE(HeartbeatListener("127.0.0.1", 1).silences().empty());
  EXPECT_EQ(listener.silences().size(), 1u) << "of rank 1 alone";
}

TEST(HeartbeatListener, DropsWhatIsNoHeartbeatOfThisJob) {
  HeartbeatListener listener("127.0.0.1", kWorld);
  const HeartbeatToken& token = listener.target().token;
  const PlainSocket socket(listener.target());
  const HeartbeatBytes good = heartbeat_bytes(beat_of(1, 5), token);
  std::vector<std::byte> longer(good.begin(), good.end());
  longer.resize(60'000);
  for (int round = 0; round < 20; ++round) {
    socket.send(std::vector<std::byte>(kHeartbeatBytes, std::byte{0xff}));
    socket.send({});
    socket.send(std::span(good).first(60));
    socket.send(longer);
    socket.send(heartbeat_bytes(beat_of(1, 900), {}));
    socket.send(heartbeat_bytes(beat_of(kWorld, 900), token));
  }
  // A datagram may be lost, even here: sent until one arrives.
  ASSERT_TRUE(within_patience([&] {
    socket.send(good);
    return listener.heard()[1].has_value();
  }));
  EXPECT_EQ(listener.heard()[1]->newest.sequence, 5);
  EXPECT_FALSE(listener.heard()[0].has_value());
  EXPECT_FALSE(listener.heard()[2].has_value());
}

TEST(HeartbeatListener, IsNotTakenBackByOneThatWasOvertaken) {
  HeartbeatListener listener("127.0.0.1", kWorld);
  const HeartbeatToken& token = listener.target().token;
  const PlainSocket socket(listener.target());
  const auto sequence_of = [&](int rank) {
    const auto heard = listener.heard()[static_cast<size_t>(rank)];
    return heard ? heard->newest.sequence : 0;
  };
  ASSERT_TRUE(within_patience([&] {
    socket.send(heartbeat_bytes(beat_of(1, 8), token));
    return sequence_of(1) == 8;
  }));
  ASSERT_TRUE(within_patience([&] {
    socket.send(heartbeat_bytes(beat_of(1, 7), token));
    socket.send(heartbeat_bytes(beat_of(2, 1), token));  // behind it in the socket
    return sequence_of(2) == 1;
  }));
  EXPECT_EQ(sequence_of(1), 8);
}

TEST(HeartbeatListener, HasATokenOfItsOwn) {
  EXPECT_NE(HeartbeatListener("127.0.0.1", 2).target().token,
            HeartbeatListener("127.0.0.1", 2).target().token);
}

TEST(HeartbeatListener, IsAnErrorWhereNoSocketCanBeHad) {
  EXPECT_THROW(HeartbeatListener("192.0.2.1", 2), CommError) << "no address of this host";
  EXPECT_THROW(HeartbeatListener("somewhere", 2), CommError);
}

TEST(HeartbeatSender, DoesNotMindThatNobodyListensOrThatItsSourceFails) {
  HeartbeatTarget nobody;
  {
    const HeartbeatListener listener("127.0.0.1", 2);
    nobody = listener.target();
  }
  std::atomic<int> asked = 0;
  const HeartbeatSender sender(
      nobody, 1,
      [&]() -> Heartbeat {
        if (++asked == 2) throw std::runtime_error("nothing to say");
        return {};
      },
      5ms);
  EXPECT_TRUE(within_patience([&] { return asked > 5; }));
  EXPECT_THROW(HeartbeatSender({.address = "somewhere", .port = 1, .token = {}}, 1,
                               [] { return Heartbeat{}; }),
               CommError);
}

TEST(HeartbeatTarget, IsReadBackFromItsText) {
  HeartbeatTarget target{.address = "10.1.2.3", .port = 45678, .token = {}};
  for (size_t i = 0; i < target.token.size(); ++i) target.token[i] = static_cast<std::byte>(16 * i);
  const HeartbeatTarget read = target_from_text(target_text(target));
  EXPECT_EQ(read.address, "10.1.2.3");
  EXPECT_EQ(read.port, 45678);
  EXPECT_EQ(read.token, target.token);
  EXPECT_THROW(target_from_text("10.1.2.3 45678 1 2 3"), CommError);
}

TEST(HeartbeatAddress, IsTheLoopbackWhereNoOtherAddressIsAnothers) {
  EXPECT_EQ(address_towards({{"10.1.2.3"}, {}}, {"10.1.2.3"}), "127.0.0.1");
}

TEST(HeartbeatAddress, IsOneOfThisHostsOrNone) {
  const std::vector<std::string> mine = host_addresses();
  for (const std::string& address : mine) EXPECT_FALSE(address.starts_with("127."));
  const std::string chosen = address_towards({{"192.0.2.1"}}, mine);
  if (!chosen.empty()) {
    EXPECT_THAT(mine, testing::Contains(chosen));
  }
  EXPECT_EQ(address_towards({{"no address"}}, mine), "");
}

TEST(Heartbeats, AreNoneInAWorldOfOne) {
  ProcessGroup alone(0, 1, 0, 1, "alone", DeviceKind::kCpu, 0, 1,
                     std::make_unique<SelfCommunicator>(), std::make_unique<SelfCommunicator>());
  EXPECT_EQ(Heartbeats(alone, [] { return Heartbeat{}; }).listener(), nullptr);
}

}  // namespace
}  // namespace catamaran
