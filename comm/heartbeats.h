// Heartbeats: every rank's heartbeat (comm/heartbeat.h) to rank 0, across hosts.
//
//   Heartbeats heartbeats(group, [...] { return Heartbeat{...}; });       // by all ranks
//   if (const auto& listener = heartbeats.listener()) listener->heard();  // rank 0
//
// Rank 0 listens on the loopback where all ranks share a host, else on the IPv4 address from which
// the kernel would send to the other hosts, with a port of the kernel's choice. Address, port and a
// random token reach the others through the group. Where that is not possible (no socket, no IPv4
// address, a firewall that drops datagrams) nothing is lost but the knowledge. Collective: the
// constructor. The source is called in a thread of its own (comm/heartbeat_sender.h), never on rank
// 0. Errors: CommError of the group's collectives alone. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "comm/heartbeat_listener.h"
#include "comm/heartbeat_sender.h"
#include "comm/process_group.h"

namespace catamaran {

class Heartbeats {
 public:
  Heartbeats(ProcessGroup& group, HeartbeatSender::Source source);

  // nullptr on other ranks, in a world of one, and where rank 0 could not listen.
  std::shared_ptr<const HeartbeatListener> listener() const { return listener_; }

 private:
  std::shared_ptr<HeartbeatListener> listener_;
  std::unique_ptr<HeartbeatSender> sender_;
};

// IPv4 addresses of this host's interfaces that are up; neither loopback nor link-local, at most 8.
std::vector<std::string> host_addresses();
// The one of `mine` from which this host sends to most of the other hosts, whose addresses are
// given; the loopback where all of them have no address but those of this host. Empty: none.
std::string address_towards(const std::vector<std::vector<std::string>>& hosts,
                            const std::vector<std::string>& mine);

// One line, for the group's way of telling everybody. Errors: CommError where it is none.
std::string target_text(const HeartbeatTarget& target);
HeartbeatTarget target_from_text(const std::string& text);

}  // namespace catamaran
