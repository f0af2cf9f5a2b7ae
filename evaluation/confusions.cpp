#include "evaluation/confusions.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>

#include "support/assert.h"

namespace catamaran {
namespace {

// Probability t as a logit: sigmoid(z) >= t is z >= log(t / (1 - t)).
double logit(double probability) { return std::log(probability) - std::log1p(-probability); }

// Counts of ordered pairs of classes.
class Pairs {
 public:
  explicit Pairs(size_t classes) : classes_(classes), counts_(classes * classes, 0) {}
  void add(const std::vector<size_t>& first, const std::vector<size_t>& second) {
    for (const size_t a : first) {
      for (const size_t b : second) ++counts_[a * classes_ + b];
    }
  }
  int64_t at(size_t first, size_t second) const { return counts_[first * classes_ + second]; }

 private:
  size_t classes_;
  std::vector<int32_t> counts_;
};

// One image's labels, by what became of them.
struct Outcome {
  std::vector<size_t> present, absent, missed, invented;

  void clear() {
    for (std::vector<size_t>* list : {&present, &absent, &missed, &invented}) list->clear();
  }
};

std::vector<ConfusedPair> most_frequent(
    const Pairs& pairs, size_t classes, size_t most,
    const std::function<int64_t(size_t first, size_t second)>& of) {
  std::vector<ConfusedPair> found;
  for (size_t a = 0; a < classes; ++a) {
    for (size_t b = 0; b < classes; ++b) {
      if (a == b || pairs.at(a, b) == 0) continue;
      found.push_back({static_cast<int64_t>(a), static_cast<int64_t>(b), pairs.at(a, b), of(a, b)});
    }
  }
  const auto end = found.begin() + static_cast<std::ptrdiff_t>(std::min(most, found.size()));
  std::partial_sort(
      found.begin(), end, found.end(), [](const ConfusedPair& x, const ConfusedPair& y) {
        return std::tuple(-x.images, x.first, x.second) < std::tuple(-y.images, y.first, y.second);
      });
  found.erase(end, found.end());
  return found;
}

}  // namespace

Confusions confusions(const ScoreTable& table, std::span<const double> thresholds,
                      IgnoredLabels ignored, size_t most) {
  const size_t classes = table.classes.size();
  CATAMARAN_ASSERT(thresholds.size() == classes, "every class has a threshold");
  std::vector<double> least;
  for (const double threshold : thresholds) least.push_back(logit(threshold));
  const size_t paired = classes <= kMostPairedClasses ? classes : 0;
  Pairs mistaken(paired), invented(paired), missed(paired), beside(paired), together(paired);
  Confusions result;
  result.classes.resize(classes);
  Outcome image;
  for (int64_t i = 0; i < table.images; ++i) {
    const float* scores = table.scores.data() + static_cast<size_t>(i) * classes;
    const int8_t* labels = table.labels.data() + static_cast<size_t>(i) * classes;
    image.clear();
    for (size_t c = 0; c < classes; ++c) {
      if (labels[c] == 0 && ignored == IgnoredLabels::kIgnore) continue;
      const bool predicted = scores[c] >= least[c];
      if (labels[c] > 0) {
        image.present.push_back(c);
        if (!predicted) image.missed.push_back(c);
        ++(predicted ? result.classes[c].true_positives : result.classes[c].false_negatives);
      } else {
        image.absent.push_back(c);
        if (predicted) image.invented.push_back(c);
        result.classes[c].false_positives += predicted ? 1 : 0;
      }
    }
    if (paired == 0) continue;
    mistaken.add(image.missed, image.invented);
    invented.add(image.invented, image.present);
    missed.add(image.missed, image.present);
    beside.add(image.absent, image.present);
    together.add(image.present, image.present);
  }
  result.mistaken = most_frequent(mistaken, paired, most, [&](size_t first, size_t) {
    return result.classes[first].false_negatives;
  });
  result.invented = most_frequent(invented, paired, most, [&](size_t first, size_t second) {
    return beside.at(first, second);
  });
  result.missed = most_frequent(missed, paired, most, [&](size_t first, size_t second) {
    return together.at(first, second);
  });
  return result;
}

}  // namespace catamaran
