#include "support/hash.h"

#include <openssl/evp.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <memory>
#include <vector>

#include "support/assert.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/handle.h"

namespace catamaran {
namespace {

constexpr int64_t kBlockBytes = int64_t{1} << 20;

struct DigestTraits {
  using type = EVP_MD_CTX*;
  static constexpr type empty() { return nullptr; }
  static void close(type context) noexcept { EVP_MD_CTX_free(context); }
};

struct Xxh3Traits {
  using type = XXH3_state_t*;
  static constexpr type empty() { return nullptr; }
  static void close(type state) noexcept { XXH3_freeState(state); }
};

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    CATAMARAN_ASSERT(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1,
                     "libcrypto always offers SHA-256");
  }
  void add(const void* data, size_t bytes) { EVP_DigestUpdate(context_.get(), data, bytes); }
  std::string finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &length);
    std::string text;
    for (unsigned i = 0; i < length; ++i) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      text += kDigits[digest[i] >> 4];
      text += kDigits[digest[i] & 15];
    }
    return text;
  }

 private:
  Handle<DigestTraits> context_;
};

void for_each_block(const std::filesystem::path& path,
                    const std::function<void(const char*, size_t)>& use) {
  const FileDescriptor file = open_for_reading(path);
  const int64_t total = file_bytes(file, path);
  std::vector<char> block(static_cast<size_t>(std::min(total, kBlockBytes)));
  for (int64_t at = 0; at < total; at += kBlockBytes) {
    const int64_t part = std::min(kBlockBytes, total - at);
    read_exactly_at(file, at, block.data(), part, path);
    use(block.data(), static_cast<size_t>(part));
  }
}

}  // namespace

uint64_t xxh3(const void* data, size_t bytes) { return XXH3_64bits(data, bytes); }

std::string sha256(std::string_view content) {
  Sha256 hash;
  hash.add(content.data(), content.size());
  return hash.finish();
}

std::string sha256_of_file(const std::filesystem::path& path,
                           const std::function<void(int64_t bytes)>& read) {
  Sha256 hash;
  for_each_block(path, [&](const char* data, size_t bytes) {
    hash.add(data, bytes);
    if (read) read(static_cast<int64_t>(bytes));
  });
  return hash.finish();
}

uint64_t xxh3_of_file(const std::filesystem::path& path,
                      const std::function<void(int64_t bytes)>& read) {
  Handle<Xxh3Traits> state(XXH3_createState());
  CATAMARAN_ASSERT(state && XXH3_64bits_reset(state.get()) == XXH_OK, "the state is fresh");
  for_each_block(path, [&](const char* data, size_t bytes) {
    XXH3_64bits_update(state.get(), data, bytes);
    if (read) read(static_cast<int64_t>(bytes));
  });
  return XXH3_64bits_digest(state.get());
}

std::string to_hex(uint64_t value) {
  std::string text(16, '0');
  for (int i = 15; i >= 0; --i, value >>= 4)
    text[static_cast<size_t>(i)] = "0123456789abcdef"[value & 15];
  return text;
}

uint64_t from_hex(std::string_view text) {
  uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != 16 || code != std::errc() || end != text.data() + text.size()) {
    throw DataError(
        "'" + std::string(text.substr(0, 40)) + "' is not a checksum of 16 hexadecimal digits", "",
        "");
  }
  return value;
}

}  // namespace catamaran
