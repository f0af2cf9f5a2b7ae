// The files of one explained picture: the picture, a map over it per label, a sheet, the maps as
// numbers (docs/formats.md).
//
//   ExplanationFiles files(request, folder, picture, image, /*number=*/1);
//   files.entry().update(files.add_model(model, answer, labels, "", tell));
//   index["images"].push_back(files.finish());
//
// Errors: UsageError where a file cannot be written. One thread at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "drawing/contact_sheet.h"
#include "trainer/explained_labels.h"
#include "trainer/explainer.h"

namespace catamaran {

class ExplanationFiles {
 public:
  // folder: where the files are written; request.out is where they will be. What is referred to
  // must outlive this.
  ExplanationFiles(const ExplainRequest& request, const std::filesystem::path& folder,
                   const SourcePicture& source, const RgbImage& image, int64_t number);

  // The model's part of the picture's entry. suffix: of file names, so that two models' do not
  // collide.
  nlohmann::json add_model(Explainer& model, const Answer& answer,
                           const std::vector<size_t>& labels, const std::string& suffix,
                           const std::function<void(const Explanation&)>& explained);
  nlohmann::json finish();  // writes the sheet
  nlohmann::json& entry() { return entry_; }

 private:
  Caption truth_caption(const std::vector<std::string>& classes) const;
  std::string unused(const std::string& wanted);
  std::string write_maps(const torch::Tensor& maps_LHW, const std::vector<size_t>& labels,
                         const std::string& suffix);

  const ExplainRequest& request_;
  const std::filesystem::path& folder_;
  const SourcePicture& source_;
  ImageSize size_;  // of the picture
  std::string stem_;
  Picture view_;
  Picture small_;
  ContactSheet sheet_;
  std::vector<Verdict> occurring_;
  std::set<std::string> used_;
  nlohmann::json entry_;
};

}  // namespace catamaran
