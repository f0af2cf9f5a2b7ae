// The endpoint over real HTTP, also with clients that behave badly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "http_client.h"
#include "monitoring/metrics.h"
#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

MonitoringOptions local(int64_t port = 0) {
  MonitoringOptions options;
  options.address = "127.0.0.1";
  options.port = port;
  return options;
}

TEST(MetricsEndpoint, ServesTheMetricsOnAPortThatTheKernelPicked) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  EXPECT_GT(endpoint.port(), 0);
  EXPECT_EQ(endpoint.url(), "http://127.0.0.1:" + std::to_string(endpoint.port()) + "/metrics");
  StepReport report;
  report.step = 7;
  metrics.record(report);
  const std::string answer = http_get(endpoint.port(), "/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("text/plain"));
  EXPECT_THAT(answer, HasSubstr("\ncatamaran_step 7\n"));
  EXPECT_THAT(answer, HasSubstr("\nprocess_resident_memory_bytes "));
}

TEST(MetricsEndpoint, ServesNothingElse) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  for (const char* path : {"/", "/index.html", "/../../etc/passwd", "/metric"})
    EXPECT_THAT(http_get(endpoint.port(), path), StartsWith("HTTP/1.1 404")) << path;
}

TEST(MetricsEndpoint, SaysThatItIsReadyOnceAStepIsDone) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  EXPECT_THAT(http_get(endpoint.port(), "/healthz"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(http_get(endpoint.port(), "/readyz"), StartsWith("HTTP/1.1 503"));
  metrics.record(StepReport());
  EXPECT_THAT(http_get(endpoint.port(), "/readyz"), StartsWith("HTTP/1.1 200"));
}

TEST(MetricsEndpoint, TakesTheNextFreePortWhereTheGivenOneIsTaken) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint first(metrics, local());
  if (first.port() + MetricsEndpoint::kPortsTried > 65535) GTEST_SKIP() << "no ports behind it";
  const MetricsEndpoint second(metrics, local(first.port()));
  EXPECT_GT(second.port(), first.port());
  EXPECT_LT(second.port(), first.port() + MetricsEndpoint::kPortsTried);
  EXPECT_THAT(http_get(second.port(), "/metrics"), StartsWith("HTTP/1.1 200"));
}

TEST(MetricsEndpoint, RefusesAPortThatIsTakenWhereItMustBeThatOneAndNamesTheWayOut) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint first(metrics, local());
  MonitoringOptions strict = local(first.port());
  strict.strict_port = true;
  try {
    const MetricsEndpoint second(metrics, strict);
    FAIL() << "two endpoints share port " << first.port();
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(first.port())));
    EXPECT_THAT(error.what(), HasSubstr("monitoring.port = 0"));
  }
  EXPECT_THAT(http_get(first.port(), "/metrics"), StartsWith("HTTP/1.1 200"));
}

TEST(MetricsEndpoint, FreesItsPortWhenItEnds) {
  Metrics metrics((RunInfo()));
  int port = 0;
  {
    const MetricsEndpoint endpoint(metrics, local());
    port = endpoint.port();
  }
  EXPECT_FALSE(connect_to(port));
  const MetricsEndpoint again(metrics, local(port));
  EXPECT_EQ(again.port(), port);
}

TEST(MetricsEndpoint, AnswersWhileOthersHoldHalfOpenConnections) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  for (const int silent_clients : {2, 63, 100}) {
    std::vector<FileDescriptor> silent;
    for (int i = 0; i < silent_clients; ++i) {
      silent.push_back(connect_to(endpoint.port()));
      if (i % 2 == 0) send_all(silent.back(), "GET /metrics HTTP/1.1\r\nHo");
    }
    const Stopwatch watch;
    EXPECT_THAT(http_get(endpoint.port(), "/metrics"), StartsWith("HTTP/1.1 200"));
    EXPECT_LT(watch.seconds(), 15) << silent_clients << " silent clients block every scrape";
  }
}

TEST(MetricsEndpoint, ClosesAConnectionThatSaysNothing) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  const FileDescriptor silent = connect_to(endpoint.port());
  EXPECT_EQ(read_all(silent), "") << "the end of the stream, before the client's own 20 s are over";
  const Stopwatch watch;
  EXPECT_EQ(read_all(connect_to(endpoint.port())), "");
  EXPECT_LT(watch.seconds(), 15);
}

TEST(MetricsEndpoint, RefusesRequestsThatAreNoScrape) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  EXPECT_THAT(http_exchange(endpoint.port(), "POST /metrics HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(http_exchange(endpoint.port(), "GET\r\n\r\n"), Not(HasSubstr("200 OK")));
  EXPECT_THAT(http_exchange(endpoint.port(), "GET /metrics\r\n\r\n"), Not(HasSubstr("200 OK")));
  EXPECT_THAT(http_exchange(endpoint.port(), "\x16\x03\x01 hello\r\n\r\n"),
              Not(HasSubstr("200 OK")));
  EXPECT_THAT(http_exchange(endpoint.port(), "GET /metrics HTTP/1.1\r\nX: " +
                                                 std::string(1 << 20, 'a') + "\r\n\r\n"),
              Not(HasSubstr("200 OK")));
  EXPECT_THAT(http_get(endpoint.port(), "/metrics"), StartsWith("HTTP/1.1 200"));
}

TEST(MetricsEndpoint, AnswersARequestThatComesByteByByte) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  const FileDescriptor socket = connect_to(endpoint.port());
  for (const char c : std::string("GET /metrics?from=test HTTP/1.1\r\nHost: x\r\n\r\n"))
    send_all(socket, std::string(1, c));
  EXPECT_THAT(read_all(socket), HasSubstr("\ncatamaran_step 0\n"));
}

TEST(MetricsEndpoint, ServesPagesWholeToManyClientsAtOnce) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  std::vector<std::thread> clients;
  std::atomic<int> whole = 0;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int scrape = 0; scrape < 5; ++scrape) {
        const std::string answer = http_get(endpoint.port(), "/metrics");
        const size_t body = answer.find("\r\n\r\n");
        const std::string header = "Content-Length: " + std::to_string(answer.size() - body - 4);
        if (body != std::string::npos && answer.find(header) < body) ++whole;
      }
    });
  }
  for (int step = 1; step <= 50; ++step) {
    StepReport report;
    report.step = step;
    metrics.record(report);
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(whole, 8 * 5);
}

TEST(MetricsEndpoint, CountsItsScrapes) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  EXPECT_EQ(endpoint.target(), "127.0.0.1:" + std::to_string(endpoint.port()));
  EXPECT_EQ(endpoint.scrapes(), 0);
  EXPECT_GT(endpoint.seconds_since_scrape(), 1e9);
  http_get(endpoint.port(), "/healthz");
  EXPECT_EQ(endpoint.scrapes(), 0);
  http_get(endpoint.port(), "/metrics");
  EXPECT_EQ(endpoint.scrapes(), 1);
  EXPECT_LT(endpoint.seconds_since_scrape(), 15);
}

TEST(Linger, IsOverAtOnceWhereNobodyScrapes) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  EXPECT_TRUE(Linger(endpoint, 30).is_over());
  http_get(endpoint.port(), "/metrics");
  EXPECT_TRUE(Linger(endpoint, 0).is_over());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(Linger(endpoint, 0.02).is_over()) << "the last scrape is longer ago";
}

TEST(Linger, LastsUntilTheNextScrapeHasItsPage) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  http_get(endpoint.port(), "/metrics");
  const Linger linger(endpoint, 1000);
  EXPECT_FALSE(linger.is_over());
  http_get(endpoint.port(), "/readyz");
  EXPECT_FALSE(linger.is_over()) << "that is no scrape";
  const Stopwatch watch;
  http_get(endpoint.port(), "/metrics");
  while (!linger.is_over() && watch.seconds() < 20)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(linger.is_over());
  EXPECT_GT(watch.seconds(), 0.15) << "a page on its way arrives";
}

TEST(Linger, LastsNoLongerThanItIsGiven) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint endpoint(metrics, local());
  http_get(endpoint.port(), "/metrics");
  const Stopwatch watch;
  const Linger linger(endpoint, 5);
  while (!linger.is_over() && watch.seconds() < 20)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_GE(watch.seconds(), 5 - 0.01);
  EXPECT_LT(watch.seconds(), 15);
}

TEST(MonitoringOptions, NameTheKeyThatIsWrong) {
  MonitoringOptions options = local(65536);
  try {
    options.check();
    FAIL() << "port 65536 was accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("monitoring.port"));
  }
  options = local();
  options.address = "localhost";
  try {
    options.check();
    FAIL() << "a name was accepted as an address";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("monitoring.address"));
  }
  for (const double factor : {-1.0, 0.5, 1.0, 1e9}) {
    options = local();
    options.straggler_factor = factor;
    ASSERT_EQ(options.problems().size(), 1u) << factor;
    EXPECT_THAT(options.problems()[0], HasSubstr("monitoring.straggler_factor"));
  }
  options.straggler_factor = 0;
  EXPECT_TRUE(options.problems().empty());
  for (const double seconds : {-1.0, 3601.0, std::nan("")}) {
    options = local();
    options.linger_seconds = seconds;
    ASSERT_EQ(options.problems().size(), 1u) << seconds;
    EXPECT_THAT(options.problems()[0], HasSubstr("monitoring.linger_seconds"));
  }
  options = local();
  options.discovery_folder = "/shared";
  EXPECT_TRUE(options.problems().empty());
  options.enabled = false;
  ASSERT_EQ(options.problems().size(), 1u);
  EXPECT_THAT(options.problems()[0], HasSubstr("monitoring.discovery_folder"));
}

}  // namespace
}  // namespace catamaran
