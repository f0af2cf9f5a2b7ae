// GradientReducer: sums every parameter's gradient over all ranks, overlapped with backward.
//
//   GradientReducer reducer(parameters, group.gradients(), options, device);     // once
//   reducer.begin_part(part == 0, part + 1 == parts);                            // before each
//   micro-batch's backward loss.backward(); // a full bucket starts its own all-reduce
//   reducer.finish();                                                            // every gradient
//   is now the sum over all ranks for (const torch::Tensor& flat : reducer.flat_gradients()) ... //
//   scale, norm: one pass over few tensors reducer.gradient(i); // a view, shaped like parameter i
//
// Parameters are laid out in flat fp32 buckets in reverse order, the order in which backward makes
// their gradients. A hook moves each gradient into its slot (the first micro-batch overwrites,
// later ones add) and frees it, so no zeroing pass is needed and no second copy stays. Buckets
// start in index order on every rank, whatever the hooks' order. A parameter that got no gradient
// in a step counts as zero. The layout depends on parameters and options only. The parameters'
// .grad stays undefined. Only the thread that runs the step loop (hooks run in autograd's threads
// meanwhile). Errors: CommError from the communicator.
#pragma once

#include <torch/torch.h>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "comm/communicator.h"
#include "trainer/options.h"

namespace catamaran {

class GradientReducer {
 public:
  GradientReducer(std::vector<torch::Tensor> parameters, Communicator& communicator,
                  const ReducerOptions& options, const torch::Device& device);
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;
  ~GradientReducer();

  void begin_part(bool first_part, bool last_part);
  void finish();

  const torch::Tensor& gradient(size_t parameter) const { return gradients_[parameter]; }
  const std::vector<torch::Tensor>& gradients() const { return gradients_; }
  const std::vector<torch::Tensor>& flat_gradients() const { return flat_; }
  int64_t exchanged_bytes() const;

 private:
  struct Bucket {
    std::vector<size_t> parameters;
    size_t missing = 0;  // slots that the last micro-batch has not filled yet
  };
  class Hook;

  void make_buckets(const ReducerOptions& options, const torch::Device& device);
  void gradient_ready(size_t parameter);
  void start_full_buckets();

  std::vector<torch::Tensor> parameters_;
  Communicator& communicator_;
  torch::Device device_;
  std::vector<Bucket> buckets_;
  std::vector<torch::Tensor> flat_;       // per bucket
  std::vector<torch::Tensor> gradients_;  // per parameter: a view into flat_
  std::vector<size_t> bucket_of_;         // per parameter
  std::vector<char> filled_;              // per parameter, since the step began
  std::vector<char> arrived_;             // per parameter, in this micro-batch
  std::mutex mutex_;                      // hooks of several autograd threads
  size_t next_bucket_ = 0;                // first that has not started
  bool first_part_ = true;
  bool last_part_ = true;
};

}  // namespace catamaran
