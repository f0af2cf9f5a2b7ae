// The text of a TOML file, before a parser sees it: bounded, as if somebody had made it to do harm.
//
//   const std::string text = read_toml_content("configs/cat.toml");
//
// Errors: UsageError naming the file. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace catamaran {

constexpr int64_t kTomlLargestBytes = int64_t{1} << 20;
// What the parser, which calls itself for each dot of a key, is given at most: its stack lasts for
// several times as many.
constexpr int64_t kTomlMostDots = 4096;

std::string read_toml_content(const std::filesystem::path& file);
// Of a text from elsewhere; where: for the message.
void require_toml_bounds(std::string_view text, const std::string& where);

}  // namespace catamaran
