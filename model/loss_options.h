// Options of the loss, equation (12) and its published relatives. Plain data, no torch.
//
// p = sigmoid(logit); y = 1 for a present, 0 for an absent label; label smoothing e makes the
// target t = y (1 - e) + e / 2. Every loss of a label is
//
//   w t L+(p) + (1 - t) L-(p)          w: the class's positive weight
//
//   bce    L+ = -log p                      L- = -log(1 - p)
//   focal  L+ = -a (1 - p)^g log p          L- = -(1 - a) p^g log(1 - p)      Lin et al. 2017
//          (focal_alpha = -1: both factors are 1)
//   asl    L+ = -(1 - p)^g+ log p           L- = -pm^g- log(1 - pm)           Ridnik et al. 2021
//          pm = max(p - clip, 0)
//
// Values that were published for asl:
//
//                            gamma_pos  gamma_neg  clip  detach_weights  scale
//   paper and its repository      0         4      0.05      true        labels x batch.global
//   (gamma_pos = 1 also occurs)   1         4      0.05      true
//   Query2Label                   0         2      0         false       1000
//
// Reduction: the mean over the valid labels of the global batch, times `scale`. Published recipes
// that sum: scale = number of labels sums over labels and means over images; scale = labels x
// batch.global sums over both. The factor reaches the gradients before clip.max_norm sees them.
// Lin et al. divide by the number of positives instead; that is not offered.
//
// check(): UsageError naming the key. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

struct LossOptions {  // [loss]
  std::string name = "bce";
  double focal_gamma = 2;
  double focal_alpha = 0.25;
  double asl_gamma_pos = 0;
  double asl_gamma_neg = 4;
  double asl_clip = 0.05;
  bool asl_detach_weights = true;  // the focal factors are constants to backward
  double label_smoothing = 0;
  std::string positive_weight = "none";  // none, balanced, inverse
  double positive_weight_cap = 20;
  double auxiliary_weight = 0;  // of the losses of the unfused heads, equations (8)-(10)
  double scale = 1;

  std::vector<std::string> problems() const;  // each begins with its key
  void check() const;
};

// Per class, over the training images: labels that count as present and as absent.
struct ClassCounts {
  std::vector<int64_t> positives;
  std::vector<int64_t> negatives;
};

// w per class; empty for "none". balanced: negatives / positives, so that both sides of a class
// weigh alike. inverse: mean of all classes' positives / positives, so that classes weigh alike.
// At most positive_weight_cap, which classes without a positive get.
std::vector<float> positive_weights(const LossOptions& options, const ClassCounts& counts);

}  // namespace catamaran
