// Ema: exponential moving average of a model's parameters and buffers, for evaluation and export.
//
//   Ema ema(*cat, options, global_batch, &arena);     // decay 0: keeps nothing, update does
//   nothing ema.update();                             // after each applied step { const EmaSwap
//   swap(ema); ... cat now computes with the average ... }  // swapped back at the end of the scope
//
// average = decay' average + (1 - decay') value, decay' = decay ^ (global_batch / reference_batch),
// so that the half-life in samples stays what was asked for; with warm-up decay' <= (1 + updates) /
// (10 + updates). Integer buffers are copied. What lies in the arena is averaged in one pass over
// flat memory of its layout. The arena, if any, must outlive the average. Only the thread that runs
// the step loop.
#pragma once

#include <torch/torch.h>

#include <map>
#include <string>
#include <vector>

#include "model/safetensors.h"
#include "trainer/options.h"
#include "trainer/parameter_arena.h"

namespace catamaran {

class Ema {
 public:
  Ema(torch::nn::Module& model, const EmaOptions& options, int64_t global_batch,
      const ParameterArena* arena = nullptr);

  bool enabled() const { return decay_ > 0; }
  void update();
  // The average by the model's names; the live tensors. Empty when disabled.
  const NamedTensors& average() const { return average_; }
  // Those of the average that are no parameters (BN statistics).
  NamedTensors average_buffers() const;
  void load(const std::map<std::string, torch::Tensor>& saved, int64_t updates,
            const std::string& where);
  int64_t updates() const { return updates_; }
  // Exchanges the model's values and the average's.
  void swap();

 private:
  NamedTensors live_;
  NamedTensors average_;
  std::vector<char> is_buffer_;
  torch::Tensor flat_live_;  // what lies in the arena
  torch::Tensor flat_average_;
  std::vector<torch::Tensor> loose_live_;  // the other floating point tensors
  std::vector<torch::Tensor> loose_average_;
  double decay_;
  bool warmup_;
  int64_t updates_ = 0;
};

class EmaSwap {
 public:
  explicit EmaSwap(Ema& ema) : ema_(ema) { ema_.swap(); }
  EmaSwap(const EmaSwap&) = delete;
  EmaSwap& operator=(const EmaSwap&) = delete;
  ~EmaSwap() { ema_.swap(); }

 private:
  Ema& ema_;
};

}  // namespace catamaran
