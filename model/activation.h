// The activations that stand behind a backbone's convolutions. Plain data.
#pragma once

namespace catamaran {

enum class Activation { kNone, kRelu, kRelu6 };

}  // namespace catamaran
