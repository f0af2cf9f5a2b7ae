// Which images of a pack are explained for how well or how badly the model does on them: those of
// the lowest and of the highest loss (evaluation/image_losses.h).
//
//   const std::vector<ChosenImage> chosen = chosen_by_loss(request, model, left_out);
//
// Empty where the request asks for none. Losses come from the scores of `eval --scores`, or the
// model looks at the images one by one, with progress on stderr; one that it cannot read is told to
// left_out. Errors: UsageError (a request that contradicts itself), DataError (pack, scores),
// NumericsError. One thread at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "trainer/explain_source.h"
#include "trainer/explainer.h"

namespace catamaran {

std::vector<ChosenImage> chosen_by_loss(
    const ExplainRequest& request, Explainer& model,
    const std::function<void(const std::string& reason)>& left_out);

}  // namespace catamaran
