#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "dataio/pack_check.h"
#include "launch/command.h"
#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

struct CheckArguments {
  std::vector<std::filesystem::path> packs;
  PackCheckOptions options;
  bool json = false;
};

int64_t sum(const std::vector<int64_t>& counts) {
  int64_t total = 0;
  for (const int64_t count : counts) total += count;
  return total;
}

nlohmann::json to_json(const std::filesystem::path& folder, const PackCheck& check) {
  const PackManifest& m = check.manifest;
  return {{"pack", folder.string()},  {"data_set", m.data_set},
          {"split", m.split},         {"images", m.images},
          {"classes", m.classes},     {"positives", check.positives},
          {"ignored", check.ignored}, {"fingerprint", check.fingerprint},
          {"damaged", check.damaged}, {"repeated", check.repeated},
          {"notes", m.notes}};
}

void print(const std::filesystem::path& folder, const PackCheck& check) {
  const PackManifest& m = check.manifest;
  std::printf(
      "%s: %s %s, %ld images, %zu classes, %ld labels present, %ld ignored, fingerprint %s\n",
      folder.c_str(), m.data_set.c_str(), m.split.c_str(), m.images, m.classes.size(),
      sum(check.positives), sum(check.ignored), check.fingerprint.c_str());
  for (const std::string& note : m.notes) std::printf("  note: %s\n", note.c_str());
  for (const std::string& damage : check.damaged) std::printf("  damaged: %s\n", damage.c_str());
}

// What is between two packs: class order and images in both. Returns sentences.
std::vector<std::string> compare(const std::filesystem::path& a, const std::filesystem::path& b) {
  const PackReader first(a);
  const PackReader second(b);
  std::vector<std::string> findings;
  try {
    require_same_classes(first, second);
  } catch (const DataError& problem) {
    findings.emplace_back(problem.what());
  }
  const std::vector<PackOverlap> both = overlap(first, second);
  if (!both.empty()) {
    findings.push_back(a.string() + " and " + b.string() + ": " + std::to_string(both.size()) +
                       " images are in both (first: '" + both.front().first_id + "' is '" +
                       both.front().second_id + "')");
  }
  return findings;
}

int run(const CheckArguments& given) {
  nlohmann::json report = {{"packs", nlohmann::json::array()},
                           {"between", nlohmann::json::array()}};
  int64_t problems = 0;
  for (const std::filesystem::path& folder : given.packs) {
    const PackCheck check = check_pack(folder, given.options);
    problems += static_cast<int64_t>(check.damaged.size());
    report["packs"].push_back(to_json(folder, check));
    if (!given.json) print(folder, check);
  }
  for (size_t a = 0; a < given.packs.size(); ++a) {
    for (size_t b = a + 1; b < given.packs.size(); ++b) {
      for (const std::string& finding : compare(given.packs[a], given.packs[b])) {
        ++problems;
        report["between"].push_back(finding);
        if (!given.json) std::printf("%s\n", finding.c_str());
      }
    }
  }
  if (given.json) std::printf("%s\n", json_text(report).c_str());
  if (problems > 0)
    throw DataError(std::to_string(problems) + " problem(s) found", "check",
                    "pack or copy what is damaged again");
  if (!given.json) std::printf("no problem found\n");
  return 0;
}

}  // namespace

void add_check_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* check = app.add_subcommand(
      "check", "Verify packs: checksums, counts, class order, images in more than one pack");
  const auto given = std::make_shared<CheckArguments>();
  check->add_option("packs", given->packs, "pack folders")->required();
  check->add_flag("--decode", given->options.decode, "decode every picture as well");
  check->add_option("--threads", given->options.threads, "0: as many as cores")
      ->check(CLI::Range(0, 1024));
  check->add_flag("--json", given->json, "print the result as JSON");
  check->footer("Example: catamaran check packs/voc07-trainval packs/voc07-test");
  check->callback([&slot, given] { slot.work = [given](int&, char**&) { return run(*given); }; });
}

}  // namespace catamaran
