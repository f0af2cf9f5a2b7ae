#include "launch/help_format.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace catamaran {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 6> kTypes = {
    {{"INT", "NUMBER"},
     {"UINT", "NUMBER"},
     {"FLOAT", "NUMBER"},
     {"POSITIVE", "NUMBER above 0"},
     {"NONNEGATIVE", "NUMBER from 0 on"},
     {"DIR", "FOLDER"}}};

// "{id,name}"
std::string choices_in_words(const std::string& check) {
  std::string choices = check.substr(1, check.size() - 2);
  std::ranges::replace(choices, ',', '|');
  return choices;
}

// "INT in [0 - 64]", of which the bracket is given
std::string range_in_words(const std::string& check, size_t bracket) {
  const std::string between = " - ";
  std::string limits = check.substr(bracket + 1, check.size() - bracket - 2);
  const size_t at = limits.find(between);
  return at == std::string::npos ? limits : limits.replace(at, between.size(), " to ");
}

std::string names_of(const std::set<CLI::Option*>& options) {
  std::set<std::string> names;  // those are in the order of their addresses
  for (const CLI::Option* option : options) names.insert(option->get_name());
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

}  // namespace

std::string value_in_words(const std::string& cli11_type) {
  const size_t colon = cli11_type.find(':');
  const std::string word = colon == std::string::npos ? cli11_type : cli11_type.substr(colon + 1);
  if (word.starts_with('{') && word.ends_with('}')) return choices_in_words(word);
  const size_t bracket = word.find("in [");
  if (bracket != std::string::npos && word.ends_with(']'))
    return range_in_words(word, bracket + std::string("in ").size());
  const auto* const known =
      std::ranges::find_if(kTypes, [&](const auto& type) { return word == type.first; });
  return known == kTypes.end() ? word : known->second;
}

std::string HelpFormat::make_option_name(const CLI::Option* option, bool is_positional) const {
  if (is_positional) return option->get_name(true, false);
  std::string names;
  for (const std::string& name : option->get_snames()) names += (names.empty() ? "-" : ",-") + name;
  for (const std::string& name : option->get_lnames())
    names += (names.empty() ? "--" : ",--") + name;
  return names;
}

std::string HelpFormat::make_option_opts(const CLI::Option* option) const {
  std::string words;
  if (option->get_type_size() != 0) {
    const std::string value = value_in_words(option->get_type_name());
    if (!value.empty()) words += " " + value;
    if (option->get_expected_max() > 1) words += " ...";
    if (option->get_required()) words += " (required)";
    if (!option->get_default_str().empty())
      words += " (default: " + option->get_default_str() + ")";
  }
  if (!option->get_needs().empty()) words += " (with " + names_of(option->get_needs()) + ")";
  if (!option->get_excludes().empty())
    words += " (not with " + names_of(option->get_excludes()) + ")";
  return words;
}

}  // namespace catamaran
