#include "monitoring/http_server.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <stdexcept>
#include <thread>

#include "http_client.h"

namespace catamaran {
namespace {

TEST(HttpServer, AnswersAnErrorOfThePageWithStatus500) {
  const HttpServer server("127.0.0.1", 0, [](const std::string& path) {
    if (path == "/broken") throw std::runtime_error("no page today");
    return std::optional<std::string>("fine\n");
  });
  const std::string broken = http_get(server.port(), "/broken");
  EXPECT_NE(broken.find("500 Internal Server Error"), std::string::npos) << broken;
  EXPECT_NE(broken.find("no page today"), std::string::npos) << broken;
  EXPECT_NE(http_get(server.port(), "/whole").find("fine"), std::string::npos);
}

TEST(HttpServer, WaitsWithoutWorkWhileTheProcessIsOutOfDescriptorsAndThenAnswers) {
  const HttpServer server("127.0.0.1", 0,
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
