#include "monitoring/http_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <vector>

#include "http_client.h"
#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

std::optional<HttpPage> fine(const std::string&) { return HttpPage("fine\n"); }

// A request of so many bytes.
std::string request_of(size_t bytes) {
  const std::string begin = "GET / HTTP/1.1\r\nX: ";
  return begin + std::string(bytes - begin.size() - 4, 'x') + "\r\n\r\n";
}

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

TEST(HttpServer, TakesARequestOf8KiBAndNoByteMore) {
  const HttpServer server("127.0.0.1", {.first = 0}, fine);
  EXPECT_TRUE(http_exchange(server.port(), request_of(8192)).starts_with("HTTP/1.1 200"));
  const std::string refused = http_exchange(server.port(), request_of(8193));
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 431")) << refused;
}

TEST(HttpServer, SaysWhatAPageIs) {
  const HttpServer server("127.0.0.1", {.first = 0}, [](const std::string& path) {
    return path == "/json" ? HttpPage("[]\n", "200 OK", kJsonType) : HttpPage("fine\n");
  });
  EXPECT_NE(http_get(server.port(), "/json").find("\r\nContent-Type: application/json\r\n"),
            std::string::npos);
  EXPECT_NE(http_get(server.port(), "/")
                .find("\r\nContent-Type: text/plain; version=0.0.4; "
                      "charset=utf-8\r\n"),
            std::string::npos);
}

TEST(HttpServer, NamesTheOptionWhosePortIsTaken) {
  const HttpServer server("127.0.0.1", {.first = 0}, fine);
  try {
    const HttpServer second(
        "127.0.0.1", {.first = server.port(), .key = "--port", .hint = "give another one"}, fine);
    FAIL() << "two servers share port " << server.port();
  } catch (const UsageError& error) {
    const std::string said = error.what();
    EXPECT_TRUE(said.starts_with("--port: the port 127.0.0.1:" + std::to_string(server.port()) +
                                 " cannot be opened: Address already in use; give another one"))
        << said;
  }
}

TEST(HttpServer, AnswersGetAloneAndOneRequestAConnection) {
  const HttpServer server("127.0.0.1", {.first = 0}, fine);
  for (const std::string method : {"HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"}) {
    const std::string answer = http_exchange(server.port(), method + " / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 405")) << method << answer;
  }
  const std::string get = "GET / HTTP/1.1\r\n\r\n";
  const std::string answer = http_exchange(server.port(), get + get + get);
  EXPECT_NE(answer.find("fine"), std::string::npos);
  EXPECT_EQ(answer.find("HTTP/1.1"), answer.rfind("HTTP/1.1"));
}

// In this process each is two descriptors: the client's, and the server's once it is accepted.
TEST(HttpServer, HoldsSixtyFourConnectionsAtMost) {
  const HttpServer server("127.0.0.1", {.first = 0}, fine);
  const std::ptrdiff_t before = open_descriptors();
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(connect_to(server.port()));
  std::ptrdiff_t most = 0;
  const auto look_for = [&](double seconds) {
    for (const Stopwatch watch; most <= 64 && watch.seconds() < seconds;)
      most = std::max(most, open_descriptors() - before - std::ssize(clients));
  };
  while (most == 0) look_for(0.01);
  look_for(0.5);
  EXPECT_LE(most, 64);
}

TEST(HttpServer, AnswersWhileEveryPlaceIsHeldByAClientThatSaysNothing) {
  const HttpServer server("127.0.0.1", {.first = 0}, fine);
  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 64; ++i) silent.push_back(connect_to(server.port()));
  EXPECT_NE(http_get(server.port(), "/").find("fine"), std::string::npos);
  const auto is_open = [](const FileDescriptor& client) {
    char byte = 0;
    return ::recv(client.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  };
  // All are as old as each other: had the answer waited for places that time makes free, all would
  // be closed.
  EXPECT_GE(std::count_if(silent.begin(), silent.end(), is_open), 32);
}

TEST(HttpServer, ListensOnTheAddressThatItWasGivenAlone) {
  const HttpServer server("127.0.0.1", {.first = 0}, fine);
  const FileDescriptor other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(server.port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  EXPECT_NE(::connect(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(connect_to(server.port()));
}

TEST(HttpServer, AnswersAnErrorOfThePageWithStatus500) {
  const HttpServer server("127.0.0.1", {}, [](const std::string& path) {
    if (path == "/broken") throw std::runtime_error("no page today");
    return std::optional<std::string>("fine\n");
  });
  const std::string broken = http_get(server.port(), "/broken");
  EXPECT_NE(broken.find("500 Internal Server Error"), std::string::npos) << broken;
  EXPECT_NE(broken.find("no page today"), std::string::npos) << broken;
  EXPECT_NE(http_get(server.port(), "/whole").find("fine"), std::string::npos);
}

TEST(HttpServer, WaitsWithoutWorkWhileTheProcessIsOutOfDescriptorsAndThenAnswers) {
  const HttpServer server("127.0.0.1", {},
                          [](const std::string&) { return std::optional<std::string>("fine\n"); });
  const FileDescriptor early = connect_to(server.port());
  ASSERT_TRUE(early);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // it is accepted by now
  const FileDescriptor late_socket(::socket(AF_INET, SOCK_STREAM, 0));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(late_socket.get()) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(server.port()));
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected =
      ::connect(late_socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
  const std::clock_t work = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(1000));
  const double worked = static_cast<double>(std::clock() - work) / CLOCKS_PER_SEC;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(connected, 0);
  EXPECT_LT(worked, 0.5);  // of 1 s; a loop that spins takes all of it
  EXPECT_NE(http_get(server.port(), "/").find("fine"), std::string::npos);
}

}  // namespace
}  // namespace catamaran
