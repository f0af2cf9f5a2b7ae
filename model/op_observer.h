// Counts what the LibTorch operations of this thread cost while an observer lives: multiply-
// accumulates by shape, the tokens of each attention, and the tensors that were made and not let go
// again, which after a forward pass with gradients are what autograd saved for backward. Part by
// part: a part begins with RECORD_USER_SCOPE("its name") and ends where the next begins.
//
//   torch::Tensor y;
//   OpObserver observer(cat->parameters(true));   // what is there anyway is not counted
//   y = cat->forward(x).yhat_BL;                  // y keeps the graph
//   for (const OpObserver::Part& part : observer.parts()) part.macs;
//
// Bytes are those of the tensors' storages, each counted once, for the part that made it. A dropout
// mask counts one byte a value, as CUDA keeps it (the CPU keeps it as float). reduced_bytes is the
// same under bf16 or fp16 autocast: two bytes a value, but four for the inputs of layer norms and
// inside materialised attention, which autocast computes in fp32. One observer a thread at a time.
#pragma once

#include <ATen/record_function.h>
#include <c10/core/StorageImpl.h>
#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace catamaran {

class OpObserver {
 public:
  struct Part {
    std::string name;
    int64_t macs = 0;           // of convolutions, matrix products and attention
    int64_t queries = 0;        // tokens of the last attention
    int64_t keys = 0;           //
    int64_t saved_bytes = 0;    // alive now
    int64_t reduced_bytes = 0;  // the same in half precision
  };

  // first_part: where operations before the first scope belong. there_before: storages that are not
  // counted, such as parameters.
  OpObserver(const std::string& first_part, const std::vector<torch::Tensor>& there_before);
  ~OpObserver();
  OpObserver(const OpObserver&) = delete;
  OpObserver& operator=(const OpObserver&) = delete;

  // Parts in order of their first operation, with the storages that are alive at the call.
  std::vector<Part> parts() const;
  // True when an attention ran in a fused kernel.
  bool saw_fused_attention() const { return saw_fused_attention_; }

 private:
  struct Made {
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    size_t part;
    int64_t item_bytes;
    bool is_mask;
    bool stays_fp32;
  };
  struct Running;  // an operation between its start and its end

  static std::unique_ptr<at::ObserverContext> on_start(const at::RecordFunction& operation);
  static void on_end(const at::RecordFunction& operation, at::ObserverContext* context);
  void begin_part(const std::string& name);
  void start(const at::RecordFunction& operation, Running& running);
  void end(const at::RecordFunction& operation, const Running& running);
  void note(const torch::Tensor& made, const Running& running);

  std::vector<Part> parts_;
  size_t current_ = 0;
  int materialised_depth_ = 0;
  bool saw_fused_attention_ = false;
  std::unordered_set<const c10::StorageImpl*> there_before_;
  std::unordered_map<const c10::StorageImpl*, Made> made_;
  at::CallbackHandle handle_;
};

}  // namespace catamaran
