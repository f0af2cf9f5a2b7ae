// Fuzz target: a pack of one shard that somebody changed. An input is pack.json, a zero byte, and
// the shard; each '@' of pack.json stands for the size of the shard, since a pack of another size
// is refused before anything of it is read. The pack is refused by DataError, or every label, size
// and image of it can be asked for.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "dataio/pack_reader.h"
#include "scratch_folder.h"
#include "support/error.h"

namespace catamaran {
namespace {

void ask_for_everything(const PackReader& pack) {
  std::vector<uint8_t> bytes;
  for (int64_t i = 0; i < pack.images(); ++i) {
    if (std::ssize(pack.labels(i)) != pack.classes() || pack.stored_size(i).height < 1)
      std::abort();
    try {
      pack.read_image(i, bytes);
    } catch (const DataError&) {  // the checksum
    }
  }
}

void read(std::string_view input) {
  static const ScratchFolder folder;
  const size_t end = std::min(input.find('\0'), input.size());
  const std::string_view shard = input.substr(std::min(end + 1, input.size()));
  std::string manifest;
  for (const char c : input.substr(0, end))
    manifest += c == '@' ? std::to_string(shard.size()) : std::string(1, c);
  folder.write("pack.json", manifest);
  folder.write("shard-00000.h5", shard);
  try {
    ask_for_everything(PackReader(folder.path()));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) throw;
  }
}

}  // namespace
}  // namespace catamaran

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  catamaran::read({reinterpret_cast<const char*>(data), size});
  return 0;
}
