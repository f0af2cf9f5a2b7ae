#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "dataio/label_statistics.h"
#include "dataio/near_duplicates.h"
#include "dataio/pack_check.h"
#include "dataio/picture_index.h"
#include "launch/command.h"
#include "launch/path_checks.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/json.h"
#include "support/log.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr size_t kDamagesListed = 50;
constexpr size_t kNearListed = 20;

struct CheckArguments {
  std::vector<std::filesystem::path> packs;
  PackCheckOptions options;
  std::filesystem::path statistics;
  bool near = false;
  bool fail_on_near = false;
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
          {"bytes", check.bytes},     {"seconds", check.seconds},
          {"notes", m.notes}};
}

void print(const std::filesystem::path& folder, const PackCheck& check) {
  const PackManifest& m = check.manifest;
  std::printf(
      "%s: %s %s, %ld images, %zu classes, %ld labels present, %ld ignored, fingerprint %s\n",
      folder.c_str(), m.data_set.c_str(), m.split.c_str(), m.images, m.classes.size(),
      sum(check.positives), sum(check.ignored), check.fingerprint.c_str());
  for (const std::string& note : m.notes) std::printf("  note: %s\n", note.c_str());
  const size_t listed = std::min(check.damaged.size(), kDamagesListed);
  for (size_t i = 0; i < listed; ++i) std::printf("  damaged: %s\n", check.damaged[i].c_str());
  if (listed < check.damaged.size())
    std::printf("  damaged: ... and %zu more\n", check.damaged.size() - listed);
  std::printf("  %.1f MB in %.1f s\n", static_cast<double>(check.bytes) * 1e-6, check.seconds);
}

// What is between two packs: class order and images in both. Returns sentences.
std::vector<std::string> compare(const PackReader& first, const PackReader& second) {
  std::vector<std::string> findings;
  try {
    require_same_classes(first, second);
  } catch (const DataError& problem) {
    findings.emplace_back(problem.what());
  }
  const std::vector<PackOverlap> both = overlap(first, second);
  if (!both.empty()) {
    findings.push_back(first.folder().string() + " and " + second.folder().string() + ": " +
                       std::to_string(both.size()) + " images are in both (first: '" +
                       both.front().first_id + "' is '" + both.front().second_id + "')");
  }
  return findings;
}

using OpenPacks = std::vector<std::unique_ptr<PackReader>>;

// Near duplicates of all packs named, within each and between them, the most alike first.
class NearDuplicates {
 public:
  NearDuplicates(const OpenPacks& packs, int64_t threads) : packs_(packs) {
    for (const auto& pack : packs_) hashes_.push_back(perceptual_hashes(*pack, threads, true));
    for (size_t a = 0; a < packs_.size(); ++a) {
      for (size_t b = a; b < packs_.size(); ++b) find(a, b);
    }
    std::ranges::stable_sort(found_, {}, [](const Found& f) { return f.pair.distance; });
  }
  int64_t count() const { return static_cast<int64_t>(found_.size()); }
  bool complete() const { return complete_; }
  nlohmann::json json() const {
    nlohmann::json all = nlohmann::json::array();
    for (const Found& f : found_) {
      all.push_back({{"packs", {folder(f.first_pack), folder(f.second_pack)}},
                     {"ids", {first_id(f), second_id(f)}},
                     {"distance", f.pair.distance},
                     {"same_bytes", f.same_bytes}});
    }
    return all;
  }
  void print() const {
    for (size_t i = 0; i < std::min(found_.size(), kNearListed); ++i) {
      const Found& f = found_[i];
      std::printf("look alike (%d of 64 bits differ%s): '%s' of %s and '%s' of %s\n",
                  f.pair.distance, f.same_bytes ? ", same bytes" : "", first_id(f).c_str(),
                  folder(f.first_pack).c_str(), second_id(f).c_str(),
                  folder(f.second_pack).c_str());
    }
    if (found_.size() > kNearListed)
      std::printf("look alike: ... and %zu more pairs (--json has them)\n",
                  found_.size() - kNearListed);
    if (!complete_)
      std::printf("look alike: there are more; the search ended at %ld pairs of two packs\n",
                  kMostNearPairs);
    if (found_.empty()) std::printf("no two pictures look alike\n");
  }

 private:
  struct Found {
    size_t first_pack = 0;
    size_t second_pack = 0;
    NearPair pair;
    bool same_bytes = false;
  };

  void find(size_t a, size_t b) {
    const NearPairs near = near_pairs(hashes_[a], hashes_[b], kNearDistance);
    complete_ = complete_ && near.complete;
    for (const NearPair& pair : near.pairs) {
      const bool same = is_same_picture(*packs_[a], pair.first, *packs_[b], pair.second);
      found_.push_back({a, b, pair, same});
    }
  }
  std::string folder(size_t pack) const { return packs_[pack]->folder().string(); }
  const std::string& first_id(const Found& f) const {
    return packs_[f.first_pack]->id(f.pair.first);
  }
  const std::string& second_id(const Found& f) const {
    return packs_[f.second_pack]->id(f.pair.second);
  }

  const OpenPacks& packs_;
  std::vector<std::vector<uint64_t>> hashes_;
  std::vector<Found> found_;
  bool complete_ = true;
};

void write_statistics(const OpenPacks& packs, const std::filesystem::path& file) {
  nlohmann::json all = nlohmann::json::array();
  for (const auto& pack : packs) {
    nlohmann::json one = statistics_json(label_statistics(*pack));
    one["pack"] = pack->folder().string();
    all.push_back(std::move(one));
  }
  write_file_atomically(file, json_text({{"packs", all}}, -1) + "\n", ErrorKind::kUsage);
}

// All of them are opened before any is read: what is wrong with a name is told at once, and not
// after minutes with the packs before it.
OpenPacks open_all(const std::vector<std::filesystem::path>& folders) {
  OpenPacks packs;
  std::vector<std::string> problems;
  for (const std::filesystem::path& folder : folders) {
    try {
      packs.push_back(std::make_unique<PackReader>(folder));
    } catch (const DataError& problem) {
      problems.emplace_back(problem.what());
    }
  }
  if (problems.empty()) return packs;
  if (problems.size() == 1) throw DataError(problems.front(), "", "");
  throw DataError(text("%zu of the %zu packs cannot be opened:", problems.size(), folders.size()) +
                      first_of(problems, std::ssize(problems)) + "\n",
                  "", "no pack was checked; name packs that are there and whole");
}

int64_t check_each(const CheckArguments& given, const OpenPacks& packs, nlohmann::json& report) {
  int64_t damages = 0;
  for (const auto& pack : packs) {
    const PackCheck check = check_pack(*pack, given.options);
    damages += static_cast<int64_t>(check.damaged.size());
    report["packs"].push_back(to_json(pack->folder(), check));
    if (!given.json) print(pack->folder(), check);
  }
  return damages;
}

int64_t check_between(const OpenPacks& packs, bool json, nlohmann::json& report) {
  int64_t problems = 0;
  for (size_t a = 0; a < packs.size(); ++a) {
    for (size_t b = a + 1; b < packs.size(); ++b) {
      for (const std::string& finding : compare(*packs[a], *packs[b])) {
        ++problems;
        report["between"].push_back(finding);
        if (!json) std::printf("%s\n", finding.c_str());
      }
    }
  }
  return problems;
}

struct Findings {
  int64_t problems = 0;
  int64_t alike = 0;  // pairs
};

// Look-alikes and statistics, which need the pictures whole.
void look_at(const CheckArguments& given, const OpenPacks& packs, nlohmann::json& report,
             Findings& found) {
  if (given.near) {
    const NearDuplicates near(packs, given.options.threads);
    if (given.json) report["near"] = near.json();
    report["near_complete"] = near.complete();
    if (!given.json) near.print();
    found.alike = near.count();
    if (given.fail_on_near) found.problems += found.alike;
  }
  if (!given.statistics.empty()) write_statistics(packs, given.statistics);
}

Findings find_all(const CheckArguments& given, nlohmann::json& report) {
  const OpenPacks packs = open_all(given.packs);
  const int64_t damages = check_each(given, packs, report);
  Findings found{.problems = damages + check_between(packs, given.json, report)};
  const bool wants_more = given.near || !given.statistics.empty();
  if (damages == 0) {
    look_at(given, packs, report, found);
  } else if (wants_more) {
    log::warn("--near and --statistics are left out: pictures are damaged");
  }
  return found;
}

int run(const CheckArguments& given) {
  nlohmann::json report = {{"packs", nlohmann::json::array()},
                           {"between", nlohmann::json::array()}};
  const auto print_report = [&] {
    if (given.json) std::printf("%s\n", json_text(report).c_str());
  };
  Findings found;
  try {
    found = find_all(given, report);
  } catch (const DataError& error) {  // a pack that cannot be opened, or is damaged past reading
    report["error"] = error.what();
    print_report();
    throw;
  }
  print_report();
  if (found.problems > 0)
    throw DataError(std::to_string(found.problems) + " problem(s) found", "check",
                    "pack or copy again what is damaged; leave images out of one of the packs that "
                    "share them: pack subset --without-ids");
  if (given.json) return 0;
  if (found.alike > 0)
    std::printf("no problem found, but %ld pair(s) of pictures look alike\n", found.alike);
  else
    std::printf("no problem found\n");
  return 0;
}

}  // namespace

void add_check_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* check = app.add_subcommand(
      "check", "Verify packs: checksums, counts, class order, images in more than one pack");
  const auto given = std::make_shared<CheckArguments>();
  check->add_option("packs", given->packs, "pack folders")->required();
  check->add_flag("--decode", given->options.decode, "decode every picture as well");
  check->add_flag("--quick", given->options.quick,
                  "sizes, index and every image's checksum, not the SHA-256 of whole shards");
  check->add_flag(
      "--near", given->near,
      "find pictures that look alike (re-encoded, scaled), within and between the packs");
  check->add_flag("--fail-on-near", given->fail_on_near, "look-alikes are an error: code 3")
      ->needs("--near");
  check
      ->add_option("--statistics", given->statistics,
                   "write labels, co-occurrence and sizes of the images to this JSON file")
      ->check(result_file({".json"}));
  check->add_option("--threads", given->options.threads, "0: as many as cores")
      ->check(CLI::Range(0, 1024));
  check->add_flag("--json", given->json, "print the result as JSON");
  check->footer("Example: catamaran check --near packs/voc07-trainval packs/voc07-test");
  check->callback([&slot, given] { slot.work = [given](int&, char**&) { return run(*given); }; });
}

}  // namespace catamaran
