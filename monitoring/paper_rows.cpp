#include "monitoring/paper_rows.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace catamaran {
namespace {

struct Switches {
  bool fpn, lrd, cla, pma;
  bool operator==(const Switches&) const = default;
};

struct TableRow {
  const char* name;
  Switches switches;
  double coco, voc;  // percent; 0: out of memory
};

constexpr TableRow kTable3[] = {
    {"CAT", {true, true, true, true}, 87.4, 96.2},
    {"CAT w/o LRD", {true, false, true, true}, 86.6, 95.6},
    {"CAT w/o PMA", {true, true, true, false}, 0, 0},
    {"CAT w/o CLF", {true, true, false, true}, 86.8, 95.8},
    {"Backbone + FPN", {true, false, false, true}, 84.6, 95.6},
    {"Backbone", {false, false, false, true}, 83.3, 94.4},
};

constexpr int64_t kCocoImages = 40137, kVocImages = 4952;

bool is_on(const std::vector<Setting>& settings, const std::string& key) {
  return value_of(settings, key) == "true";
}

// PMA means something only where there is cross-layer fusion, and LRD only on a pyramid.
Switches switches_of(const std::vector<Setting>& settings) {
  const bool fpn = is_on(settings, "model.fpn.enabled");
  const bool cla = fpn && is_on(settings, "model.cla.enabled");
  return {fpn, is_on(settings, "model.lrd.enabled"), cla, !cla || is_on(settings, "model.cla.pma")};
}

// Table 2, percent: OP OR OF1 CP CR CF1.
std::optional<FMeasures> table2_of(const std::string& name) {
  const auto row = [](double cp, double cr, double cf1, double op, double orr, double of1) {
    return FMeasures{op / 100, orr / 100, of1 / 100, cp / 100, cr / 100, cf1 / 100};
  };
  if (name == "CAT") return row(88.5, 76.1, 81.9, 88.6, 79.4, 83.7);
  if (name == "Backbone") return row(84.8, 73.1, 78.5, 86.5, 76.3, 81.1);
  return std::nullopt;
}

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

std::optional<PaperRow> paper_row_of(const std::vector<Setting>& settings,
                                     const std::string& data_set) {
  const std::string name = lower_case(data_set);
  const bool coco = name.find("coco") != std::string::npos;
  const bool voc = name.find("voc2007") != std::string::npos || name == "voc07";
  if ((!coco && !voc) || value_of(settings, "model.fpn.enabled").empty()) return std::nullopt;
  const Switches switches = switches_of(settings);
  for (const TableRow& row : kTable3) {
    if (!(row.switches == switches)) continue;
    const double percent = coco ? row.coco : row.voc;
    return PaperRow{row.name, coco ? "MS-COCO" : "VOC2007",
                    percent > 0 ? std::optional(percent / 100) : std::nullopt,
                    coco ? table2_of(row.name) : std::nullopt};
  }
  return std::nullopt;
}

std::vector<std::string> deviations_from(const PaperRow& row, const std::vector<Setting>& settings,
                                         int64_t images) {
  std::vector<std::string> found;
  const std::string backbone = text_of(settings, "model.backbone.name");
  if (backbone != "resnext50_32x4d")
    found.push_back("backbone " + backbone + ", the paper's is resnext50_32x4d (swsl)");
  if (value_of(settings, "weights.backbone") == "\"\"" &&
      value_of(settings, "weights.init") == "\"\"")
    found.emplace_back("from random weights, the paper's backbone is pretrained");
  const std::string size = value_of(settings, "model.input.size");
  if (size != "448") found.push_back("input of " + size + " px, usual for these rows is 448");
  const int64_t expected = row.data_set == "MS-COCO" ? kCocoImages : kVocImages;
  if (images > 0 && images != expected)
    found.push_back("evaluated on " + std::to_string(images) + " images, the paper's set has " +
                    std::to_string(expected));
  return found;
}

}  // namespace catamaran
