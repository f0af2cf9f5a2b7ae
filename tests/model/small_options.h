// A small CAT without dropout, whose forward and backward take milliseconds.
#pragma once

#include "model/options.h"

namespace catamaran {

inline CatOptions small_options() {
  CatOptions options;
  options.input.size = 64;
  options.backbone.name = "resnet10_narrow";
  options.attention.dim = 32;
  options.attention.heads = 4;
  options.attention.ffn_dim = 64;
  options.attention.dropout = 0;
  return options;
}

}  // namespace catamaran
