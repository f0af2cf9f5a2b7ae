#include "model/coverage.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "support/text.h"

namespace catamaran {
namespace {

// Older files do not have the counters of batch norm, and nothing reads them.
bool is_counter(const std::string& name) { return name.ends_with("num_batches_tracked"); }

// Kinds of numbers that turn into each other without another meaning: weights are floats of some
// width, counters whole numbers of some width.
bool same_kind(const torch::Tensor& a, const torch::Tensor& b) {
  return a.is_floating_point() == b.is_floating_point() &&
         (a.scalar_type() == torch::kBool) == (b.scalar_type() == torch::kBool);
}

std::string type_text(const torch::Tensor& tensor) { return torch::toString(tensor.scalar_type()); }

void append_names(std::string& table, const char* title, const std::vector<std::string>& names) {
  constexpr size_t kMost = 20;
  table += text("%-15s %7zu\n", title, names.size());
  for (size_t i = 0; i < std::min(kMost, names.size()); ++i) table += "  " + names[i] + "\n";
  if (names.size() > kMost)
    table += "  ... and " + std::to_string(names.size() - kMost) + " more\n";
}

}  // namespace

double Coverage::ratio() const {
  return wanted_values > 0 ? static_cast<double>(loaded_values) / static_cast<double>(wanted_values)
                           : 0;
}

std::string Coverage::table() const {
  std::string table = text("%-15s %7zu   %.1f %% of the model's values (%ld of %ld)\n", "loaded",
                           loaded.size(), 100 * ratio(), loaded_values, wanted_values);
  append_names(table, "missing", missing);
  append_names(table, "unexpected", unexpected);
  append_names(table, "shape mismatch", shape_mismatch);
  return table;
}

std::string Coverage::json() const {
  return nlohmann::json{{"ratio", ratio()},
                        {"loaded", loaded},
                        {"missing", missing},
                        {"unexpected", unexpected},
                        {"shape_mismatch", shape_mismatch},
                        {"loaded_values", loaded_values},
                        {"wanted_values", wanted_values}}
             .dump(2) +
         "\n";
}

Coverage copy_covered(const NamedTensors& wanted, const std::map<std::string, torch::Tensor>& given,
                      Copy copy) {
  Coverage coverage;
  std::set<std::string> used;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> fitting;  // to, from
  for (const auto& [name, tensor] : wanted) {
    const auto found = given.find(name);
    if (!is_counter(name)) coverage.wanted_values += tensor.numel();
    if (found == given.end()) {
      if (!is_counter(name)) coverage.missing.push_back(name);
      continue;
    }
    used.insert(name);
    if (found->second.sizes() != tensor.sizes()) {
      coverage.shape_mismatch.push_back(name + ": file " + shape_text(found->second.sizes()) +
                                        ", model " + shape_text(tensor.sizes()));
      continue;
    }
    if (!same_kind(found->second, tensor)) {
      coverage.shape_mismatch.push_back(name + ": file " + type_text(found->second) + ", model " +
                                        type_text(tensor));
      continue;
    }
    coverage.loaded.push_back(name);
    if (!is_counter(name)) coverage.loaded_values += tensor.numel();
    fitting.emplace_back(tensor, found->second);
  }
  for (const auto& [name, tensor] : given) {
    if (!used.contains(name)) coverage.unexpected.push_back(name);
  }
  if (copy == Copy::kNothing) return coverage;
  if (copy == Copy::kAllOrNothing && !coverage.shape_mismatch.empty()) return coverage;
  const torch::NoGradGuard no_grad;
  for (auto& [to, from] : fitting) to.copy_(from);
  return coverage;
}

}  // namespace catamaran
