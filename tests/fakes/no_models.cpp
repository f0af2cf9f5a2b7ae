// Stands for the models where a program has the checkpoints alone (trainer_threads_test): a file of
// weights is its tensors, and the backbone of the default options is the only one there is.
#include "model/backbone_names.h"
#include "model/options.h"
#include "model/weights.h"

namespace catamaran {

void save_model(const std::filesystem::path& file, const NamedTensors& state, const CatOptions&,
                const std::vector<std::string>&, const std::map<std::string, std::string>& more) {
  write_safetensors(file, state, more);
}

std::vector<std::string> backbone_names() { return {CatOptions().backbone.name}; }
std::string backbone_names_text() { return CatOptions().backbone.name; }
std::optional<int64_t> highest_level_side(const std::string&, int64_t) { return std::nullopt; }

}  // namespace catamaran
