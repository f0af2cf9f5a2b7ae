#include "launch/prediction_writers.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "support/assert.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/log.h"
#include "support/text.h"

namespace catamaran {
namespace {

class StandardOutput : public Output {
 public:
  void write(std::string_view text) override {
    check(std::fwrite(text.data(), 1, text.size(), stdout) == text.size());
  }
  void flush() override { check(std::fflush(stdout) == 0); }
  void commit() override { flush(); }

 private:
  static void check(bool good) {
    if (good) return;
    throw UsageError(with_errno("cannot write the predictions", errno), "standard output",
                     "check where it leads");
  }
};

class FileOutput : public Output {
 public:
  explicit FileOutput(const std::string& path) : file_(path, ErrorKind::kUsage) {}
  void write(std::string_view text) override {
    file_.write(text.data(), static_cast<int64_t>(text.size()));
  }
  void flush() override {}
  void commit() override { file_.commit(); }

 private:
  AtomicFile file_;
};

struct Shown {
  const std::string& label;
  double probability = 0;
  double threshold = 0;
  bool present = false;
};

// Ranks the labels; says what is broken; leaves the form to those who derive from it.
class Writer : public PredictionWriter {
 public:
  Writer(Output& out, WriterOptions options) : out_(out), options_(std::move(options)) {}

  void begin(const std::vector<std::string>& classes) override {
    classes_ = classes;
    thresholds_ = options_.thresholds(classes);
    CATAMARAN_ASSERT(thresholds_.size() == classes_.size(), "every class has a threshold");
    order_.resize(classes.size());
    head();
  }
  void predicted(const Prediction& prediction) override {
    const std::vector<double>& p = prediction.probabilities;
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) { return p[a] > p[b]; });
    const size_t most = options_.top > 0
                            ? std::min(order_.size(), static_cast<size_t>(options_.top))
                            : order_.size();
    std::vector<Shown> shown;
    for (size_t i = 0; i < most; ++i) {
      const size_t c = order_[i];
      shown.push_back({classes_[c], p[c], thresholds_[c], p[c] >= thresholds_[c]});
    }
    picture(prediction.image, shown);
  }
  void failed(const std::string&, const std::string& reason) override {
    out_.flush();  // keeps the order on a terminal
    log::warn("not predicted: " + printable(reason));
  }
  void pause() override { out_.flush(); }
  void end() override {}

 protected:
  virtual void head() {}
  virtual void picture(const std::string& image, const std::vector<Shown>& labels) = 0;
  Output& out() { return out_; }

 private:
  Output& out_;
  WriterOptions options_;
  std::vector<std::string> classes_;
  std::vector<double> thresholds_;
  std::vector<size_t> order_;
};

class TableWriter : public Writer {
  using Writer::Writer;
  void picture(const std::string& image, const std::vector<Shown>& labels) override {
    out().write(printable(image) + "\n");
    for (const Shown& shown : labels)
      out().write(text("  %s %6.2f %%  %s\n", shown.present ? "*" : " ", 100 * shown.probability,
                       printable(shown.label).c_str()));
  }
};

std::string object(const std::string& image, const std::vector<Shown>& labels, int indent) {
  nlohmann::json list = nlohmann::json::array();
  for (const Shown& shown : labels) {
    list.push_back({{"label", shown.label},
                    {"probability", shown.probability},
                    {"threshold", shown.threshold},
                    {"present", shown.present}});
  }
  return nlohmann::json{{"image", image}, {"labels", list}}.dump(
      indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

class JsonLinesWriter : public Writer {
  using Writer::Writer;
  void picture(const std::string& image, const std::vector<Shown>& labels) override {
    out().write(object(image, labels, -1) + "\n");
  }
};

class JsonWriter : public Writer {
 public:
  using Writer::Writer;
  void end() override { out().write(first_ ? "[]\n" : "\n]\n"); }

 private:
  void picture(const std::string& image, const std::vector<Shown>& labels) override {
    out().write((first_ ? "[\n" : ",\n") + object(image, labels, 2));
    first_ = false;
  }
  bool first_ = true;
};

// RFC 4180: quoted where needed, quotes doubled.
std::string csv_field(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

class CsvWriter : public Writer {
  using Writer::Writer;
  void head() override { out().write("image,label,probability,threshold,present\n"); }
  void picture(const std::string& image, const std::vector<Shown>& labels) override {
    for (const Shown& shown : labels)
      out().write(
          csv_field(image) + "," + csv_field(shown.label) +
          text(",%.9g,%.9g,%d\n", shown.probability, shown.threshold, shown.present ? 1 : 0));
  }
};

}  // namespace

std::unique_ptr<Output> open_output(const std::string& path) {
  if (path.empty()) return std::make_unique<StandardOutput>();
  remove_stale_temporaries(
      std::filesystem::absolute(path).lexically_normal().parent_path());  // of runs broken off
  return std::make_unique<FileOutput>(path);
}

std::vector<std::string> prediction_formats() { return {"table", "json", "jsonl", "csv"}; }

std::unique_ptr<PredictionWriter> prediction_writer(const std::string& format, Output& out,
                                                    WriterOptions options) {
  if (format == "json") return std::make_unique<JsonWriter>(out, std::move(options));
  if (format == "jsonl") return std::make_unique<JsonLinesWriter>(out, std::move(options));
  if (format == "csv") return std::make_unique<CsvWriter>(out, std::move(options));
  CATAMARAN_ASSERT(format == "table", "the command line knows the formats");
  return std::make_unique<TableWriter>(out, std::move(options));
}

}  // namespace catamaran
