// The pictures that explain is asked for, one after the other, each with its truth where that is
// known: named files, the lines of a manifest, images of a pack.
//
//   const auto source = open_explain_source(request, model.classes());
//   while (std::optional<SourcePicture> picture = source->next()) ...
//
// A picture that cannot be read is delivered with the reason in `error`. Errors: UsageError (a
// request that contradicts itself), DataError (the truth, the pack, the list on standard input).
// One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "trainer/explain_api.h"

namespace catamaran {

struct SourcePicture {
  std::string name;  // path, or PACK:ID
  std::string stem;  // for file names; may hold any character
  std::vector<uint8_t> jpeg;
  std::vector<int8_t> truth;  // by class of the model: 1, 0 (open), -1; empty: not known
  std::string error;          // why it cannot be read; then nothing but the name counts
  std::string rank;           // best, worst; empty: it was not chosen by its loss
  double loss = 0;            // by which it was
};

class ExplainSource {
 public:
  virtual ~ExplainSource() = default;
  virtual std::optional<SourcePicture> next() = 0;
};

// An image of the pack that was chosen by its loss.
struct ChosenImage {
  int64_t image = 0;
  std::string rank;
  double loss = 0;
};

// chosen: of request.pack, instead of those that the request names; empty: those.
std::unique_ptr<ExplainSource> open_explain_source(const ExplainRequest& request,
                                                   const std::vector<std::string>& classes,
                                                   const std::vector<ChosenImage>& chosen = {});

}  // namespace catamaran
