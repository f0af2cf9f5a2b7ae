#include "comm/heartbeats.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <sstream>
#include <utility>

#include "support/error.h"
#include "support/log.h"

namespace catamaran {
namespace {

constexpr const char* kLoopback = "127.0.0.1";
constexpr size_t kMostAddresses = 8;
constexpr uint16_t kDiscardPort = 9;  // nothing is sent there

std::string text_of(const in_addr& address) {
  std::array<char, INET_ADDRSTRLEN> name{};
  const char* made = ::inet_ntop(AF_INET, &address, name.data(), name.size());
  return made == nullptr ? "" : made;
}

// The address that datagrams to `there` would come from, by the kernel's routes; nothing is sent.
std::string source_towards(const std::string& there) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(kDiscardPort);
  socklen_t length = sizeof where;
  if (!socket || ::inet_pton(AF_INET, there.c_str(), &where.sin_addr) != 1 ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&where), &length) != 0)
    return "";
  return text_of(where.sin_addr);
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::ranges::find(all, one) != all.end();
}

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

// On rank 0. Collective.
std::string address_for(ProcessGroup& group) {
  std::string line;
  for (const std::string& address : host_addresses()) line += address + " ";
  std::vector<std::vector<std::string>> hosts;
  for (const std::string& other : group.all_gather(line)) hosts.push_back(words(other));
  if (group.local_world() == group.world()) return kLoopback;
  const std::vector<std::string> mine = hosts[0];
  hosts.erase(hosts.begin());
  return address_towards(hosts, mine);
}

std::shared_ptr<HeartbeatListener> listener_on(const std::string& address, int world) {
  try {
    if (address.empty())
      throw CommError("no IPv4 address leads to the other hosts", "heartbeats", "");
    return std::make_shared<HeartbeatListener>(address, world);
  } catch (const std::exception& problem) {
    log::info(std::string("no heartbeats of the ranks: ") + problem.what());
    return nullptr;
  }
}

std::unique_ptr<HeartbeatSender> sender_to(const std::string& target, int rank,
                                           HeartbeatSender::Source source) {
  try {
    return std::make_unique<HeartbeatSender>(target_from_text(target), rank, std::move(source));
  } catch (const std::exception&) {  // rank 0 will say that it never heard one
    return nullptr;
  }
}

}  // namespace

std::vector<std::string> host_addresses() {
  ifaddrs* list = nullptr;
  std::vector<std::string> all;
  if (::getifaddrs(&list) != 0) return all;
  for (const ifaddrs* at = list; at != nullptr && all.size() < kMostAddresses; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET) continue;
    if ((at->ifa_flags & IFF_UP) == 0 || (at->ifa_flags & IFF_LOOPBACK) != 0) continue;
    const std::string address =
        text_of(reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr);
    if (!address.empty() && !address.starts_with("169.254.")) all.push_back(address);
  }
  ::freeifaddrs(list);
  return all;
}

// An address that other hosts have, too (a container bridge's, say), leads back to this one: of
// each host the first that this one does not have counts.
std::string address_towards(const std::vector<std::vector<std::string>>& hosts,
                            const std::vector<std::string>& mine) {
  std::map<std::string, int> votes;
  bool apart = false;
  for (const std::vector<std::string>& host : hosts) {
    const auto theirs =
        std::ranges::find_if(host, [&](const std::string& one) { return !contains(mine, one); });
    if (theirs == host.end()) continue;
    apart = true;
    const std::string source = source_towards(*theirs);
    if (contains(mine, source)) ++votes[source];
  }
  if (!apart) return kLoopback;
  const auto most = std::ranges::max_element(
      votes, {}, [](const std::pair<const std::string, int>& vote) { return vote.second; });
  return most == votes.end() ? "" : most->first;
}

std::string target_text(const HeartbeatTarget& target) {
  std::string line = target.address + " " + std::to_string(target.port);
  for (const std::byte byte : target.token)
    line += " " + std::to_string(std::to_integer<int>(byte));
  return line;
}

HeartbeatTarget target_from_text(const std::string& text) {
  HeartbeatTarget target;
  std::istringstream in(text);
  in >> target.address >> target.port;
  for (std::byte& byte : target.token) {
    int value = 0;
    in >> value;
    byte = static_cast<std::byte>(value);
  }
  if (!in) throw CommError("'" + text + "' is no place to send to", "heartbeats", "");
  return target;
}

Heartbeats::Heartbeats(ProcessGroup& group, HeartbeatSender::Source source) {
  if (group.world() == 1) return;
  const std::string address = address_for(group);
  if (group.is_root()) listener_ = listener_on(address, group.world());
  const std::string target =
      group.broadcast_text(listener_ ? target_text(listener_->target()) : std::string());
  if (!group.is_root() && !target.empty())
    sender_ = sender_to(target, group.rank(), std::move(source));
}

}  // namespace catamaran
