#include "trainer/prepared_model.h"

#include <algorithm>

#include "model/weights.h"
#include "support/error.h"
#include "trainer/checkpoint.h"

namespace catamaran {
namespace {

// Whatever makes the same numbers faster once weights no longer change belongs here.
void prepare_for_inference(CatImpl& cat) {
  cat.eval();
  for (torch::Tensor& parameter : cat.parameters()) parameter.set_requires_grad(false);
}

}  // namespace

PreparedModel::PreparedModel(const std::filesystem::path& checkpoint, const std::string& weights)
    : file_(weights_file_of(checkpoint, weights)) {
  cat_ = load_model(file_, classes_);
  prepare_for_inference(*cat_);
}

void require_same_class_list(const std::vector<std::string>& a, const std::string& first,
                             const std::vector<std::string>& b, const std::string& second) {
  if (a == b) return;
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  std::string difference;
  if (in_a != a.end() && in_b != b.end()) {
    difference = "class " + std::to_string(in_a - a.begin()) + " is '" + *in_a + "' in one and '" +
                 *in_b + "' in the other";
  } else {
    const bool a_has_more = in_a != a.end();
    difference = "one has " + std::to_string(a.size()) + " classes and the other " +
                 std::to_string(b.size()) + "; the first that one lacks is '" +
                 (a_has_more ? *in_a : *in_b) + "'";
  }
  throw DataError(difference, first + " and " + second,
                  "the same classes in the same order are needed");
}

}  // namespace catamaran
