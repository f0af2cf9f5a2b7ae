#include "support/port_probe.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "support/file_descriptor.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;

// One that is listened on as long as this lives.
class TakenPort {
 public:
  TakenPort() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&where), size), 0);
    EXPECT_EQ(::listen(socket_.get(), 1), 0);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&where), &size), 0);
    port_ = ntohs(where.sin_port);
  }
  int64_t port() const { return port_; }
  void close() { socket_.reset(); }

 private:
  FileDescriptor socket_;
  int64_t port_ = 0;
};

TEST(PortProbe, TellsATakenPortFromAFreeOne) {
  TakenPort taken;
  EXPECT_THAT(port_problem("127.0.0.1", taken.port()), HasSubstr("Address already in use"));
  taken.close();
  EXPECT_EQ(port_problem("127.0.0.1", taken.port()), "");
}

TEST(PortProbe, LetsThePortGoAgain) {
  TakenPort taken;
  taken.close();
  EXPECT_EQ(port_problem("127.0.0.1", taken.port()), "");
  EXPECT_EQ(port_problem("127.0.0.1", taken.port()), "");
}

TEST(PortProbe, TakesPortZeroForAnyAndRefusesWhatIsNoAddress) {
  EXPECT_EQ(port_problem("127.0.0.1", 0), "");
  EXPECT_THAT(port_problem("here", 80), HasSubstr("no address"));
  EXPECT_THAT(port_problem("127.0.0.1", 65536), HasSubstr("no address"));
  EXPECT_NE(port_problem("203.0.113.7", 0), "") << "of no machine (RFC 5737)";
}

TEST(HostAddresses, OfALoopbackNameAreNoUseToOthers) {
  const HostAddresses here = addresses_of("localhost");
  EXPECT_EQ(here.problem, "");
  EXPECT_TRUE(here.only_loopback());
  EXPECT_FALSE(
      (HostAddresses{.addresses = {"127.0.1.1", "10.0.0.7"}, .problem = ""}.only_loopback()));
}

TEST(HostAddresses, OfANameThatDoesNotExistAreAProblemWithItsName) {
  const HostAddresses there = addresses_of("no-such-host.invalid");  // RFC 2606
  EXPECT_TRUE(there.addresses.empty());
  EXPECT_FALSE(there.only_loopback());
  EXPECT_THAT(there.problem, HasSubstr("no-such-host.invalid"));
}

}  // namespace
}  // namespace catamaran
