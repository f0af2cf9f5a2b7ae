#include "trainer/ema.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "model/weights.h"
#include "support/error.h"
#include "trainer/flat_updates.h"

namespace catamaran {

Ema::Ema(torch::nn::Module& model, const EmaOptions& options, int64_t global_batch,
         const ParameterArena* arena)
    : decay_(options.decay <= 0
                 ? 0
                 : std::pow(options.decay, static_cast<double>(global_batch) /
                                               static_cast<double>(options.reference_batch))),
      warmup_(options.warmup) {
  if (!enabled()) return;
  const torch::NoGradGuard no_grad;
  std::set<std::string> parameters;
  for (const auto& item : model.named_parameters()) parameters.insert(item.key());
  std::map<const void*, torch::Tensor> in_arena;  // by the value's place
  if (arena != nullptr) {
    flat_live_ = arena->values();
    flat_average_ = flat_live_.clone();
    const std::vector<torch::Tensor> places = arena->views(flat_average_);
    for (size_t p = 0; p < places.size(); ++p)
      in_arena[arena->parameters()[p].const_data_ptr()] = places[p];
  }
  for (const auto& [name, tensor] : state_dict(model)) {
    is_buffer_.push_back(!parameters.contains(name));
    live_.emplace_back(name, tensor.detach());
    const auto place = in_arena.find(tensor.const_data_ptr());
    const bool loose = place == in_arena.end();
    average_.emplace_back(name, loose ? tensor.detach().clone() : place->second);
    if (loose && tensor.is_floating_point()) {
      loose_live_.push_back(live_.back().second);
      loose_average_.push_back(average_.back().second);
    }
  }
}

void Ema::update() {
  const torch::NoGradGuard no_grad;
  const auto n = static_cast<double>(updates_++);
  const double decay = warmup_ ? std::min(decay_, (1 + n) / (10 + n)) : decay_;
  for (size_t i = 0; i < average_.size(); ++i) {
    if (!average_[i].second.is_floating_point()) average_[i].second.copy_(live_[i].second);
  }
  if (!loose_average_.empty()) at::_foreach_lerp_(loose_average_, loose_live_, 1 - decay);
  if (flat_average_.defined()) average_update(1 - decay, flat_live_, flat_average_);
}

NamedTensors Ema::average_buffers() const {
  NamedTensors buffers;
  for (size_t i = 0; i < average_.size(); ++i) {
    if (is_buffer_[i]) buffers.push_back(average_[i]);
  }
  return buffers;
}

void Ema::load(const std::map<std::string, torch::Tensor>& saved, int64_t updates,
               const std::string& where) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : average_) {
    const auto found = saved.find(name);
    if (found == saved.end() || found->second.sizes() != tensor.sizes()) {
      throw WeightsError("the averaged tensor '" + name + "' is missing or of another shape", where,
                         "the checkpoint belongs to another model");
    }
    tensor.copy_(found->second);
  }
  updates_ = updates;
}

void Ema::swap() {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < average_.size(); ++i) {
    const torch::Tensor value = live_[i].second.clone();
    live_[i].second.copy_(average_[i].second);
    average_[i].second.copy_(value);
  }
}

}  // namespace catamaran
