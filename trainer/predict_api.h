// Predictions for pictures on disk, without a word of torch: any number of them, batched, decoded
// ahead of the model, handed out one by one as they are made.
//
//   class Printer : public PredictionSink { ... };
//   const PredictCounts counts = predict({.checkpoint = "runs/voc", .inputs = {"photos/"}}, sink);
//
// Order is that of the inputs; memory does not grow with their number. Errors: WeightsError
// (checkpoint), DataError (an argument that is nothing; with strict the first broken picture, after
// all before it were predicted). One thread at a time, which also calls the sink.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace catamaran {

struct PredictRequest {
  std::filesystem::path checkpoint;
  std::string weights = "auto";     // auto: ema if there, else raw; ema; raw
  std::string augment = "none";     // none, flip: trainer/views.h
  std::vector<std::string> inputs;  // files, folders, patterns, "-": dataio/image_inputs.h
  int64_t batch = 8;
  int threads = 1;  // of the model
  bool strict = false;
  bool progress = false;  // on stderr, from the fifth second
};

struct Prediction {
  std::string image;
  std::vector<double> probabilities;  // of every class, in the order of begin()
};

class PredictionSink {
 public:
  virtual ~PredictionSink() = default;
  // Once, before everything else, when the model is loaded.
  virtual void begin(const std::vector<std::string>& classes) = 0;
  virtual void predicted(const Prediction& prediction) = 0;
  // reason: "WHERE: WHAT". Not called with strict.
  virtual void failed(const std::string& image, const std::string& reason) = 0;
  // After each batch: a good moment to flush.
  virtual void pause() = 0;
};

struct PredictCounts {
  int64_t predicted = 0;
  int64_t failed = 0;
};

PredictCounts predict(const PredictRequest& request, PredictionSink& sink);

}  // namespace catamaran
