#include "trainer/evaluator.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "dataio/loader.h"
#include "dataio/sample_order.h"
#include "support/assert.h"
#include "support/progress.h"
#include "trainer/batch_feed.h"
#include "trainer/device.h"

namespace catamaran {
namespace {

std::vector<SampleKey> all_keys(int64_t images) {
  std::vector<SampleKey> keys;
  for (int64_t i = 0; i < images; ++i) keys.push_back({0, i});
  return keys;
}

template <typename T>
std::string as_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <typename T>
void append_bytes(std::vector<T>& values, const std::string& bytes) {
  const size_t before = values.size();
  values.resize(before + bytes.size() / sizeof(T));
  std::memcpy(values.data() + before, bytes.data(), bytes.size());
}

class EvalMode {
 public:
  explicit EvalMode(CatImpl& cat) : cat_(cat), was_training_(cat.is_training()) { cat_.eval(); }
  EvalMode(const EvalMode&) = delete;
  EvalMode& operator=(const EvalMode&) = delete;
  ~EvalMode() { cat_.train(was_training_); }

 private:
  CatImpl& cat_;
  bool was_training_;
};

}  // namespace

Evaluator::Evaluator(const PackReader& pack, EvaluatorOptions options, ProcessGroup& group,
                     torch::Device device)
    : pack_(pack),
      options_(std::move(options)),
      precision_(options_.compute, device),
      group_(group),
      device_(device) {}

ScoreTable Evaluator::score(CatImpl& cat) { return *score_unless(nullptr, cat); }

ScoreTable Evaluator::score(const std::vector<ScoringPass>& passes) {
  return *score_unless(nullptr, passes);
}

std::optional<ScoreTable> Evaluator::score_unless(const StopWish& wish, CatImpl& cat) {
  return score_unless(wish, {{&cat, options_.input, options_.center_crop, false}});
}

// Every rank asks equally often, before each batch, also one that has a batch less than another or
// no wish: the time-out of this collective is then one of a batch, where the gathering of the
// scores would wait for all of a slower rank's images.
bool Evaluator::wished(const StopWish& wish) {
  double any = wish && wish() ? 1 : 0;
  group_.host().all_reduce(&any, 1, DataType::kFloat64, ReduceOp::kMax);
  return any > 0;
}

std::optional<ScoreTable> Evaluator::score_unless(const StopWish& wish,
                                                  const std::vector<ScoringPass>& passes) {
  const torch::InferenceMode inference;
  ProbabilityMean mean;
  std::vector<int64_t> indices;
  for (const ScoringPass& pass : passes) {
    if (!run(wish, pass, indices, mean)) return std::nullopt;
  }
  return gather(indices, mean.logits());
}

bool Evaluator::run(const StopWish& wish, const ScoringPass& pass, std::vector<int64_t>& indices,
                    ProbabilityMean& mean) {
  const EvalMode eval_mode(*pass.cat);
  const std::vector<SampleKey> keys = all_keys(pack_.images());
  const std::span<const SampleKey> mine = part_of_rank(keys, group_.rank(), group_.world());
  const auto batch_of = [&](int64_t k) {
    const size_t begin = std::min(mine.size(), static_cast<size_t>(k * options_.batch));
    const size_t end = std::min(mine.size(), begin + static_cast<size_t>(options_.batch));
    return std::vector<SampleKey>(mine.begin() + static_cast<std::ptrdiff_t>(begin),
                                  mine.begin() + static_cast<std::ptrdiff_t>(end));
  };
  LoaderOptions loading;
  loading.sample.size = pass.input.size;
  loading.sample.center_crop = pass.center_crop;
  loading.threads = options_.loader_threads;
  loading.prefetch_batches = options_.prefetch_batches;
  loading.timeout_seconds = options_.read_timeout_seconds;
  Loader loader(pack_, loading, batch_of, 0, host_allocator_for(device_));
  BatchFeed feed(loader, {.input = pass.input, .labels = {}}, device_, side_);

  indices.clear();
  std::vector<float> scores;
  std::vector<float> mirrored_scores;
  const auto append = [&](std::vector<float>& to, const torch::Tensor& x_BCHW) {
    const torch::Tensor yhat_BL = precision_.forward(*pass.cat, x_BCHW)
                                      .yhat_BL.to(torch::kFloat32)
                                      .to(torch::kCPU)
                                      .contiguous();
    to.insert(to.end(), yhat_BL.data_ptr<float>(), yhat_BL.data_ptr<float>() + yhat_BL.numel());
  };
  Progress progress("evaluating", std::max<int64_t>(1, static_cast<int64_t>(mine.size())), "images",
                    group_.is_root());
  const int64_t world = group_.world();
  const int64_t most_images = (pack_.images() + world - 1) / world;
  const int64_t most_batches = (most_images + options_.batch - 1) / options_.batch;
  for (int64_t b = 0; b < most_batches; ++b) {
    if (wished(wish)) return false;
    const std::optional<FedBatch> batch = feed.next();
    if (!batch) continue;
    append(scores, batch->in.x_BCHW);
    if (pass.also_mirrored) append(mirrored_scores, batch->in.x_BCHW.flip(3));
    indices.insert(indices.end(), batch->host.indices.begin(), batch->host.indices.end());
    progress.advance(batch->host.images);
  }
  mean.add(scores);
  if (pass.also_mirrored) mean.add(mirrored_scores);
  return true;
}

ScoreTable Evaluator::gather(const std::vector<int64_t>& indices,
                             const std::vector<float>& scores) {
  const std::vector<std::string> all_indices = group_.all_gather(as_bytes(indices));
  const std::vector<std::string> all_scores = group_.all_gather(as_bytes(scores));
  ScoreTable table;
  table.classes = pack_.manifest().classes;
  if (!group_.is_root()) return table;
  for (const std::string& bytes : all_indices) append_bytes(table.indices, bytes);
  for (const std::string& bytes : all_scores) append_bytes(table.scores, bytes);
  table.images = static_cast<int64_t>(table.indices.size());
  CATAMARAN_ASSERT(
      table.images == pack_.images() && std::is_sorted(table.indices.begin(), table.indices.end()),
      "the parts of the ranks are contiguous, in order and cover the pack");
  for (int64_t i = 0; i < table.images; ++i) {
    const std::span<const int8_t> labels = pack_.labels(i);
    table.labels.insert(table.labels.end(), labels.begin(), labels.end());
  }
  return table;
}

}  // namespace catamaran
