#include "monitoring/http_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "support/error.h"

namespace catamaran {
namespace {

constexpr size_t kMostConnections = 64;
constexpr size_t kLargestRequestBytes = 8192;
constexpr double kLongestSeconds = 2;
constexpr int kPollMilliseconds = 200;

[[noreturn]] void refuse(const std::string& address, const PortRange& ports, int number) {
  const std::string last =
      ports.count > 1 ? " to " + std::to_string(ports.first + ports.count - 1) : "";
  throw UsageError(with_errno("the port " + address + ":" + std::to_string(ports.first) + last +
                                  " cannot be opened",
                              number),
                   ports.key, ports.hint);
}

// A socket that listens there; none where it cannot, and errno says why.
FileDescriptor listen_at(const std::string& address, int port) {
  FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(port));
  if (!listener || ::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1 ||
      ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
      ::listen(listener.get(), static_cast<int>(kMostConnections)) != 0) {
    const int number = errno;  // closing may change it
    listener.reset();
    errno = number;
  }
  return listener;
}

FileDescriptor listen_in(const std::string& address, const PortRange& ports) {
  for (int port = ports.first;; ++port) {
    FileDescriptor listener = listen_at(address, port);
    if (listener) return listener;
    const bool another = errno == EADDRINUSE && port + 1 < ports.first + ports.count;
    if (!another) refuse(address, ports, errno);
  }
}

int port_of(const FileDescriptor& listener) {
  sockaddr_in where{};
  socklen_t length = sizeof where;
  if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&where), &length) != 0) return 0;
  return ntohs(where.sin_port);
}

std::string response_of(const HttpPage& page) {
  return std::string("HTTP/1.1 ") + page.status + "\r\nContent-Type: " + page.type +
         "\r\nContent-Length: " + std::to_string(page.body.size()) +
         "\r\nConnection: close\r\n\r\n" + page.body;
}

std::string response_of(const char* status, const std::string& body) {
  return response_of(HttpPage(body, status));
}

}  // namespace

HttpServer::HttpServer(const std::string& address, PortRange ports, Answer answer)
    : answer_(std::move(answer)), listener_(listen_in(address, ports)), port_(port_of(listener_)) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) refuse(address, ports, errno);
  wake_read_ = FileDescriptor(ends[0]);
  wake_write_ = FileDescriptor(ends[1]);
  thread_ = std::thread([this] { run(); });
}

HttpServer::~HttpServer() {
  wake_write_.reset();  // the other end becomes readable
  thread_.join();
}

void HttpServer::run() {
  std::vector<pollfd> watched;
  for (;;) {
    const short accepting = can_accept_ ? POLLIN : 0;
    watched = {{wake_read_.get(), POLLIN, 0}, {listener_.get(), accepting, 0}};
    for (const Connection& c : connections_) {
      watched.push_back(
          {c.socket.get(), static_cast<short>(c.response.empty() ? POLLIN : POLLOUT), 0});
    }
    ::poll(watched.data(), watched.size(),
           connections_.empty() && can_accept_ ? -1 : kPollMilliseconds);
    if (watched[0].revents != 0) return;
    std::vector<Connection> alive;
    for (size_t i = 0; i < connections_.size(); ++i) {
      Connection& c = connections_[i];
      const bool over =
          (watched[i + 2].revents != 0 && !serve(c)) || c.age.seconds() > kLongestSeconds;
      if (!over) alive.push_back(std::move(c));
    }
    connections_ = std::move(alive);
    can_accept_ = (watched[1].revents & POLLIN) == 0 || accept_one();
  }
}

void HttpServer::make_room() {
  if (connections_.size() < kMostConnections) return;
  auto given_up = std::find_if(connections_.begin(), connections_.end(),
                               [](const Connection& c) { return c.response.empty(); });
  if (given_up == connections_.end()) given_up = connections_.begin();
  connections_.erase(given_up);
}

bool HttpServer::accept_one() {
  make_room();
  FileDescriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
  connections_.emplace_back();
  connections_.back().socket = std::move(socket);
  return true;
}

bool HttpServer::serve(Connection& c) {
  if (c.response.empty()) {
    std::array<char, 4096> block{};
    const ssize_t got = ::recv(c.socket.get(), block.data(), block.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    c.request.append(block.data(), static_cast<size_t>(got));
    if (c.request.size() > kLargestRequestBytes) {
      c.response = response_of("431 Request Header Fields Too Large", "");
    } else if (c.request.find("\r\n\r\n") != std::string::npos) {
      c.response = respond(c.request);
    }
    if (c.response.empty()) return true;
  }
  const ssize_t put =
      ::send(c.socket.get(), c.response.data() + c.sent, c.response.size() - c.sent, MSG_NOSIGNAL);
  if (put < 0) return errno == EAGAIN || errno == EINTR;
  c.sent += static_cast<size_t>(put);
  if (c.sent < c.response.size()) return true;
  ::shutdown(c.socket.get(), SHUT_WR);
  return false;
}

std::string HttpServer::respond(const std::string& request) const {
  if (!request.starts_with("GET ")) return response_of("405 Method Not Allowed", "only GET\n");
  const size_t end = request.find(' ', 4);
  if (end == std::string::npos || end > request.find("\r\n"))
    return response_of("400 Bad Request", "");
  const std::string target = request.substr(4, end - 4);
  std::optional<HttpPage> page;
  try {
    page = answer_(target.substr(0, target.find('?')));
  } catch (const std::exception& problem) {
    return response_of("500 Internal Server Error", std::string(problem.what()) + "\n");
  }
  return page ? response_of(*page) : response_of("404 Not Found", "there is no such page\n");
}

}  // namespace catamaran
