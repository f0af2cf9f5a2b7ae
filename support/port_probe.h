// Whether a port of this machine can be listened on, and whether a host's name leads anywhere.
//
//   const std::string problem = port_problem("0.0.0.0", 9400);     // "": it is free
//   const HostAddresses there = addresses_of("n17");               // may wait for a name server
//
// The port is bound and let go again: another process may take it a moment later. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

// What keeps this process from listening there; empty where nothing does. address: IPv4.
std::string port_problem(const std::string& address, int64_t port);

struct HostAddresses {
  std::vector<std::string> addresses;  // each once
  std::string problem;                 // why there is none

  // A name that leads to this machine alone is of no use to another one.
  bool only_loopback() const;
};
// Blocks as long as the system's resolver does (support/bounded_call.h).
HostAddresses addresses_of(const std::string& host);

}  // namespace catamaran
