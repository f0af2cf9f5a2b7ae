#include "dataio/stratified_split.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "support/assert.h"
#include "support/philox.h"

namespace catamaran {
namespace {

// A candidate of a move is the best of so many, taken by lot, which bounds the time.
constexpr size_t kLookedAt = 4096;

struct Group {
  std::vector<int64_t> images;
  std::vector<std::pair<int32_t, int64_t>> present;  // class, number of the group's images
};

std::vector<Group> groups_of(const LabelledImages& images) {
  std::vector<Group> by_number(images.present.size());
  for (size_t i = 0; i < images.present.size(); ++i)
    by_number[static_cast<size_t>(images.group[i])].images.push_back(static_cast<int64_t>(i));
  std::erase_if(by_number, [](const Group& group) { return group.images.empty(); });
  for (Group& group : by_number) {
    std::vector<int32_t> all;
    for (const int64_t i : group.images) {
      const std::vector<int32_t>& present = images.present[static_cast<size_t>(i)];
      all.insert(all.end(), present.begin(), present.end());
      if (present.empty()) all.push_back(static_cast<int32_t>(images.classes));
    }
    std::ranges::sort(all);
    for (const int32_t c : all) {
      if (group.present.empty() || group.present.back().first != c) group.present.push_back({c, 0});
      ++group.present.back().second;
    }
  }
  return by_number;
}

void shuffle(std::vector<Group>& groups, PhiloxStream& random) {
  for (size_t i = groups.size(); i > 1; --i)
    std::swap(groups[i - 1], groups[random.below(static_cast<uint32_t>(i))]);
}

// The paper's algorithm, then the moves; the names in parentheses are the paper's.
class IterativeStratification {
 public:
  // sizes: of the parts, which sum to the groups' images.
  IterativeStratification(const std::vector<Group>& groups, int64_t classes,
                          std::vector<int64_t> sizes, PhiloxStream& random)
      : groups_(groups), room_(std::move(sizes)), part_(groups.size(), -1), random_(random) {
    std::vector<double> total(static_cast<size_t>(classes));
    for (const Group& group : groups) {
      for (const auto& [c, count] : group.present)
        total[static_cast<size_t>(c)] += static_cast<double>(count);
    }
    const auto images = static_cast<double>(std::reduce(room_.begin(), room_.end()));
    for (const int64_t size : room_) {
      lacking_.emplace_back(total);
      for (double& count : lacking_.back()) count *= static_cast<double>(size) / images;
    }
  }

  // Gives the groups from `begin` to `end` to parts.
  void distribute(size_t begin, size_t end) {
    const size_t classes = lacking_.front().size();
    std::vector<std::vector<size_t>> of_class(classes);  // groups (D^i)
    std::vector<int64_t> left(classes);                  // of them, without a part yet
    for (size_t g = begin; g < end; ++g) {
      for (const auto& [c, count] : groups_[g].present) {
        of_class[static_cast<size_t>(c)].push_back(g);
        ++left[static_cast<size_t>(c)];
      }
    }
    for (size_t c = rarest(left); c < classes; c = rarest(left)) {
      for (const size_t g : of_class[c]) {
        if (part_[g] >= 0) continue;
        const size_t part = part_for(groups_[g], c);
        add(g, part, 1);
        part_[g] = static_cast<int32_t>(part);
        for (const auto& [other, count] : groups_[g].present) --left[static_cast<size_t>(other)];
      }
      CATAMARAN_ASSERT(left[c] == 0, "every image of the class has a part");
    }
  }

  // Moves groups of one image while a part has too many images and another too few.
  void bring_to_size() {
    std::vector<std::vector<size_t>> members(room_.size());  // groups of one image, by lot
    for (size_t g = 0; g < groups_.size(); ++g) {
      if (groups_[g].images.size() == 1) members[static_cast<size_t>(part_[g])].push_back(g);
    }
    while (true) {
      Move best;
      for (size_t from = 0; from < room_.size(); ++from) {
        for (size_t to = 0; to < room_.size(); ++to) {
          if (room_[from] < 0 && room_[to] > 0) find_better(members[from], from, to, best);
        }
      }
      if (!best.is_found) return;
      std::vector<size_t>& left = members[best.from];
      const size_t group = left[best.at];
      left[best.at] = left.back();
      left.pop_back();
      add(group, best.from, -1);
      add(group, best.to, 1);
      part_[group] = static_cast<int32_t>(best.to);
    }
  }

  const std::vector<int32_t>& parts() const { return part_; }

 private:
  struct Move {
    bool is_found = false;
    double cost = 0;  // what the sum of squares grows by
    size_t from = 0;
    size_t to = 0;
    size_t at = 0;  // in the members of `from`
  };

  void find_better(const std::vector<size_t>& members, size_t from, size_t to, Move& best) const {
    for (size_t at = 0; at < std::min(members.size(), kLookedAt); ++at) {
      double cost = 0;  // (a + 1)^2 - a^2 + (b - 1)^2 - b^2 for each of its classes, halved
      for (const auto& [c, count] : groups_[members[at]].present)
        cost += lacking_[from][static_cast<size_t>(c)] - lacking_[to][static_cast<size_t>(c)] + 1;
      if (best.is_found && cost >= best.cost) continue;
      best = {.is_found = true, .cost = cost, .from = from, .to = to, .at = at};
    }
  }

  // The class with the fewest groups left (l); all of them where none is left. The first of
  // several.
  size_t rarest(const std::vector<int64_t>& left) const {
    size_t best = left.size();
    for (size_t c = 0; c < left.size(); ++c) {
      if (left[c] > 0 && (best == left.size() || left[c] < left[best])) best = c;
    }
    return best;
  }

  // The part that lacks most of class c, then most images (c_j), then by lot.
  size_t part_for(const Group& group, size_t c) {
    const auto images = std::ssize(group.images);
    const int64_t room = *std::ranges::max_element(room_);
    std::vector<size_t> best;
    for (size_t p = 0; p < room_.size(); ++p) {
      if (images > 1 && room_[p] < std::min<int64_t>(images, room)) continue;
      const std::pair<double, int64_t> value = {lacking_[p][c], room_[p]};
      if (!best.empty()) {
        const std::pair<double, int64_t> highest = {lacking_[best[0]][c], room_[best[0]]};
        if (value < highest) continue;
        if (value > highest) best.clear();
      }
      best.push_back(p);
    }
    return best.size() == 1 ? best[0] : best[random_.below(static_cast<uint32_t>(best.size()))];
  }

  // Books a group into a part (times 1) or out of it (-1).
  void add(size_t group, size_t part, int64_t times) {
    room_[part] -= times * std::ssize(groups_[group].images);
    for (const auto& [c, count] : groups_[group].present)
      lacking_[part][static_cast<size_t>(c)] -= static_cast<double>(times * count);
  }

  const std::vector<Group>& groups_;
  std::vector<int64_t> room_;                 // images that a part lacks (c_j)
  std::vector<std::vector<double>> lacking_;  // per part and class (c_j^i)
  std::vector<int32_t> part_;                 // per group
  PhiloxStream& random_;
};

}  // namespace

std::vector<int64_t> sizes_of_parts(int64_t images, std::span<const double> shares) {
  const double sum = std::reduce(shares.begin(), shares.end());
  std::vector<int64_t> sizes;
  std::vector<std::pair<double, size_t>> remainders;  // negative, so that the largest sorts first
  int64_t left = images;
  for (size_t p = 0; p < shares.size(); ++p) {
    const double exact = static_cast<double>(images) * shares[p] / sum;
    // 0.7 / (0.7 + 0.2 + 0.1) * 10 is 6.999...: rounding alone must not cost a part an image.
    const double whole = std::abs(exact - std::round(exact)) < 1e-6 ? std::round(exact) : exact;
    sizes.push_back(static_cast<int64_t>(std::floor(whole)));
    remainders.emplace_back(std::floor(whole) - whole, p);
    left -= sizes.back();
  }
  std::ranges::sort(remainders);
  for (size_t i = 0; left > 0; ++i, --left) ++sizes[remainders[i % remainders.size()].second];
  return sizes;
}

std::vector<int32_t> stratified_split(const LabelledImages& images, std::span<const double> shares,
                                      uint64_t seed) {
  const auto count = std::ssize(images.present);
  CATAMARAN_ASSERT(std::ssize(images.group) == count, "each image is of a group");
  if (count == 0) return {};
  PhiloxStream random(seed, Purpose::kSplit, 0, 0);
  std::vector<Group> groups = groups_of(images);
  shuffle(groups, random);
  const auto first_single = std::stable_partition(
      groups.begin(), groups.end(), [](const Group& group) { return group.images.size() > 1; });
  const auto several = static_cast<size_t>(first_single - groups.begin());
  IterativeStratification stratification(groups, images.classes + 1, sizes_of_parts(count, shares),
                                         random);
  stratification.distribute(0, several);
  stratification.distribute(several, groups.size());
  stratification.bring_to_size();
  std::vector<int32_t> part(images.present.size());
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const int64_t i : groups[g].images)
      part[static_cast<size_t>(i)] = stratification.parts()[g];
  }
  return part;
}

}  // namespace catamaran
