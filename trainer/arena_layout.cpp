#include "trainer/arena_layout.h"

#include <algorithm>

#include "support/assert.h"

namespace catamaran {
namespace {

using Numbers = std::span<const size_t>;

int64_t aligned(int64_t elements) {
  return (elements + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

// How many of the numbers from the front fit, one at least.
size_t fitting(const std::vector<int64_t>& elements, auto begin, auto end, int64_t room) {
  size_t count = 0;
  for (; begin != end; ++begin, ++count) {
    room -= elements[*begin];
    if (room < 0 && count > 0) break;
  }
  return count;
}

class LayoutBuilder {
 public:
  explicit LayoutBuilder(const ArenaContents& contents) : contents_(contents) {
    layout_.slots.resize(contents.elements.size());
  }

  void add_bucket(Numbers numbers, bool used) {
    ArenaBucket bucket{
        .range = {at_, at_}, .parameters = {numbers.begin(), numbers.end()}, .used = used};
    std::ranges::stable_sort(bucket.parameters, {},
                             [this](size_t p) { return contents_.group[p]; });
    for (const size_t p : bucket.parameters) add(p);
    bucket.range.end = at_;
    layout_.buckets.push_back(std::move(bucket));
  }

  ArenaLayout take() {
    layout_.elements = at_;
    return std::move(layout_);
  }

 private:
  // A segment may reach over the border between two buckets.
  void add(size_t p) {
    const size_t group = contents_.group[p];
    if (layout_.segments.empty() || layout_.segments.back().group != group)
      layout_.segments.push_back({.range = {at_, at_}, .group = group, .parameters = {}});
    layout_.slots[p] = {at_, at_ + contents_.elements[p]};
    at_ += aligned(contents_.elements[p]);
    layout_.segments.back().range.end = at_;
    layout_.segments.back().parameters.push_back(p);
  }

  const ArenaContents& contents_;
  ArenaLayout layout_;
  int64_t at_ = 0;
};

}  // namespace

std::vector<Numbers> cut_into_buckets(const std::vector<int64_t>& elements, Numbers order,
                                      const BucketSizes& sizes) {
  Numbers last;
  std::vector<Numbers> parts;
  if (!order.empty()) {
    const size_t first = fitting(elements, order.begin(), order.end(), sizes.first);
    parts.push_back(order.first(first));
    order = order.subspan(first);
  }
  if (!order.empty()) {
    last = order.last(fitting(elements, order.rbegin(), order.rend(), sizes.last));
    order = order.first(order.size() - last.size());
  }
  while (!order.empty()) {
    const size_t count = fitting(elements, order.begin(), order.end(), sizes.middle);
    parts.push_back(order.first(count));
    order = order.subspan(count);
  }
  if (!last.empty()) parts.push_back(last);
  return parts;
}

ArenaLayout lay_out(const ArenaContents& contents, const BucketSizes& sizes) {
  CATAMARAN_ASSERT(contents.elements.size() == contents.group.size() &&
                       contents.elements.size() == contents.order.size() &&
                       contents.unused <= contents.order.size(),
                   "one number of each kind a parameter");
  LayoutBuilder layout(contents);
  const Numbers used(contents.order.data(), contents.order.size() - contents.unused);
  for (const Numbers& part : cut_into_buckets(contents.elements, used, sizes))
    layout.add_bucket(part, /*used=*/true);
  if (contents.unused > 0)
    layout.add_bucket(Numbers(contents.order).last(contents.unused), /*used=*/false);
  return layout.take();
}

}  // namespace catamaran
