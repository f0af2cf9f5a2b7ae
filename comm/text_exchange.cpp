#include "comm/text_exchange.h"

namespace catamaran {

std::string broadcast_text(Communicator& host, const std::string& text, int root) {
  std::string copy = text;
  auto bytes = static_cast<int64_t>(copy.size());
  host.broadcast(&bytes, sizeof bytes, root, nullptr);
  copy.resize(static_cast<size_t>(bytes));
  host.broadcast(copy.data(), bytes, root, nullptr);
  return copy;
}

std::vector<std::string> all_gather(Communicator& host, const std::string& bytes) {
  std::vector<std::string> all;
  all.reserve(static_cast<size_t>(host.world()));
  for (int root = 0; root < host.world(); ++root)
    all.push_back(broadcast_text(host, root == host.rank() ? bytes : std::string(), root));
  return all;
}

}  // namespace catamaran
