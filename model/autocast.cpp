#include "model/autocast.h"

#include <ATen/OpMathType.h>
#include <ATen/autocast_mode.h>

namespace catamaran {

Autocast::Autocast(at::DeviceType device, at::ScalarType compute)
    : device_(device),
      was_on_(at::autocast::is_autocast_enabled(device)),
      was_type_(at::autocast::get_autocast_dtype(device)) {
  const bool on = compute != torch::kFloat32;
  at::autocast::set_autocast_enabled(device, on);
  if (on) at::autocast::set_autocast_dtype(device, compute);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  // The outermost one forgets the weights it cast: the optimizer changes them.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, was_on_);
  at::autocast::set_autocast_dtype(device_, was_type_);
}

torch::Tensor widened(const torch::Tensor& x) { return x.to(at::toOpMathType(x.scalar_type())); }

}  // namespace catamaran
