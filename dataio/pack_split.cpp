#include "dataio/pack_split.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "dataio/picture_index.h"
#include "dataio/stratified_split.h"
#include "support/error.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr double kSumTolerance = 1e-5;  // 0.33333 thrice is a split into thirds
constexpr const char* kOption = "--parts";
constexpr const char* kExample = "for example --parts train=0.8,val=0.1,test=0.1";

bool is_folder_name(const std::string& name) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, is_good);
}

PartShare parse_part(const std::string& given) {
  const size_t sign = given.find('=');
  PartShare part{.name = given.substr(0, sign), .share = 0};
  if (sign == std::string::npos || !is_folder_name(part.name))
    throw UsageError(
        "'" + printable(given) + "' is no part", kOption,
        std::string("write NAME=SHARE, the name of letters, digits, '_', '-', '.', ") + kExample);
  const char* const end = given.data() + given.size();
  const auto [rest, code] = std::from_chars(given.data() + sign + 1, end, part.share);
  if (code != std::errc() || rest != end || !(part.share > 0) || !std::isfinite(part.share))
    throw UsageError(
        "'" + printable(given.substr(sign + 1)) + "' is no share of part '" + part.name + "'",
        kOption, "write a number between 0 and 1");
  return part;
}

LabelledImages labelled_images(const PackReader& pack) {
  LabelledImages images;
  images.classes = pack.classes();
  PictureIndex seen;
  for (int64_t i = 0; i < pack.images(); ++i) {
    std::vector<int32_t>& present = images.present.emplace_back();
    const std::span<const int8_t> labels = pack.labels(i);
    for (size_t c = 0; c < labels.size(); ++c) {
      if (labels[c] == 1) present.push_back(static_cast<int32_t>(c));
    }
    const size_t group = seen.find(pack, i).value_or(static_cast<size_t>(i));
    seen.add(pack, i, group);
    images.group.push_back(static_cast<int64_t>(group));
  }
  return images;
}

void require_enough_images(const PackReader& pack, const std::vector<PartShare>& parts,
                           const std::vector<int64_t>& sizes) {
  if (pack.images() < std::ssize(parts))
    throw UsageError(text("the %ld image(s) of %s are fewer than the %zu parts", pack.images(),
                          pack.folder().c_str(), parts.size()),
                     kOption, "name fewer parts");
  for (size_t p = 0; p < parts.size(); ++p) {
    if (sizes[p] > 0) continue;
    throw UsageError(text("part '%s' would have no image: %g of %ld", parts[p].name.c_str(),
                          parts[p].share, pack.images()),
                     kOption, "give it a larger share, or leave it out");
  }
}

SplitReport report_of(const PackReader& pack, const LabelledImages& images,
                      const std::vector<PartShare>& shares, const std::vector<int64_t>& sizes,
                      const std::vector<int32_t>& part_of) {
  SplitReport report;
  const auto classes = static_cast<size_t>(images.classes);
  report.classes = pack.manifest().classes;
  report.positives.assign(classes, 0);
  report.images = pack.images();
  for (size_t p = 0; p < shares.size(); ++p) {
    report.parts.push_back({.name = shares[p].name,
                            .share = shares[p].share,
                            .wanted_images = sizes[p],
                            .images = 0,
                            .without_labels = 0,
                            .positives = std::vector<int64_t>(classes)});
  }
  for (size_t i = 0; i < part_of.size(); ++i) {
    SplitReport::Part& part = report.parts[static_cast<size_t>(part_of[i])];
    ++part.images;
    part.without_labels += images.present[i].empty() ? 1 : 0;
    report.copies += images.group[i] != static_cast<int64_t>(i) ? 1 : 0;
    for (const int32_t c : images.present[i]) {
      ++part.positives[static_cast<size_t>(c)];
      ++report.positives[static_cast<size_t>(c)];
    }
  }
  return report;
}

void require_no_empty_part(const SplitReport& report) {
  for (const SplitReport::Part& part : report.parts) {
    if (part.images > 0) continue;
    throw UsageError(text("part '%s' would have no image: %ld of the %ld images are copies of "
                          "others and stay with them",
                          part.name.c_str(), report.copies, report.images),
                     kOption, "name fewer parts");
  }
}

template <typename Value>
std::optional<SplitReport::Deviation> largest(const SplitReport& report, const Value& value) {
  std::optional<SplitReport::Deviation> farthest;
  double most = -1;
  for (size_t p = 0; p < report.parts.size(); ++p) {
    for (size_t c = 0; c < report.classes.size(); ++c) {
      if (report.positives[c] == 0) continue;
      const double share = report.share(p, c);
      const double images =
          (share - report.parts[p].share) * static_cast<double>(report.positives[c]);
      const SplitReport::Deviation here{.part = p, .at = c, .share = share, .images = images};
      if (value(here) <= most) continue;
      most = value(here);
      farthest = here;
    }
  }
  return farthest;
}

}  // namespace

std::vector<PartShare> parse_parts(const std::string& given) {
  std::vector<PartShare> parts;
  std::set<std::string> names;
  double sum = 0;
  for (size_t begin = 0; begin <= given.size();) {
    const size_t end = std::min(given.find(',', begin), given.size());
    parts.push_back(parse_part(given.substr(begin, end - begin)));
    if (!names.insert(parts.back().name).second)
      throw UsageError("part '" + parts.back().name + "' is named twice", kOption, kExample);
    sum += parts.back().share;
    begin = end + 1;
  }
  if (parts.size() < 2) throw UsageError("one part is no split", kOption, kExample);
  if (std::abs(sum - 1) > kSumTolerance)
    throw UsageError(text("the shares sum to %g, not to 1", sum), kOption, kExample);
  return parts;
}

double SplitReport::share(size_t part, size_t at) const {
  if (positives[at] == 0) return 0;
  return static_cast<double>(parts[part].positives[at]) / static_cast<double>(positives[at]);
}

std::optional<SplitReport::Deviation> SplitReport::largest_by_share() const {
  return largest(*this,
                 [&](const Deviation& d) { return std::abs(d.share - parts[d.part].share); });
}

std::optional<SplitReport::Deviation> SplitReport::largest_by_images() const {
  return largest(*this, [](const Deviation& d) { return std::abs(d.images); });
}

PackSplit split_pack(const SharedPack& pack, const std::vector<PartShare>& shares, uint64_t seed) {
  std::vector<double> numbers;
  numbers.reserve(shares.size());
  for (const PartShare& part : shares) numbers.push_back(part.share);
  const std::vector<int64_t> sizes = sizes_of_parts(pack->images(), numbers);
  require_enough_images(*pack, shares, sizes);
  const LabelledImages labelled = labelled_images(*pack);
  const std::vector<int32_t> part_of = stratified_split(labelled, numbers, seed);
  PackSplit split;
  split.report = report_of(*pack, labelled, shares, sizes, part_of);
  require_no_empty_part(split.report);
  for (const PartShare& part : shares) {
    ImportedImages& images = split.parts.emplace_back();
    images.data_set = pack->manifest().data_set;
    images.split = pack->manifest().split + "/" + part.name;
    images.classes = pack->manifest().classes;
    images.decoder = pack->manifest().decoder;
    carry_on(*pack, false, images);
    images.notes.push_back(text("part '%s' (%g) of %s, stratified with seed %lu", part.name.c_str(),
                                part.share, name_with_fingerprint(*pack).c_str(), seed));
  }
  for (int64_t i = 0; i < pack->images(); ++i) {
    const auto part = static_cast<size_t>(part_of[static_cast<size_t>(i)]);
    split.parts[part].images.push_back(image_of(pack, i));
  }
  return split;
}

}  // namespace catamaran
