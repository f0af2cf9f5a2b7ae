#include "model/op_observer.h"

#include <algorithm>
#include <memory>
#include <string_view>

#include "support/assert.h"

namespace catamaran {
namespace {

thread_local OpObserver* observer_of_this_thread = nullptr;

constexpr std::string_view kMaterialised = "aten::_scaled_dot_product_attention_math";
constexpr std::string_view kFused = "aten::_scaled_dot_product_flash_attention_for_cpu";

// Multiply-accumulates of a matrix product or attention, from its inputs; 0 for others.
int64_t macs_of_product(std::string_view name, c10::ArrayRef<c10::IValue> in) {
  const auto product = [&](size_t a) {
    return in[a].toTensor().numel() * in[a + 1].toTensor().size(-1);
  };
  if (name == "aten::mm" || name == "aten::bmm") return product(0);
  if (name == "aten::addmm" || name == "aten::baddbmm") return product(1);
  if (name == kFused) {
    const torch::Tensor& k_BNKE = in[1].toTensor();
    const torch::Tensor& v_BNKE = in[2].toTensor();
    const torch::Tensor& q_BNQE = in[0].toTensor();
    return q_BNQE.numel() / q_BNQE.size(-1) * k_BNKE.size(-2) * (q_BNQE.size(-1) + v_BNKE.size(-1));
  }
  return 0;
}

}  // namespace

struct OpObserver::Running : at::ObserverContext {
  bool materialises = false;
  bool makes_mask = false;
  // A convolution: products per value of its output (of its input, where transposed).
  int64_t macs_per_value = 0;
  int64_t input_values = 0;  // of a transposed one
};

OpObserver::OpObserver(const std::string& first_part,
                       const std::vector<torch::Tensor>& there_before)
    : parts_{{.name = first_part}} {
  CATAMARAN_ASSERT(observer_of_this_thread == nullptr, "one observer a thread at a time");
  for (const torch::Tensor& tensor : there_before)
    there_before_.insert(tensor.storage().unsafeGetStorageImpl());
  observer_of_this_thread = this;
  handle_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback(&on_start, &on_end)
          .needsInputs(true)
          .needsOutputs(true)
          .scopes({at::RecordScope::FUNCTION, at::RecordScope::USER_SCOPE}));
}

OpObserver::~OpObserver() {
  at::removeCallback(handle_);
  observer_of_this_thread = nullptr;
}

std::unique_ptr<at::ObserverContext> OpObserver::on_start(const at::RecordFunction& operation) {
  auto running = std::make_unique<Running>();
  if (operation.scope() == at::RecordScope::USER_SCOPE) {
    observer_of_this_thread->begin_part(operation.name());
  } else {
    observer_of_this_thread->start(operation, *running);
  }
  return running;
}

void OpObserver::on_end(const at::RecordFunction& operation, at::ObserverContext* context) {
  if (operation.scope() == at::RecordScope::FUNCTION)
    observer_of_this_thread->end(operation, *static_cast<const Running*>(context));
}

void OpObserver::begin_part(const std::string& name) {
  const auto found = std::find_if(parts_.begin(), parts_.end(),
                                  [&](const Part& part) { return part.name == name; });
  current_ = static_cast<size_t>(found - parts_.begin());
  if (found == parts_.end()) parts_.push_back({.name = name});
}

void OpObserver::start(const at::RecordFunction& operation, Running& running) {
  const std::string_view name = operation.name();
  const c10::ArrayRef<c10::IValue> in = operation.inputs();
  Part& part = parts_[current_];
  part.macs += macs_of_product(name, in);
  if (name == "aten::convolution") {
    const torch::Tensor& weight = in[1].toTensor();
    running.macs_per_value = weight.numel() / weight.size(0);
    if (in[6].toBool()) running.input_values = in[0].toTensor().numel();
  } else if (name == "aten::scaled_dot_product_attention") {
    part.queries = in[0].toTensor().size(-2);
    part.keys = in[1].toTensor().size(-2);
  } else if (name == "aten::native_layer_norm") {
    const auto found = made_.find(in[0].toTensor().storage().unsafeGetStorageImpl());
    if (found != made_.end()) found->second.stays_fp32 = true;
  }
  saw_fused_attention_ |= name == kFused;
  running.materialises = name == kMaterialised;
  materialised_depth_ += running.materialises ? 1 : 0;
  running.makes_mask = name == "aten::bernoulli_";
}

void OpObserver::end(const at::RecordFunction& operation, const Running& running) {
  if (running.macs_per_value > 0) {
    const int64_t values = running.input_values > 0 ? running.input_values
                                                    : operation.outputs().at(0).toTensor().numel();
    parts_[current_].macs += values * running.macs_per_value;
  }
  for (const c10::IValue& output : operation.outputs()) {
    if (output.isTensor()) note(output.toTensor(), running);
    if (output.isTensorList()) {
      for (const torch::Tensor& each : output.toTensorVector()) note(each, running);
    }
  }
  materialised_depth_ -= running.materialises ? 1 : 0;
}

void OpObserver::note(const torch::Tensor& made, const Running& running) {
  if (!made.defined() || !made.has_storage()) return;
  const c10::StorageImpl* storage = made.storage().unsafeGetStorageImpl();
  if (there_before_.contains(storage)) return;
  // A weak reference keeps the address from being used again, so an address is one storage.
  const auto [entry, is_new] = made_.try_emplace(
      storage, Made{.storage = made.storage().getWeakStorageImpl(),
                    .part = current_,
                    .item_bytes = made.is_floating_point() ? made.element_size() : 0,
                    .is_mask = false,
                    .stays_fp32 = materialised_depth_ > 0});
  if (running.makes_mask) entry->second.is_mask = true;
}

std::vector<OpObserver::Part> OpObserver::parts() const {
  std::vector<Part> parts = parts_;
  for (const auto& [address, made] : made_) {
    const auto storage = made.storage.lock();
    if (!storage) continue;
    const auto bytes = static_cast<int64_t>(storage->nbytes());
    const int64_t values = made.item_bytes > 0 ? bytes / made.item_bytes : 0;
    Part& part = parts[made.part];
    part.saved_bytes += made.is_mask ? values : bytes;
    if (made.is_mask) {
      part.reduced_bytes += values;
    } else if (made.item_bytes == 4 && !made.stays_fp32) {
      part.reduced_bytes += 2 * values;
    } else {
      part.reduced_bytes += bytes;
    }
  }
  return parts;
}

}  // namespace catamaran
