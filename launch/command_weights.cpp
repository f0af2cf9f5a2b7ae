#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "dataio/manifest_importer.h"
#include "dataio/pack.h"
#include "launch/command.h"
#include "launch/config.h"
#include "launch/path_checks.h"
#include "launch/weights_option.h"
#include "support/error.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

struct WeightsArguments {
  std::filesystem::path file;
  std::filesystem::path out;
  std::filesystem::path pack;
  std::filesystem::path classes;
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::string weights = "auto";
  bool backbone_only = false;
  bool allow_partial = false;
  bool json = false;
};

// What the command line says of the model; nothing: the file may say it.
std::optional<RunOptions> run_of(const WeightsArguments& given) {
  if (given.config.empty() && given.overrides.empty()) return std::nullopt;
  std::vector<std::string> overrides = given.overrides;
  overrides.push_back("data.train=" +
                      std::string("unused"));  // a model is asked for, not a whole run
  return resolve_config(given.config, overrides).options;
}

std::optional<CatOptions> model_of(const WeightsArguments& given) {
  const std::optional<RunOptions> run = run_of(given);
  return run ? std::optional(run->model) : std::nullopt;
}

ImportRequest import_request(const WeightsArguments& given) {
  require_different_files("--out", given.out,
                          {{"the file", given.file}, {"--classes", given.classes}});
  ImportRequest request;
  request.file = given.file;
  request.out = given.out;
  if (const std::optional<RunOptions> run = run_of(given)) {
    const auto is_of_evaluation = [](const std::string& pair) {
      return pair.starts_with("evaluate.");
    };
    const bool of_evaluation = std::ranges::any_of(given.overrides, is_of_evaluation);
    const bool of_evaluation_alone =
        given.config.empty() && std::ranges::all_of(given.overrides, is_of_evaluation);
    if (!of_evaluation_alone) request.model = run->model;
    if (of_evaluation || !given.config.empty()) request.view = run->evaluate.view;
  }
  request.allow_partial = given.allow_partial;
  request.json = given.json;
  if (!given.pack.empty()) request.classes = read_pack_manifest(given.pack).classes;
  if (!given.classes.empty()) request.classes = read_class_names(given.classes);
  return request;
}

void add_model(CLI::App& command, const std::shared_ptr<WeightsArguments>& given) {
  command
      .add_option("--config", given->config,
                  "TOML file with the [model] tables and evaluate.crop; none: what the file "
                  "describes, else the defaults")
      ->check(not_empty());
  command
      .add_option("--set", given->overrides, "KEY=VALUE, for example model.backbone.name=resnet50")
      ->take_all();
  command.add_flag("--json", given->json, "print as JSON");
}

void on_call(CLI::App& command, CommandSlot& slot, const std::shared_ptr<WeightsArguments>& given,
             std::function<void(const WeightsArguments&)> work) {
  command.callback([&slot, given, work = std::move(work)] {
    slot.work = [given, work](int&, char**&) {
      work(*given);
      return 0;
    };
  });
}

}  // namespace

void add_weights_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* weights = app.add_subcommand("weights", "safetensors in and out");
  weights->require_subcommand(1);
  const auto given = std::make_shared<WeightsArguments>();

  CLI::App* inspect =
      weights->add_subcommand("inspect", "What is in a file: names, types, shapes, metadata");
  inspect->add_option("file", given->file, "safetensors file, checkpoint or run directory")
      ->required();
  add_weights_option(*inspect, given->weights);
  inspect->add_flag("--json", given->json, "print as JSON");
  inspect->footer("Example: catamaran weights inspect resnext50_swsl.safetensors");
  on_call(*inspect, slot, given, [](const WeightsArguments& a) {
    std::fputs(inspect_weights(a.file, a.weights, a.json).c_str(), stdout);
  });

  CLI::App* check =
      weights->add_subcommand("check", "How much of a model, or of its backbone, a file covers");
  check->add_option("file", given->file, "safetensors file with timm's names, or a whole model's")
      ->required();
  add_model(*check, given);
  check->footer(
      "Example: catamaran weights check resnext50_swsl.safetensors --set "
      "model.backbone.name=resnext50_32x4d");
  on_call(*check, slot, given, [](const WeightsArguments& a) {
    const WeightsCheck check = check_weights(a.file, model_of(a), a.json);
    std::fputs(check.report.c_str(), stdout);
    if (!check.complete)
      throw WeightsError("the file does not fit the model", a.file.string(),
                         "what is missing, too many, or of another shape stands in the table");
  });

  CLI::App* import = weights->add_subcommand(
      "import", "A backbone or a whole model from timm or torchvision as a model of ours");
  import->add_option("file", given->file, "safetensors file")->required();
  auto* pack = import->add_option("--pack", given->pack, "pack whose classes the heads are for")
                   ->check(not_empty());
  import->add_option("--classes", given->classes, "or a text file, one class name a line")
      ->check(not_empty())
      ->excludes(pack);
  import->add_option("--out", given->out, "safetensors file to write")
      ->check(result_file({".safetensors"}))
      ->required();
  import->add_flag("--allow-partial", given->allow_partial,
                   "write a model although the file does not cover it; the rest is random");
  add_model(*import, given);
  import->footer(
      "Example: catamaran weights import resnet50.safetensors --set model.backbone.name=resnet50 "
      "--pack packs/voc07-trainval --out start.safetensors");
  on_call(*import, slot, given, [](const WeightsArguments& a) {
    std::fputs(import_weights(import_request(a)).c_str(), stdout);
  });

  CLI::App* exported =
      weights->add_subcommand("export", "A checkpoint's weights as one safetensors file");
  exported->add_option("checkpoint", given->file, "checkpoint folder or run directory")->required();
  exported->add_option("--out", given->out, "safetensors file to write")
      ->check(result_file({".safetensors"}))
      ->required();
  add_weights_option(*exported, given->weights);
  exported->add_flag("--backbone-only", given->backbone_only,
                     "the backbone alone, with timm's names");
  exported->footer(
      "Example: catamaran weights export runs/voc --backbone-only --out backbone.safetensors");
  on_call(*exported, slot, given, [](const WeightsArguments& a) {
    require_different_files("--out", a.out, {{"the checkpoint", a.file}});
    export_weights(a.file, a.weights, a.backbone_only, a.out);
    std::printf("%s\n", a.out.c_str());
  });
}

}  // namespace catamaran
