#include "launch/array_split.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include "support/error.h"
#include "support/text.h"

namespace catamaran {
namespace {

// Takes the digits at the beginning of `rest` away. nullopt: none, or more than nine.
std::optional<int64_t> take_number(std::string_view& rest) {
  int64_t number = 0;
  const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (digits == 0 || digits > 9) return std::nullopt;
  std::from_chars(rest.data(), rest.data() + digits, number);
  rest.remove_prefix(digits);
  return number;
}

// Takes `mark` and a number behind it away; `otherwise` where there is no mark.
std::optional<int64_t> take_after(char mark, std::string_view& rest, int64_t otherwise) {
  if (!rest.starts_with(mark)) return otherwise;
  rest.remove_prefix(1);
  return take_number(rest);
}

}  // namespace

std::vector<ArrayPart> split_array(std::vector<int64_t> indices, int64_t max_array_size) {
  if (max_array_size < 1)
    throw UsageError("this Slurm takes no arrays of jobs (MaxArraySize is 0)", "sbatch --array",
                     "ask your administrators, or train the points with `catamaran sweep run`");
  std::ranges::sort(indices);
  const auto rest = std::ranges::unique(indices);
  indices.erase(rest.begin(), rest.end());
  std::vector<ArrayPart> parts;
  for (const int64_t index : indices) {
    const int64_t first = index / max_array_size * max_array_size;
    if (parts.empty() || parts.back().first != first) parts.push_back({first, {}});
    parts.back().tasks.push_back(index - first);
  }
  return parts;
}

ArrayWish parse_array(const std::string& given, const std::string& option, int64_t most) {
  const auto refuse = [&](const std::string& why) -> UsageError {
    return {"'" + printable(given) + "' " + why, option, "write it like 0-3,7 or 0-5%2"};
  };
  std::string_view rest = given;
  std::set<int64_t> indices;
  while (true) {
    const std::optional<int64_t> low = take_number(rest);
    if (!low) throw refuse("is no list of indices");
    const std::optional<int64_t> high = take_after('-', rest, *low);
    const std::optional<int64_t> step = take_after(':', rest, 1);
    if (!high || !step || *step < 1 || *high < *low) throw refuse("is no list of indices");
    for (int64_t index = *low; index <= *high; index += *step) {
      indices.insert(index);
      if (std::ssize(indices) > most)
        throw refuse("are more than " + std::to_string(most) + " indices");
    }
    if (!rest.starts_with(',')) break;
    rest.remove_prefix(1);
  }
  const std::optional<int64_t> at_once = take_after('%', rest, 0);
  if (!at_once || !rest.empty()) throw refuse("is no list of indices");
  return {.indices = {indices.begin(), indices.end()}, .at_once = *at_once};
}

}  // namespace catamaran
