// What predict prints: predictions as a table for people, or as JSON, JSON lines or CSV for
// programs, each written as soon as it is made, to standard output or to a file that appears when
// all is done.
//
//   const auto out = open_output("");                      // or the path of --out
//   const auto writer = prediction_writer("jsonl", *out, {.thresholds = ..., .top = 5});
//   predict(request, *writer);  writer->end();  out->commit();
//
// Errors: UsageError when the output cannot be written. Only the main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/predict_api.h"

namespace catamaran {

class Output {
 public:
  virtual ~Output() = default;
  virtual void write(std::string_view text) = 0;
  virtual void flush() = 0;
  virtual void commit() = 0;
};
std::unique_ptr<Output> open_output(const std::string& path);

struct WriterOptions {
  int64_t top = 5;  // labels per picture, the most probable; 0: all
  // The class names to a threshold each; called once.
  std::function<std::vector<double>(const std::vector<std::string>& classes)> thresholds;
};

class PredictionWriter : public PredictionSink {
 public:
  virtual void end() = 0;  // after the last prediction
};
// format: table, json, jsonl, csv.
std::unique_ptr<PredictionWriter> prediction_writer(const std::string& format, Output& out,
                                                    WriterOptions options);
std::vector<std::string> prediction_formats();

}  // namespace catamaran
