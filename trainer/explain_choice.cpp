#include "trainer/explain_choice.h"

#include <algorithm>

#include "dataio/pack_reader.h"
#include "evaluation/image_losses.h"
#include "support/error.h"
#include "support/progress.h"
#include "trainer/scores_file.h"

namespace catamaran {
namespace {

void require_sense(const ExplainRequest& request) {
  const bool asked = request.best > 0 || request.worst > 0;
  if (!asked && !request.scores.empty())
    throw UsageError("it is for the best and the worst alone", "--scores",
                     "add --best N, --worst N or both");
  if (!asked) return;
  if (request.pack.empty())
    throw UsageError("losses need the truth of a pack", request.best > 0 ? "--best" : "--worst",
                     "add --data PACK");
  if (!request.ids.empty())
    throw UsageError("the images are named and to be looked for as well", "--ids",
                     "leave --ids out, or --best and --worst");
}

// The pack's first images, as the model sees them; those that it cannot read are left out.
ScoreTable scores_of(const PackReader& pack, int64_t images, Explainer& model,
                     const std::function<void(const std::string& reason)>& left_out) {
  ScoreTable table;
  table.classes = pack.manifest().classes;
  Progress progress("looking for the best and the worst", images, "images");
  for (int64_t i = 0; i < images; ++i) {
    SourcePicture picture;
    picture.name = pack.folder().string() + ":" + pack.id(i);
    try {
      pack.read_image(i, picture.jpeg);
      const std::vector<float> logits = model.score(picture);
      table.scores.insert(table.scores.end(), logits.begin(), logits.end());
      const std::span<const int8_t> labels = pack.labels(i);
      table.labels.insert(table.labels.end(), labels.begin(), labels.end());
      table.indices.push_back(i);
    } catch (const DataError& problem) {
      left_out(problem.what());
    }
    progress.advance(1);
  }
  table.images = static_cast<int64_t>(table.indices.size());
  return table;
}

ScoreTable first_rows(ScoreTable table, int64_t rows) {
  if (rows >= table.images) return table;
  table.images = rows;
  table.indices.resize(static_cast<size_t>(rows));
  table.scores.resize(static_cast<size_t>(rows) * table.classes.size());
  table.labels.resize(static_cast<size_t>(rows) * table.classes.size());
  return table;
}

}  // namespace

std::vector<ChosenImage> chosen_by_loss(
    const ExplainRequest& request, Explainer& model,
    const std::function<void(const std::string& reason)>& left_out) {
  require_sense(request);
  if (request.best == 0 && request.worst == 0) return {};
  const PackReader pack(request.pack);
  require_same_class_list(model.classes(), request.checkpoint.string(), pack.manifest().classes,
                          "the pack " + pack.folder().string());
  const int64_t images = request.count > 0 ? std::min(request.count, pack.images()) : pack.images();
  const ScoreTable table = request.scores.empty()
                               ? scores_of(pack, images, model, left_out)
                               : first_rows(read_scores(request.scores, pack), images);
  const BestAndWorst found = best_and_worst(table, request.best, request.worst);
  std::vector<ChosenImage> chosen;
  const auto add = [&](const std::vector<RankedImage>& ranked, const char* rank) {
    for (const RankedImage& image : ranked)
      chosen.push_back({table.indices[static_cast<size_t>(image.row)], rank, image.loss});
  };
  add(found.best, "best");
  add(found.worst, "worst");
  if (chosen.empty())
    throw DataError("none of its images can be ranked", pack.folder().string(),
                    "look at the reasons above; the best have a label that is present");
  return chosen;
}

}  // namespace catamaran
