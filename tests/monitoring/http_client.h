// The smallest HTTP client: connect, send, read until the server closes.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "support/file_descriptor.h"

namespace catamaran {

// An invalid descriptor if nobody listens.
inline FileDescriptor connect_to(int port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{20, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    socket.reset();
  return socket;
}

// What the other side does not want to read is lost.
inline void send_all(const FileDescriptor& socket, const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t put = ::send(socket.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (put <= 0) return;
    sent += static_cast<size_t>(put);
  }
}

// Until the other side closes, or says nothing for 20 s, which is a failure.
inline std::string read_all(const FileDescriptor& socket) {
  std::string answer;
  std::array<char, 4096> part{};
  ssize_t got = 0;
  while ((got = ::recv(socket.get(), part.data(), part.size(), 0)) > 0)
    answer.append(part.data(), static_cast<size_t>(got));
  EXPECT_FALSE(got < 0 && errno == EAGAIN) << "the server neither answers nor closes";
  return answer;
}

inline std::string http_exchange(int port, const std::string& request) {
  const FileDescriptor socket = connect_to(port);
  if (!socket) return "";
  send_all(socket, request);
  return read_all(socket);
}

// The whole answer, headers first.
inline std::string http_get(int port, const std::string& path) {
  return http_exchange(port, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

}  // namespace catamaran
