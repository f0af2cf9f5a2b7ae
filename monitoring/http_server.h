// HttpServer: the smallest HTTP/1.1 server that a metrics page needs: one thread, poll(), no
// keep-alive.
//
//   HttpServer server("0.0.0.0", {.first = 0}, [](const std::string& path) {
//     return path == "/metrics" ? std::optional<HttpPage>(page()) : std::nullopt;
//   });
//   server.port();
//
// GET only; at most 64 connections, 8 KiB of request and 2 seconds each; one more takes the place
// of the oldest that has asked for nothing yet. So slow, silent or hostile clients cost nothing but
// their own connection. prometheus-cpp's own server (CivetWeb) cannot
// start beside LibTorch: it gives its threads 100 KiB of stack, less than the thread-local storage
// of LibTorch's libraries. Errors: UsageError when the port cannot be had, about the key that
// PortRange names. `answer` runs in the server's thread; what it throws becomes status 500.
// Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/clock.h"
#include "support/file_descriptor.h"

namespace catamaran {

// What Prometheus takes for its text format, and for a list of targets.
inline constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
inline constexpr const char* kJsonType = "application/json";

// Made of a body alone where all is well and it is text.
struct HttpPage {
  HttpPage(std::string text, const char* line = "200 OK", const char* kind = kMetricsType)
      : body(std::move(text)), status(line), type(kind) {}

  std::string body;
  const char* status;
  const char* type;
};

// The first that is free of `count` ports from `first` on; first 0: one that the kernel picks.
struct PortRange {
  int first = 0;
  int count = 1;
  // Of the error where none can be had: the option that names the port, and what to do.
  const char* key = "monitoring.port";
  const char* hint = "set monitoring.port = 0 for a free one, or monitoring.enabled = false";
};

class HttpServer {
 public:
  // nullopt: there is no such page.
  using Answer = std::function<std::optional<HttpPage>(const std::string& path)>;

  HttpServer(const std::string& address, PortRange ports, Answer answer);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();
  int port() const { return port_; }

 private:
  struct Connection {
    FileDescriptor socket;
    Stopwatch age;
    std::string request;
    std::string response;
    size_t sent = 0;
  };
  void run();
  void make_room();
  // False: this process has no descriptor or memory for it, so try again a little later.
  bool accept_one();
  // False: the connection is over.
  bool serve(Connection& connection);
  std::string respond(const std::string& request) const;

  Answer answer_;
  FileDescriptor listener_;
  FileDescriptor wake_read_;
  FileDescriptor wake_write_;
  int port_ = 0;
  std::vector<Connection> connections_;
  bool can_accept_ = true;
  std::thread thread_;
};

}  // namespace catamaran
