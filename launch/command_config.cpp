#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "launch/command.h"
#include "launch/config.h"
#include "launch/path_checks.h"
#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

struct ConfigArguments {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  bool json = false;
};

void add_common(CLI::App& command, const std::shared_ptr<ConfigArguments>& given) {
  command
      .add_option("--config", given->config,
                  "TOML file; without one --set alone, which must set data.train")
      ->check(not_empty());
  command.add_option("--set", given->overrides, "KEY=VALUE, over the file; may be repeated")
      ->take_all();
}

ResolvedConfig resolve(const ConfigArguments& given) {
  if (given.config.empty() && given.overrides.empty())
    throw UsageError("no configuration was given", "--config",
                     "name a TOML file, your own or a preset: --config configs/cat.toml (every key "
                     "and its default: `catamaran config keys`)");
  return resolve_config(given.config, given.overrides);
}

int show(const ConfigArguments& given) {
  const ResolvedConfig config = resolve(given);
  if (!given.json) {
    std::fputs(config.toml.c_str(), stdout);
    return 0;
  }
  nlohmann::json root = nlohmann::json::object();
  for (const ConfigEntry& entry : config.entries)
    root[entry.key] = {{"value", entry.value}, {"source", entry.source}};
  std::printf("%s\n", json_text(root).c_str());
  return 0;
}

// docs/configuration.md is what this prints.
int print_keys() {
  std::printf(
      "# Configuration keys\n\nPrinted by `catamaran config keys`.\n\n"
      "| key | default | meaning |\n|---|---|---|\n");
  for (const ConfigEntry& entry : default_entries())
    std::printf("| `%s` | `%s` | %s |\n", entry.key.c_str(), entry.value.c_str(),
                entry.meaning.c_str());
  return 0;
}

}  // namespace

void add_config_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* config = app.add_subcommand("config", "Show, check or explain a configuration");
  config->require_subcommand(1);
  const auto given = std::make_shared<ConfigArguments>();
  CLI::App* shown =
      config->add_subcommand("show", "Every key with its value and where the value came from");
  add_common(*shown, given);
  shown->add_flag("--json", given->json, "print as JSON");
  shown->footer("Example: catamaran config show --config configs/cat.toml --set batch.global=64");
  shown->callback([&slot, given] { slot.work = [given](int&, char**&) { return show(*given); }; });
  CLI::App* keys = config->add_subcommand("keys", "Every key, its default and what it means");
  keys->footer("Example: catamaran config keys");
  keys->callback([&slot] { slot.work = [](int&, char**&) { return print_keys(); }; });
  CLI::App* checked =
      config->add_subcommand("check", "Report every mistake of a configuration at once");
  add_common(*checked, given);
  checked->footer("Example: catamaran config check --config my.toml");
  checked->callback([&slot, given] {
    slot.work = [given](int&, char**&) {
      resolve(*given);
      std::printf(
          "the configuration is valid; packs and the number of ranks are looked at by train\n");
      return 0;
    };
  });
}

}  // namespace catamaran
