#include "trainer/exchange_check.h"

#include <algorithm>
#include <cstring>

#include "support/error.h"
#include "support/text.h"

namespace catamaran {
namespace {

static_assert(sizeof(ArenaRange) == 2 * sizeof(int64_t), "sent as it lies in memory");

std::string sent_bytes(const std::vector<ArenaRange>& ranges) {
  return {reinterpret_cast<const char*>(ranges.data()), ranges.size() * sizeof(ArenaRange)};
}

std::vector<ArenaRange> ranges_from(const std::string& bytes) {
  std::vector<ArenaRange> ranges(bytes.size() / sizeof(ArenaRange));
  if (!ranges.empty()) std::memcpy(ranges.data(), bytes.data(), bytes.size());
  return ranges;
}

std::string words(const std::vector<ArenaRange>& ranges, size_t number) {
  if (number >= ranges.size()) return "none";
  return text("one of elements %ld to %ld", ranges[number].begin, ranges[number].end);
}

}  // namespace

std::string difference_text(const std::vector<ArenaRange>& theirs,
                            const std::vector<ArenaRange>& of_rank_0) {
  const auto same = [](const ArenaRange& a, const ArenaRange& b) {
    return a.begin == b.begin && a.end == b.end;
  };
  const auto [first, other] = std::ranges::mismatch(theirs, of_rank_0, same);
  const auto number = static_cast<size_t>(first - theirs.begin());
  return text("has started, as all-reduce number %zu of the step, %s, and rank 0 %s", number,
              words(theirs, number).c_str(), words(of_rank_0, number).c_str());
}

void throw_different_exchanges(const std::vector<ArenaRange>& mine, ProcessGroup& group,
                               int64_t step) {
  const std::vector<std::string> all = group.all_gather(sent_bytes(mine));
  const auto odd =
      std::ranges::find_if(all, [&](const std::string& bytes) { return bytes != all[0]; });
  const std::string difference =
      odd == all.end() ? "differ in what they say of it"  // a digest was changed on its way
                       : text("rank %ld ", static_cast<long>(odd - all.begin())) +
                             difference_text(ranges_from(*odd), ranges_from(all[0]));
  throw classified<CommError>(
      "the ranks have exchanged different gradients: " + difference, text("step %ld", step),
      "check that all ranks run the same program with the same configuration; the step was not "
      "applied: resume from the newest checkpoint",
      FaultClass::kBug);
}

}  // namespace catamaran
