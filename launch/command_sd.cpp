// catamaran sd: the targets of a folder of discovery files (monitoring/discovery.h), as Prometheus'
// http_sd_configs asks for them, for sites whose Prometheus does not see that folder.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "launch/command.h"
#include "launch/exit_code.h"
#include "launch/path_checks.h"
#include "launch/signals.h"
#include "monitoring/discovery.h"
#include "monitoring/http_server.h"
#include "support/clock.h"
#include "support/log.h"

namespace catamaran {
namespace {

struct SdArguments {
  std::filesystem::path folder;
  std::string address = "0.0.0.0";
  int port = 0;
  bool once = false;
};

// The list as of now, read at most once a second, whoever asks. What is left out is warned of once.
// One thread at a time.
class TargetList {
 public:
  explicit TargetList(std::filesystem::path folder) : folder_(std::move(folder)) { read(); }

  const std::string& json() {
    if (since_read_.seconds() > kSecondsOld) read();
    return json_;
  }

 private:
  static constexpr double kSecondsOld = 1;
  static constexpr size_t kMostWarnings = 1000;

  void read() {
    const DiscoveryFolder found = read_discovery(folder_);
    json_ = discovery_json(found.targets);
    since_read_ = Stopwatch();
    for (const std::string& reason : found.left_out) {
      if (warned_.size() < kMostWarnings && warned_.insert(reason).second)
        log::warn("left out: " + reason);
    }
  }

  std::filesystem::path folder_;
  std::string json_;
  Stopwatch since_read_;
  std::set<std::string> warned_;
};

int run(const SdArguments& given) {
  TargetList targets(given.folder);  // a folder that is not there is refused now
  if (given.once) {
    std::printf("%s", targets.json().c_str());
    return kExitDone;
  }
  const StopSignals signals;
  const HttpServer server(
      given.address,
      {.first = given.port, .key = "--port", .hint = "give another port, or 0 for a free one"},
      [&targets](const std::string& path) -> std::optional<HttpPage> {
        if (path == "/healthz") return HttpPage("alive\n");
        if (path != "/" && path != "/targets") return std::nullopt;
        return HttpPage(targets.json(), "200 OK", kJsonType);
      });
  log::info("targets at http://" + given.address + ":" + std::to_string(server.port()) +
            "/targets, of " + given.folder.string());
  while (!signals.wish()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return kExitDone;
}

}  // namespace

void add_sd_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* sd = app.add_subcommand(
      "sd", "Serve the runs of a discovery folder as targets, for Prometheus' http_sd_configs");
  const auto given = std::make_shared<SdArguments>();
  sd->add_option("--folder", given->folder, "monitoring.discovery_folder of the runs")
      ->check(not_empty())
      ->required();
  sd->add_option("--address", given->address, "IPv4 address to listen on")
      ->check(CLI::ValidIPV4)
      ->capture_default_str();
  sd->add_option("--port", given->port, "to listen on; 0: the kernel picks a free one")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  sd->add_flag("--once", given->once, "print the list and end");
  sd->footer(
      "Example: catamaran sd --folder /shared/prometheus --port 9410; Prometheus then has "
      "http_sd_configs: [{url: 'http://HOST:9410/targets'}]. USR1, TERM or INT end it with code "
      "0.");
  sd->callback([&slot, given] { slot.work = [given](int&, char**&) { return run(*given); }; });
}

}  // namespace catamaran
