// explain of trainer/explain_api.h.
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "support/atomic_file.h"
#include "support/error.h"
#include "support/json.h"
#include "trainer/explain_api.h"
#include "trainer/explain_choice.h"
#include "trainer/explain_source.h"
#include "trainer/explained_labels.h"
#include "trainer/explainer.h"
#include "trainer/explanation_files.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kIndex = "explain.json";
constexpr int64_t kLargestIndexBytes = int64_t{1} << 30;

// Every text in it: among them the names of the files that it lists.
void collect_texts(const json& value, std::set<std::string>& texts) {
  if (value.is_string()) texts.insert(value.get<std::string>());
  if (!value.is_structured()) return;
  for (const json& each : value) collect_texts(each, texts);
}

// The files of the explanation in a folder; none where it holds no readable one.
std::set<std::string> files_of_explanation(const fs::path& folder) {
  std::set<std::string> files;
  try {
    const json index = read_json_file(folder / kIndex, ErrorKind::kData, kLargestIndexBytes);
    if (!index.is_object() || !index.contains("images")) return files;
    collect_texts(index["images"], files);
    files.insert(kIndex);
  } catch (const Error&) {
  }
  return files;
}

// Nothing but an earlier explanation is ever replaced.
void require_replaceable(const fs::path& out) {
  std::error_code code;
  const fs::file_status status = fs::symlink_status(out, code);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status))
    throw UsageError("it is there and no folder", out.string(), "name a new folder");
  const std::set<std::string> known = files_of_explanation(out);
  for (const fs::directory_entry& entry : fs::directory_iterator(out, code)) {
    const std::string name = entry.path().filename().string();
    if (entry.symlink_status(code).type() != fs::file_type::regular || !known.contains(name)) {
      throw UsageError("the folder holds another file than those of an explanation: " + name,
                       out.string(), "name a new folder, or one of an earlier explanation");
    }
  }
  if (code)
    throw UsageError(with_errno("cannot list the folder", code.value()), out.string(),
                     "name another folder");
}

// The model, and the one it is compared with.
class AllModels {
 public:
  explicit AllModels(const ExplainRequest& request)
      : request_(request), first_(request.checkpoint, request.thresholds, request) {
    if (request.compare.empty()) return;
    second_ = std::make_unique<Explainer>(request.compare, request.compare_thresholds, request);
    require_same_class_list(first_.classes(), request.checkpoint.string(), second_->classes(),
                            request.compare.string());
  }

  Explainer& first() { return first_; }
  const std::vector<std::string>& classes() const { return first_.classes(); }
  json description() {
    json all = {{"model", first_.description()}};
    if (second_) all["compared_with"] = second_->description();
    return all;
  }
  // Both models' maps stand under the labels of either.
  void explain(const SourcePicture& picture, ExplanationFiles& files,
               const std::function<void(const Explanation&)>& explained) {
    const Answer answer = first_.ask(picture);
    std::vector<size_t> labels = labels_of(first_, answer, picture);
    if (!second_) {
      files.entry().update(files.add_model(first_, answer, labels, "", explained));
      return;
    }
    const Answer other = second_->ask(picture);
    for (const size_t c : labels_of(*second_, other, picture)) {
      if (std::find(labels.begin(), labels.end(), c) == labels.end()) labels.push_back(c);
    }
    files.entry().update(files.add_model(first_, answer, labels, "", explained));
    files.entry()["compared_with"] =
        files.add_model(*second_, other, labels, "-compared", explained);
  }

 private:
  std::vector<size_t> labels_of(const Explainer& model, const Answer& answer,
                                const SourcePicture& picture) const {
    return labels_to_show(answer.probabilities, model.thresholds(), picture.truth, request_.most);
  }

  const ExplainRequest& request_;
  Explainer first_;
  std::unique_ptr<Explainer> second_;
};

}  // namespace

ExplainCounts explain(const ExplainRequest& request,
                      const std::function<void(const Explanation&)>& explained,
                      const std::function<void(const std::string& reason)>& failed) {
  torch::set_num_threads(std::max(1, request.threads));
  require_replaceable(request.out);
  AllModels models(request);
  ExplainCounts counts;
  const auto leave_out = [&](const std::string& reason) {
    ++counts.failed;
    failed(reason);
  };
  const std::vector<ChosenImage> chosen = chosen_by_loss(request, models.first(), leave_out);
  const std::unique_ptr<ExplainSource> source =
      open_explain_source(request, models.classes(), chosen);
  remove_stale_temporaries(fs::absolute(request.out).lexically_normal().parent_path());
  AtomicDirectory folder(request.out, /*replace=*/true, ErrorKind::kUsage);
  json index = models.description();
  index["images"] = json::array();
  ImageDecoder decoder;
  while (const std::optional<SourcePicture> picture = source->next()) {
    if (!picture->error.empty()) {
      leave_out(picture->error);
      continue;
    }
    try {
      const RgbImage image = decoder.decode_whole(picture->jpeg, picture->name);
      ExplanationFiles files(request, folder.path(), *picture, image, counts.explained + 1);
      models.explain(*picture, files, explained);
      index["images"].push_back(files.finish());
      ++counts.explained;
    } catch (const DataError& problem) {
      leave_out(problem.what());
    }
  }
  if (counts.explained == 0) {
    throw DataError("none of the " + std::to_string(counts.failed) + " picture(s) can be explained",
                    "explain", "see the reasons above");
  }
  write_file_atomically(folder.path() / kIndex, json_text(index) + "\n", ErrorKind::kUsage);
  folder.commit();
  return counts;
}

}  // namespace catamaran
