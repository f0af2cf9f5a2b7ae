// LayoutCopies: counts, while it lives, the copies that torch makes of a tensor only to have it in
// another memory order, forward and backward, its own kernels' copies included.
//
//   LayoutCopies copies;
//   cat->forward(x).yhat_BL.sum().backward();
//   EXPECT_TRUE(copies.found().empty()) << LayoutCopies::text(copies.found());
//
// A layout copy is an aten::copy_ between tensors of the same shape (three dimensions or more) and
// type whose strides differ; copies out of broadcast tensors (a stride of 0) and conversions of
// type write new values and do not count. Nor do those of aten::constant_pad_nd between a map and
// the inside of a larger one, whose dimensions follow each other in the same order in memory; nor
// those that an fp32 convolution makes of its weight's gradient: oneDNN computes it in an order of
// its own, whatever the layout of the weight, and LibTorch brings it to the weight's, on a detour
// where that order has no blocks. One at a time; backward on the CPU runs in the same thread.
#pragma once

#include <ATen/record_function.h>
#include <torch/torch.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace catamaran {

class LayoutCopies {
 public:
  LayoutCopies() {
    current() = this;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(&LayoutCopies::begin, &LayoutCopies::end)
            .needsInputs(true)
            .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  }
  LayoutCopies(const LayoutCopies&) = delete;
  LayoutCopies& operator=(const LayoutCopies&) = delete;
  ~LayoutCopies() {
    at::removeCallback(handle_);
    current() = nullptr;
  }

  const std::vector<std::string>& found() const { return found_; }
  // Of feature maps alone: four dimensions, as high as wide.
  const std::vector<std::string>& maps() const { return maps_; }
  static std::string text(const std::vector<std::string>& copies) {
    std::string all;
    for (const std::string& each : copies) all += each + "\n";
    return all;
  }

 private:
  static LayoutCopies*& current() {
    static thread_local LayoutCopies* instance = nullptr;
    return instance;
  }
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& call) {
    LayoutCopies& self = *current();
    self.calls_.push_back(call.name());
    if (self.calls_.back() == "aten::convolution_backward" && call.inputs().size() >= 3)
      self.weight_ = call.inputs()[2].toTensor();
    if (self.calls_.back() == "aten::copy_" && call.inputs().size() >= 2)
      self.look(call.inputs()[0].toTensor(), call.inputs()[1].toTensor());
    return nullptr;
  }
  static void end(const at::RecordFunction&, at::ObserverContext*) { current()->calls_.pop_back(); }

  void look(const torch::Tensor& to, const torch::Tensor& from) {
    if (to.dim() < 3 || to.sizes() != from.sizes() || to.scalar_type() != from.scalar_type())
      return;
    for (int64_t d = 0; d < to.dim(); ++d) {
      if (to.size(d) > 1 && from.stride(d) == 0) return;
    }
    if (same_layout(to, from) || is_weight_gradient(from)) return;
    std::ostringstream text;
    for (const std::string& name : calls_) text << name << " > ";
    text << to.sizes() << ", strides " << from.strides() << " -> " << to.strides();
    found_.push_back(text.str());
    if (to.dim() == 4 && to.size(2) == to.size(3)) maps_.push_back(text.str());
  }
  // Strides of a dimension of size 1 say nothing.
  bool same_layout(const torch::Tensor& a, const torch::Tensor& b) const {
    if (std::ranges::count(calls_, "aten::constant_pad_nd") > 0) return order_of(a) == order_of(b);
    for (int64_t d = 0; d < a.dim(); ++d)
      if (a.size(d) > 1 && a.stride(d) != b.stride(d)) return false;
    return true;
  }
  // Dimensions from the slowest to the fastest in memory.
  static std::vector<int64_t> order_of(const torch::Tensor& tensor) {
    std::vector<int64_t> order;
    for (int64_t d = 0; d < tensor.dim(); ++d)
      if (tensor.size(d) > 1) order.push_back(d);
    std::ranges::stable_sort(
        order, [&](int64_t a, int64_t b) { return tensor.stride(a) > tensor.stride(b); });
    return order;
  }
  // Of the weight's shape inside the backward of its convolution, and not the weight itself.
  bool is_weight_gradient(const torch::Tensor& from) const {
    return std::ranges::count(calls_, "aten::convolution_backward") > 0 &&
           from.sizes() == weight_.sizes() && !from.is_alias_of(weight_);
  }

  at::CallbackHandle handle_ = at::INVALID_CALLBACK_HANDLE;
  std::vector<std::string> calls_;
  torch::Tensor weight_;  // of the latest convolution that ran backward
  std::vector<std::string> found_;
  std::vector<std::string> maps_;
};

}  // namespace catamaran
