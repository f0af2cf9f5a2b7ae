#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "launch/command.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

struct ExplainArguments {
  std::filesystem::path checkpoint;
  std::vector<std::filesystem::path> images;
  std::filesystem::path out;
  int64_t most = 3;
  double threshold = 0.5;
};

int run(const ExplainArguments& given) {
  const auto cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  for (const Explanation& e :
       explain(given.checkpoint, given.images, given.out, given.most, given.threshold, cores)) {
    std::printf("%s  %-20s %6.2f %%  %s\n", e.image.c_str(), e.label.c_str(), 100 * e.probability,
                e.overlay.c_str());
  }
  return 0;
}

}  // namespace

void add_explain_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* explain =
      app.add_subcommand("explain", "Class activation maps over pictures, one PNG per label");
  const auto given = std::make_shared<ExplainArguments>();
  explain
      ->add_option("--checkpoint", given->checkpoint,
                   "run directory, checkpoint folder or .safetensors file")
      ->required();
  explain->add_option("images", given->images, "JPEG files")->required();
  explain
      ->add_option("--out", given->out,
                   "folder of the PNGs and explain.json; RUN/explain puts them into the report")
      ->required();
  explain->add_option("--most", given->most, "labels per picture at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  explain
      ->add_option("--threshold", given->threshold,
                   "probability from which a label is shown; the first one always is")
      ->capture_default_str();
  explain->footer(
      "Example: catamaran explain --checkpoint runs/voc photo.jpg --out runs/voc/explain");
  explain->callback([&slot, given] { slot.work = [given](int&, char**&) { return run(*given); }; });
}

}  // namespace catamaran
