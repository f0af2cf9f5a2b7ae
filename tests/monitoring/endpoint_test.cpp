// The endpoint over real HTTP, also with clients that behave badly.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "http_client.h"
#include "monitoring/metrics.h"
#include "support/clock.h"
#include "support/error.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
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

TEST(MetricsEndpoint, RefusesAPortThatIsTakenAndNamesTheWayOut) {
  Metrics metrics((RunInfo()));
  const MetricsEndpoint first(metrics, local());
  try {
    const MetricsEndpoint second(metrics, local(first.port()));
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
  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 2; ++i) silent.push_back(connect_to(endpoint.port()));
  const std::string half = "GET /metrics HTTP/1.1\r\nHo";
  silent.push_back(connect_to(endpoint.port()));
  ASSERT_EQ(::send(silent.back().get(), half.data(), half.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(half.size()));
  const Stopwatch watch;
  EXPECT_THAT(http_get(endpoint.port(), "/metrics"), StartsWith("HTTP/1.1 200"));
  EXPECT_LT(watch.seconds(), 10) << "the library's own defaults take 30 s";
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
}

}  // namespace
}  // namespace catamaran
