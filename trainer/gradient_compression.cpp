#include "trainer/gradient_compression.h"

#include "support/assert.h"

namespace catamaran {
namespace {

at::ScalarType wire_type(DataType type) {
  return type == DataType::kBFloat16 ? torch::kBFloat16 : torch::kFloat16;
}

}  // namespace

GradientCompression::GradientCompression(const std::string& type, ParameterArena& arena,
                                         Communicator& communicator)
    : type_(type == "bf16" ? DataType::kBFloat16 : DataType::kFloat16),
      gradients_(arena.gradients()),
      errors_(arena.zeros()),
      wire_(exchange_tensor(communicator, arena.layout().elements, wire_type(type_),
                            gradients_.device())) {
  CATAMARAN_ASSERT(type == "bf16" || type == "fp16", "the type's name was checked");
}

void GradientCompression::start(const ArenaRange& range, Communicator& communicator, void* stream) {
  const torch::NoGradGuard no_grad;
  torch::Tensor error = slice_of(errors_, range);
  torch::Tensor wire = slice_of(wire_, range);
  error.add_(slice_of(gradients_, range));
  wire.copy_(error);
  error.sub_(wire);
  communicator.start_all_reduce(wire.data_ptr(), range.elements(), type_, ReduceOp::kSum, stream);
}

void GradientCompression::finish(const ArenaRange& range) {
  const torch::NoGradGuard no_grad;
  slice_of(gradients_, range).copy_(slice_of(wire_, range));
}

void GradientCompression::forget() {
  const torch::NoGradGuard no_grad;
  errors_.zero_();
}

void GradientCompression::scale_kept(double factor) {
  const torch::NoGradGuard no_grad;
  errors_.mul_(factor);
}

}  // namespace catamaran
