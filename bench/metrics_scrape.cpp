// How long a scrape of a run's metrics takes, with 64 ranks and their GPUs on the page, while
// others hold connections open and say nothing, or send what is no request: what
// bench/monitoring.py runs.
//
//   bench_metrics           a table
//   bench_metrics --json    {"scrape_p50_seconds": ..., "scrape_p99_seconds": ...,
//                            "render_p50_seconds": ..., "series": ..., "idle_connections": 50}
//
// A scrape is from connecting to the last byte, over the loopback; a step is recorded before each,
// so that no page is the one before. Every page is checked to be whole.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "monitoring/metrics.h"
#include "support/clock.h"
#include "support/file_descriptor.h"

namespace catamaran {
namespace {

constexpr int kRanks = 64;
constexpr int kScrapes = 500;
constexpr int kHeld = 50;  // connections of others

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_metrics: %s\n", why.c_str());
  std::exit(1);
}

FileDescriptor connection_to(int port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!socket ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    socket.reset();
  return socket;
}

void send_text(const FileDescriptor& socket, const std::string& text) {
  (void)!::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

// Fifty clients that are no scrapers: the server closes each after two seconds, and another one
// comes.
class OtherClients {
 public:
  explicit OtherClients(int port) : port_(port), thread_([this] { run(); }) {}
  OtherClients(const OtherClients&) = delete;
  OtherClients& operator=(const OtherClients&) = delete;
  ~OtherClients() {
    stop_ = true;
    thread_.join();
  }
  void wait_until_all_are_there() const {
    while (opened_ < kHeld) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

 private:
  FileDescriptor one(int number) const {
    FileDescriptor socket = connection_to(port_);
    if (!socket) return socket;
    if (number % 3 == 1) send_text(socket, "GET /metrics HTTP/1.1\r\nHo");
    if (number % 3 == 2) send_text(socket, "\x16\x03\x01\x02 no line ends here \x01\xff");
    return socket;
  }
  static bool is_closed(const FileDescriptor& socket) {
    std::array<char, 256> part{};
    const ssize_t got = ::recv(socket.get(), part.data(), part.size(), MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
  }
  void run() {
    std::vector<FileDescriptor> held(kHeld);
    while (!stop_) {
      for (int number = 0; number < kHeld; ++number) {
        FileDescriptor& socket = held[static_cast<size_t>(number)];
        if (socket && !is_closed(socket)) continue;
        socket = one(number);
        ++opened_;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  int port_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> opened_ = 0;
  std::thread thread_;  // last: it uses all the others
};

std::string scraped(int port) {
  const FileDescriptor socket = connection_to(port);
  if (!socket) give_up("nobody listens");
  send_text(socket, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string answer;
  std::array<char, 1 << 16> part{};
  ssize_t got = 0;
  while ((got = ::recv(socket.get(), part.data(), part.size(), 0)) > 0)
    answer.append(part.data(), static_cast<size_t>(got));
  return answer;
}

void require_whole(const std::string& answer, int64_t step) {
  const size_t body = answer.find("\r\n\r\n") + 4;
  const std::string length = "\r\nContent-Length: " + std::to_string(answer.size() - body) + "\r\n";
  if (!answer.starts_with("HTTP/1.1 200") || answer.find(length) > body)
    give_up("a page is not whole");
  if (answer.find("\ncatamaran_step " + std::to_string(step) + "\n") == std::string::npos)
    give_up("a page is an old one");
}

RunInfo info_of_many_ranks() {
  RunInfo info;
  info.version = "0.1.0";
  info.run = "bench";
  info.world_size = kRanks;
  info.total_steps = 1'000'000;
  info.heads_with_loss = 3;
  return info;
}

StepReport step_of_many_ranks(int64_t step) {
  StepReport report;
  report.step = step;
  report.loss = 1.0 / static_cast<double>(step);
  report.images = 4096;
  report.step_seconds = 0.3 + 1e-5 * static_cast<double>(step % 17);
  report.forward_seconds = 0.1;
  report.backward_seconds = 0.19;
  report.head_losses = {0.3, 0.2, 0.1};
  for (int rank = 0; rank < kRanks; ++rank) {
    report.compute_seconds_by_rank.push_back(0.29 + 1e-4 * rank);
    report.data_wait_seconds_by_rank.push_back(1e-5 * rank / 3);
  }
  for (int bucket = 0; bucket < 8; ++bucket)
    report.collectives.push_back({CollectiveOp::kGradient, 1 << 22, 0.004});
  report.collectives.push_back({CollectiveOp::kMetrics, 1200, 0.0002});
  return report;
}

void tell_of_gpus(Metrics& metrics) {
  std::vector<GpuName> names;
  std::vector<RankFigures> figures(kRanks);
  for (int rank = 0; rank < kRanks; ++rank) {
    names.push_back({.uuid = "GPU-0f0e0d0c-0000-1111-2222-3333444455" + std::to_string(10 + rank),
                     .host = "node" + std::to_string(rank / 8)});
    figures[static_cast<size_t>(rank)].gpu = {6.1e10 + rank,   8.5e10,       0.97,
                                              61.0 + rank % 5, 312.5 + rank, 0};
  }
  metrics.set_gpus(names);
  metrics.record_figures(figures, 123.4);
  metrics.follow_heartbeats([] { return std::vector<double>(kRanks - 1, 0.7); });
}

double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

int64_t series_on(const std::string& page) {
  int64_t series = 0;
  for (size_t at = 0; at < page.size(); at = page.find('\n', at) + 1)
    series += page[at] != '#' ? 1 : 0;
  return series;
}

nlohmann::ordered_json measured() {
  Metrics metrics(info_of_many_ranks());
  tell_of_gpus(metrics);
  MonitoringOptions options;
  options.address = "127.0.0.1";
  const MetricsEndpoint endpoint(metrics, options);
  std::vector<double> renders, scrapes;
  for (int64_t step = 1; step <= kScrapes; ++step) {
    metrics.record(step_of_many_ranks(step));
    const Stopwatch watch;
    const std::string page = metrics.text();
    renders.push_back(watch.seconds());
  }
  const OtherClients others(endpoint.port());
  others.wait_until_all_are_there();
  for (int64_t step = kScrapes + 1; step <= 2 * kScrapes; ++step) {
    metrics.record(step_of_many_ranks(step));
    const Stopwatch watch;
    const std::string answer = scraped(endpoint.port());
    scrapes.push_back(watch.seconds());
    require_whole(answer, step);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // over several lives of the others
  }
  return {{"scrape_p50_seconds", quantile(scrapes, 0.5)},
          {"scrape_p99_seconds", quantile(scrapes, 0.99)},
          {"render_p50_seconds", quantile(renders, 0.5)},
          {"series", series_on(metrics.text())},
          {"idle_connections", kHeld}};
}

int run_program(int argc, char** argv) {
  const bool json = argc == 2 && std::string(argv[1]) == "--json";
  if (argc > 2 || (argc == 2 && !json)) {
    std::fputs("usage: bench_metrics [--json]\n", stderr);
    return 2;
  }
  const nlohmann::ordered_json found = measured();
  if (json) {
    std::printf("%s\n", found.dump().c_str());
    return 0;
  }
  std::printf("%ld series of %d ranks, %d other connections\n", found["series"].get<int64_t>(),
              kRanks, kHeld);
  std::printf("  a page      p50 %6.2f ms\n", 1e3 * found["render_p50_seconds"].get<double>());
  std::printf("  a scrape    p50 %6.2f ms   p99 %6.2f ms\n",
              1e3 * found["scrape_p50_seconds"].get<double>(),
              1e3 * found["scrape_p99_seconds"].get<double>());
  return 0;
}

}  // namespace
}  // namespace catamaran

int main(int argc, char** argv) { return catamaran::run_program(argc, argv); }
