// MetricsEndpoint of monitoring/metrics.h.
#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "monitoring/http_server.h"
#include "monitoring/metrics.h"
#include "support/host_name.h"
#include "support/log.h"
#include "support/problems.h"

namespace catamaran {

struct MetricsEndpoint::Server {
  Server(Metrics& metrics, const MonitoringOptions& options)
      : http(options.address, ports_of(options),
             [&metrics](const std::string& path) { return page(metrics, path); }) {}

  static PortRange ports_of(const MonitoringOptions& options) {
    constexpr int kPastTheLastPort = 65536;
    const int first = static_cast<int>(options.port);
    if (first == 0 || options.strict_port) return {.first = first};
    return {.first = first, .count = std::min(kPortsTried, kPastTheLastPort - first)};
  }

  static std::optional<HttpPage> page(const Metrics& metrics, const std::string& path) {
    if (path == "/metrics") return metrics.text();
    if (path == "/healthz") return HttpPage("alive\n");
    if (path != "/readyz") return std::nullopt;
    if (metrics.is_ready()) return HttpPage("ready\n");
    return HttpPage("no step is done yet\n", "503 Service Unavailable");
  }

  std::string host;
  HttpServer http;
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

std::string MetricsEndpoint::url() const {
  return "http://" + server_->host + ":" + std::to_string(port()) + "/metrics";
}

}  // namespace catamaran
