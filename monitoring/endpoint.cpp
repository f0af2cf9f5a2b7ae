// MetricsEndpoint and Linger of monitoring/metrics.h.
#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "monitoring/http_server.h"
#include "monitoring/metrics.h"
#include "support/host_name.h"
#include "support/log.h"
#include "support/problems.h"

namespace catamaran {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();
// A page that is on its way when it is counted has arrived by then.
constexpr double kForItsWay = 0.2;
constexpr double kLongestLinger = 3600;  // seconds

}  // namespace

struct MetricsEndpoint::Server {
  Server(Metrics& metrics, const MonitoringOptions& options)
      : http(options.address, ports_of(options),
             [this, &metrics](const std::string& path) { return page(metrics, path); }) {}

  static PortRange ports_of(const MonitoringOptions& options) {
    constexpr int kPastTheLastPort = 65536;
    const int first = static_cast<int>(options.port);
    if (first == 0 || options.strict_port) return {.first = first};
    return {.first = first, .count = std::min(kPortsTried, kPastTheLastPort - first)};
  }

  std::optional<HttpPage> page(const Metrics& metrics, const std::string& path) {
    if (path == "/metrics") {
      std::string text = metrics.text();
      scraped_at = steady_seconds();
      ++scrapes;
      return text;
    }
    if (path == "/healthz") return HttpPage("alive\n");
    if (path != "/readyz") return std::nullopt;
    if (metrics.is_ready()) return HttpPage("ready\n");
    return HttpPage("no step is done yet\n", "503 Service Unavailable");
  }

  std::string host;
  std::atomic<int64_t> scrapes = 0;
  std::atomic<double> scraped_at = kNever;
  HttpServer http;  // last: its thread uses all the others
};

std::vector<std::string> MonitoringOptions::problems() const {
  Problems found("monitoring.");
  found.require(port >= 0 && port <= 65535, "port", "must be 0 to 65535",
                "0 lets the kernel pick a free one");
  std::array<unsigned char, 16> binary{};
  found.require(::inet_pton(AF_INET, address.c_str(), binary.data()) == 1, "address",
                "'" + address + "' is no IPv4 address",
                "0.0.0.0 listens everywhere, 127.0.0.1 on this machine only");
  found.require(straggler_factor == 0 || (straggler_factor > 1 && straggler_factor <= 1000),
                "straggler_factor", "must be 0, or more than 1 and at most 1000",
                "0 names no rank, 1.5 is the default");
  found.require(linger_seconds >= 0 && linger_seconds <= kLongestLinger, "linger_seconds",
                "must be 0 to 3600", "twice the scrape interval is usual, 0 waits for nobody");
  found.require(discovery_folder.empty() || enabled, "discovery_folder",
                "has nothing to tell with monitoring.enabled = false", "leave one of them out");
  return found.take();
}

void MonitoringOptions::check() const { throw_if_any(problems()); }

MetricsEndpoint::MetricsEndpoint(Metrics& metrics, const MonitoringOptions& options) {
  server_ = std::make_unique<Server>(metrics, options);
  server_->host = options.address == "0.0.0.0" ? host_name() : options.address;
  if (options.port != 0 && port() != options.port) {
    log::warn("monitoring.port = " + std::to_string(options.port) +
              " is taken: the metrics are at port " + std::to_string(port()) +
              "; monitoring.strict_port = true refuses instead");
  }
}

MetricsEndpoint::~MetricsEndpoint() = default;

int MetricsEndpoint::port() const { return server_->http.port(); }

std::string MetricsEndpoint::target() const { return server_->host + ":" + std::to_string(port()); }

std::string MetricsEndpoint::url() const { return "http://" + target() + "/metrics"; }

int64_t MetricsEndpoint::scrapes() const { return server_->scrapes; }

double MetricsEndpoint::seconds_since_scrape() const {
  return steady_seconds() - server_->scraped_at;
}

Linger::Linger(const MetricsEndpoint& endpoint, double seconds)
    : endpoint_(endpoint),
      seconds_(seconds),
      scrapes_before_(endpoint.scrapes()),
      is_watched_(endpoint.seconds_since_scrape() < seconds) {}

bool Linger::is_over() const {
  if (!is_watched_ || watch_.seconds() >= seconds_) return true;
  return endpoint_.scrapes() > scrapes_before_ && endpoint_.seconds_since_scrape() > kForItsWay;
}

}  // namespace catamaran
