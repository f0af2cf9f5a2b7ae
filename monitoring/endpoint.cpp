// MetricsEndpoint of monitoring/metrics.h.
#include <arpa/inet.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "monitoring/http_server.h"
#include "monitoring/metrics.h"
#include "support/host_name.h"
#include "support/problems.h"

namespace catamaran {
struct MetricsEndpoint::Server {
  Server(Metrics& metrics, const MonitoringOptions& options)
      : http(options.address, static_cast<int>(options.port),
             [&metrics](const std::string& path) -> std::optional<std::string> {
               if (path != "/metrics") return std::nullopt;
               return metrics.text();
             }) {}

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
  return found.take();
}

void MonitoringOptions::check() const { throw_if_any(problems()); }

MetricsEndpoint::MetricsEndpoint(Metrics& metrics, const MonitoringOptions& options) {
  server_ = std::make_unique<Server>(metrics, options);
  server_->host = options.address == "0.0.0.0" ? host_name() : options.address;
}

MetricsEndpoint::~MetricsEndpoint() = default;

int MetricsEndpoint::port() const { return server_->http.port(); }

std::string MetricsEndpoint::url() const {
  return "http://" + server_->host + ":" + std::to_string(port()) + "/metrics";
}

}  // namespace catamaran
