// MetricsEndpoint of monitoring/metrics.h.
#include <arpa/inet.h>
#include <prometheus/exposer.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "monitoring/collectables.h"
#include "monitoring/metrics.h"
#include "support/error.h"

namespace catamaran {
namespace {

// With prometheus-cpp's defaults (2 threads, 30 s) two half-open connections block every scrape for
// half a minute.
std::vector<std::string> server_options(const std::string& listen) {
  return {"listening_ports",    listen, "num_threads",       "8",
          "request_timeout_ms", "1000", "enable_keep_alive", "no"};
}

}  // namespace

struct MetricsEndpoint::Server {
  explicit Server(const std::string& listen) : exposer(server_options(listen)) {}

  std::string host;
  std::vector<std::shared_ptr<prometheus::Collectable>> collectables;  // the exposer does not own
  prometheus::Exposer exposer;  // last, so that it stops before what it serves goes
};

void MonitoringOptions::check() const {
  if (port < 0 || port > 65535)
    throw UsageError("must be 0 to 65535", "monitoring.port", "0 lets the kernel pick a free one");
  std::array<unsigned char, 16> binary{};
  if (::inet_pton(AF_INET, address.c_str(), binary.data()) != 1) {
    throw UsageError("'" + address + "' is no IPv4 address", "monitoring.address",
                     "0.0.0.0 listens everywhere, 127.0.0.1 on this machine only");
  }
}

MetricsEndpoint::MetricsEndpoint(Metrics& metrics, const MonitoringOptions& options) {
  const std::string listen = options.address + ":" + std::to_string(options.port);
  try {
    server_ = std::make_unique<Server>(listen);
  } catch (const std::exception&) {
    throw UsageError("the metrics port " + listen + " cannot be opened: it is taken or not allowed",
                     "monitoring.port",
                     "set monitoring.port = 0 for a free one, or monitoring.enabled = false");
  }
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  server_->host = options.address == "0.0.0.0" ? name.data() : options.address;
  server_->collectables = collectables_of(metrics);
  for (const auto& each : server_->collectables) server_->exposer.RegisterCollectable(each);
}

MetricsEndpoint::~MetricsEndpoint() = default;

int MetricsEndpoint::port() const { return server_->exposer.GetListeningPorts().front(); }

std::string MetricsEndpoint::url() const {
  return "http://" + server_->host + ":" + std::to_string(port()) + "/metrics";
}

}  // namespace catamaran
