// What pack_weights (model/pack_weights.h) visits: a module that can keep copies of its weights in
// an order for inference. Training mode drops them, and packing again makes them anew.
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
