#include "trainer/checkpoint_match.h"

#include <map>
#include <optional>
#include <string>
#include <system_error>

#include "model/weights.h"
#include "support/error.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

using EntriesByName = std::map<std::string, SafetensorsEntry>;

[[noreturn]] void refuse_match(const std::string& what, const fs::path& file) {
  throw WeightsError(what, file.string(), "resume from another checkpoint");
}

void require_listed(const fs::path& checkpoint, const CheckpointRecord& record,
                    const std::string& name) {
  if (!record.checksums.contains(name))
    refuse_match("there is no checksum of " + name, checkpoint / "state.json");
}

SafetensorsHeader header_of_part(const fs::path& file) {
  std::error_code code;
  if (!fs::is_regular_file(file, code)) refuse_match("the file is missing", file);
  return list_safetensors(file);  // the header tells how long the file must be
}

EntriesByName by_name(const SafetensorsHeader& header) {
  EntriesByName entries;
  for (const SafetensorsEntry& entry : header.entries) entries.emplace(entry.name, entry);
  return entries;
}

// The same weights twice: of now, and averaged.
void require_same_tensors(const EntriesByName& model, const EntriesByName& average,
                          const fs::path& file) {
  for (const auto& [name, entry] : model) {
    const auto found = average.find(name);
    if (found == average.end())
      refuse_match("the model's tensor '" + name + "' is not in it", file);
    if (found->second.shape != entry.shape || found->second.dtype != entry.dtype) {
      refuse_match("the tensor '" + name + "' is " + found->second.dtype +
                       shape_text(found->second.shape) + ", and the model's is " + entry.dtype +
                       shape_text(entry.shape),
                   file);
    }
  }
  for (const auto& [name, entry] : average) {
    if (!model.contains(name))
      refuse_match("the tensor '" + name + "' is none of the model's", file);
  }
}

// KIND/NAME: of the model's tensor NAME, in its shape; step/NAME is a number. docs/formats.md.
void require_state_of(const EntriesByName& model, const SafetensorsHeader& optimizer,
                      const fs::path& file) {
  for (const SafetensorsEntry& entry : optimizer.entries) {
    const size_t slash = entry.name.find('/');
    if (slash == std::string::npos) continue;
    const auto found = model.find(entry.name.substr(slash + 1));
    if (found == model.end())
      refuse_match("'" + entry.name + "' is the state of a tensor that the model does not have",
                   file);
    if (entry.name.substr(0, slash) != "step" && entry.shape != found->second.shape) {
      refuse_match("'" + entry.name + "' is " + shape_text(entry.shape) +
                       ", and the model's tensor is " + shape_text(found->second.shape),
                   file);
    }
  }
}

void require_described(const SafetensorsHeader& header, const CheckpointState& state,
                       const fs::path& file) {
  if (described_classes(header, file.string()) != state.classes) {
    refuse_match("its classes are not those of state.json: " +
                     first_difference(described_classes(header, file.string()), state.classes),
                 file);
  }
  if (to_json(described_options(header, file.string())) !=
      to_json(cat_options_from_json(state.model, (file.parent_path() / "state.json").string())))
    refuse_match("its model is not that of state.json", file);
}

}  // namespace

void require_files_that_match(const fs::path& checkpoint, const CheckpointRecord& record) {
  const fs::path model_file = checkpoint / "model.safetensors";
  const fs::path average_file = checkpoint / "ema.safetensors";
  const fs::path optimizer_file = checkpoint / "optimizer.safetensors";
  const std::optional<int64_t> named = step_of_checkpoint(checkpoint.filename().string());
  if (named && *named != record.state.step) {
    refuse_match(text("it is of step %ld, and the folder is not", record.state.step),
                 checkpoint / "state.json");
  }
  require_listed(checkpoint, record, "model.safetensors");
  require_listed(checkpoint, record, "optimizer.safetensors");
  if (record.state.ema_updates > 0) require_listed(checkpoint, record, "ema.safetensors");
  const SafetensorsHeader header = header_of_part(model_file);
  const EntriesByName model = by_name(header);
  require_described(header, record.state, model_file);
  require_state_of(model, header_of_part(optimizer_file), optimizer_file);
  if (!record.checksums.contains("ema.safetensors")) return;
  const SafetensorsHeader average = header_of_part(average_file);
  require_described(average, record.state, average_file);
  require_same_tensors(model, by_name(average), average_file);
}

}  // namespace catamaran
