#include "launch/sweep_expand.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

namespace catamaran {
namespace {

// The combination of this number: the digits of a number whose places have as many digits as axes
// have alternatives.
Assignment combination(const std::vector<SweepAxis>& axes, int64_t number) {
  std::vector<const Assignment*> chosen(axes.size(), nullptr);
  for (size_t a = axes.size(); a-- > 0;) {
    const std::vector<Assignment>& alternatives = axes[a].alternatives;
    if (alternatives.empty()) continue;
    const auto count = static_cast<int64_t>(alternatives.size());
    chosen[a] = &alternatives[static_cast<size_t>(number % count)];
    number /= count;
  }
  Assignment all;
  for (const Assignment* one : chosen) {
    if (one != nullptr) all.insert(all.end(), one->begin(), one->end());
  }
  return all;
}

const std::string* value_in(const Assignment& point, const std::map<std::string, std::string>& base,
                            const std::string& key) {
  const auto own = std::ranges::find(point, key, &Assignment::value_type::first);
  if (own != point.end()) return &own->second;
  const auto common = base.find(key);
  return common == base.end() ? nullptr : &common->second;
}

bool holds(const SweepCondition& condition, const Assignment& point,
           const std::map<std::string, std::string>& base) {
  const std::string* value = value_in(point, base, condition.on);
  return value != nullptr && std::ranges::any_of(condition.values, [&](const std::string& wanted) {
           return is_same_value(*value, wanted);
         });
}

// True where something was left out.
bool apply(const std::vector<SweepCondition>& conditions,
           const std::map<std::string, std::string>& base, Assignment& point) {
  const size_t before = point.size();
  for (bool changed = true; changed;) {
    changed = false;
    for (const SweepCondition& condition : conditions) {
      const auto set = std::ranges::find(point, condition.key, &Assignment::value_type::first);
      if (set == point.end() || holds(condition, point, base)) continue;
      point.erase(set);
      changed = true;
    }
  }
  return point.size() < before;
}

std::optional<double> number_of(const std::string& text) {
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

int64_t combinations(const std::vector<SweepAxis>& axes) {
  int64_t count = 1;
  for (const SweepAxis& axis : axes) {
    const auto here = std::max<int64_t>(1, static_cast<int64_t>(axis.alternatives.size()));
    if (here > kMostSweepPoints || count > kMostSweepPoints) return kMostSweepPoints + 1;
    count *= here;
  }
  return count;
}

bool is_same_value(const std::string& one, const std::string& other) {
  if (one == other) return true;
  const std::optional<double> a = number_of(one);
  const std::optional<double> b = number_of(other);
  return a && b && *a == *b;
}

std::vector<Assignment> expand(const SweepFile& file,
                               const std::map<std::string, std::string>& base) {
  std::vector<Assignment> points;
  std::set<Assignment> shortened;
  const int64_t count = combinations(file.axes);
  for (int64_t number = 0; number < count; ++number) {
    Assignment point = combination(file.axes, number);
    if (apply(file.conditions, base, point) && !shortened.insert(point).second) continue;
    points.push_back(std::move(point));
  }
  return points;
}

}  // namespace catamaran
