// What pack_weights (model/pack_weights.h) visits: a module that can keep its weights in an order
// for inference. In training mode it must not use them.
#pragma once

namespace catamaran {

class Packable {
 public:
  Packable() = default;
  Packable(const Packable&) = default;
  Packable& operator=(const Packable&) = default;
  virtual ~Packable() = default;

  virtual void pack() = 0;
};

}  // namespace catamaran
