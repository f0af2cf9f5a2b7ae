#include "model/weight_names.h"

#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace catamaran {
namespace {

using Renamed = std::pair<std::string_view, std::string_view>;

// Cuts `prefix` off the front of text, if it is there.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Cuts "12." off the front of text.
std::optional<int64_t> take_number(std::string_view& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (!take(text, ".")) return std::nullopt;
  return number;
}

// Replaces the front of text by the first entry that fits; empty when none does.
template <size_t N>
std::string replace_front(std::string_view text, const std::array<Renamed, N>& table) {
  for (const auto& [from, to] : table) {
    if (take(text, from)) return std::string(to).append(text);
  }
  return "";
}

constexpr std::array<Renamed, 4> kEfficientNetOutside = {{{"_conv_stem.", "conv_stem."},
                                                          {"_bn0.", "bn1."},
                                                          {"_conv_head.", "conv_head."},
                                                          {"_bn1.", "bn2."}}};
constexpr std::array<Renamed, 6> kEfficientNetBlock = {{{"_expand_conv.", "conv_pw."},
                                                        {"_bn0.", "bn1."},
                                                        {"_depthwise_conv.", "conv_dw."},
                                                        {"_bn1.", "bn2."},
                                                        {"_project_conv.", "conv_pwl."},
                                                        {"_bn2.", "bn3."}}};
// The first stage does not expand, and timm numbers its parts from the depthwise convolution.
constexpr std::array<Renamed, 4> kEfficientNetFirst = {{{"_depthwise_conv.", "conv_dw."},
                                                        {"_bn1.", "bn1."},
                                                        {"_project_conv.", "conv_pw."},
                                                        {"_bn2.", "bn2."}}};
constexpr std::array<Renamed, 5> kConvNextBlock = {{{"layer_scale", "gamma"},
                                                    {"block.0.", "conv_dw."},
                                                    {"block.2.", "norm."},
                                                    {"block.3.", "mlp.fc1."},
                                                    {"block.5.", "mlp.fc2."}}};

}  // namespace

std::string timm_name_of_efficientnet(const std::string& name,
                                      const std::vector<int64_t>& blocks_per_stage) {
  std::string_view rest = name;
  if (!take(rest, "_blocks.")) {
    const std::string outside = replace_front(rest, kEfficientNetOutside);
    return outside.empty() ? name : outside;
  }
  const std::optional<int64_t> number = take_number(rest);
  if (!number) return name;
  int64_t block = *number;
  for (size_t stage = 0; stage < blocks_per_stage.size(); ++stage) {
    if (block >= blocks_per_stage[stage]) {
      block -= blocks_per_stage[stage];
      continue;
    }
    const std::string part = stage == 0 ? replace_front(rest, kEfficientNetFirst)
                                        : replace_front(rest, kEfficientNetBlock);
    if (part.empty()) return name;
    return "blocks." + std::to_string(stage) + "." + std::to_string(block) + "." + part;
  }
  return name;
}

std::string timm_name_of_convnext(const std::string& name) {
  std::string_view rest = name;
  if (!take(rest, "features.")) return name;
  const std::optional<int64_t> feature = take_number(rest);
  if (!feature || *feature > 7) return name;
  const std::string stage = "stages." + std::to_string(*feature / 2) + ".";
  if (*feature == 0) return "stem." + std::string(rest);
  if (*feature % 2 == 0) return stage + "downsample." + std::string(rest);
  const std::optional<int64_t> block = take_number(rest);
  const std::string part = replace_front(rest, kConvNextBlock);
  if (!block || part.empty()) return name;
  return stage + "blocks." + std::to_string(*block) + "." + part;
}

}  // namespace catamaran
