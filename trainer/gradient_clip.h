// Clipping of gradients that are already averaged over the global batch, so that every rank clips
// alike.
//
//   scale_gradients(flat, norm_clip_factor(gradient_norm(flat), clip.max_norm));
//
// Thread-safe.
#pragma once

namespace catamaran {

// What gradients of this norm are multiplied by, as torch's clip_grad_norm_; max_norm 0: 1.
double norm_clip_factor(double norm, double max_norm);

}  // namespace catamaran
