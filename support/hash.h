// Hashes: XXH3 (64 bit) to notice damage and duplicates quickly, SHA-256 to name a file's content.
//
//   uint64_t h = xxh3(bytes.data(), bytes.size());
//   std::string hex = sha256_of_file(path);          // 64 lower-case digits; DataError when it
//   cannot be read
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace catamaran {

uint64_t xxh3(const void* data, size_t bytes);
inline uint64_t xxh3(std::string_view text) { return xxh3(text.data(), text.size()); }

std::string sha256(std::string_view content);
// read(bytes) is called as the file is read, for who watches; what it throws ends it.
std::string sha256_of_file(const std::filesystem::path& path,
                           const std::function<void(int64_t bytes)>& read = {});
// XXH3 of a whole file, for checksums per checkpoint file.
uint64_t xxh3_of_file(const std::filesystem::path& path,
                      const std::function<void(int64_t bytes)>& read = {});

// 16 lower-case hexadecimal digits and back; from_hex throws DataError on anything else.
std::string to_hex(uint64_t value);
uint64_t from_hex(std::string_view text);

}  // namespace catamaran
