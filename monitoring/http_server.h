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
// of LibTorch's libraries. Errors: UsageError when the port cannot be had. `answer` runs in the
// server's thread; what it throws becomes status 500. Thread-safe.
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

// As text/plain; made of a body alone where all is well.
struct HttpPage {
  HttpPage(std::string text, const char* line = "200 OK") : body(std::move(text)), status(line) {}

  std::string body;
  const char* status;
};

// The first that is free of `count` ports from `first` on; first 0: one that the kernel picks.
struct PortRange {
  int first = 0;
  int count = 1;
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
