#include "support/port_probe.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {
namespace {

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

std::string text_of(const addrinfo& entry) {
  std::array<char, NI_MAXHOST> text{};
  const int code = ::getnameinfo(entry.ai_addr, entry.ai_addrlen, text.data(), text.size(), nullptr,
                                 0, NI_NUMERICHOST);
  return code == 0 ? text.data() : "";
}

}  // namespace

std::string port_problem(const std::string& address, int64_t port) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(port));
  if (port < 0 || port > 65535 || ::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1)
    return "'" + address + ":" + std::to_string(port) + "' is no address";
  const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return with_errno("there is no socket to be had", errno);
  const int yes = 1;  // as the metrics page does: a port that was closed a moment ago is free
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
      ::listen(socket.get(), 1) != 0)
    return with_errno(address + ":" + std::to_string(port), errno);
  return "";
}

bool HostAddresses::only_loopback() const {
  return !addresses.empty() && std::ranges::all_of(addresses, is_loopback);
}

HostAddresses addresses_of(const std::string& host) {
  HostAddresses found;
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* first = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &wanted, &first);
  if (code != 0) {
    found.problem = "'" + host + "': " + ::gai_strerror(code);
    return found;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(first, ::freeaddrinfo);
  for (const addrinfo* entry = first; entry != nullptr; entry = entry->ai_next) {
    const std::string address = text_of(*entry);
    if (!address.empty() && std::ranges::find(found.addresses, address) == found.addresses.end())
      found.addresses.push_back(address);
  }
  if (found.addresses.empty()) found.problem = "'" + host + "' has no address";
  return found;
}

}  // namespace catamaran
