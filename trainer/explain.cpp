// explain of trainer/explain_api.h.
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "support/atomic_file.h"
#include "support/error.h"
#include "support/json.h"
#include "trainer/explain_api.h"
#include "trainer/explain_source.h"
#include "trainer/explained_labels.h"
#include "trainer/explainer.h"
#include "trainer/explanation_files.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// "12-photo-dog.png", "12-photo.maps.npy", "explain.json": what a folder of explanations holds.
bool is_of_an_explanation(const fs::directory_entry& entry) {
  std::error_code code;
  if (entry.is_symlink(code) || !entry.is_regular_file(code)) return false;
  const std::string name = entry.path().filename().string();
  if (name == "explain.json") return true;
  const size_t digits = name.find_first_not_of("0123456789");
  return digits != 0 && digits != std::string::npos && name[digits] == '-' &&
         (name.ends_with(".png") || name.ends_with(".maps.npy"));
}

// Nothing but an earlier explanation is ever replaced.
void require_replaceable(const fs::path& out) {
  std::error_code code;
  if (!fs::exists(fs::symlink_status(out, code))) return;
  if (!fs::is_directory(out, code))
    throw UsageError("it is there and no folder", out.string(), "name a new folder");
  for (const fs::directory_entry& entry : fs::directory_iterator(out, code)) {
    if (!is_of_an_explanation(entry)) {
      throw UsageError("the folder holds other files: " + entry.path().filename().string(),
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
  const std::unique_ptr<ExplainSource> source = open_explain_source(request, models.classes());
  remove_stale_temporaries(fs::absolute(request.out).lexically_normal().parent_path());
  AtomicDirectory folder(request.out, /*replace=*/true, ErrorKind::kUsage);
  json index = models.description();
  index["images"] = json::array();
  ImageDecoder decoder;
  ExplainCounts counts;
  const auto leave_out = [&](const std::string& reason) {
    ++counts.failed;
    failed(reason);
  };
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
  write_file_atomically(folder.path() / "explain.json", json_text(index) + "\n", ErrorKind::kUsage);
  folder.commit();
  return counts;
}

}  // namespace catamaran
