#include "launch/plan_table.h"

#include <nlohmann/json.hpp>
#include <set>

#include "support/text.h"

namespace catamaran {
namespace {

double mebibytes(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }
double gibibytes(int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }
double millions(int64_t count) { return static_cast<double>(count) * 1e-6; }

int64_t activation_bytes(const PartCost& part, ActivationType precision) {
  return precision == ActivationType::kBf16 ? part.reduced_bytes : part.saved_bytes;
}

// A cell for each mode.
template <typename Cell>
std::string cells(Cell&& cell) {
  std::string row;
  for (const PlannedMode& mode : kPlannedModes) row += " " + cell(mode) + " |";
  return row;
}

std::string mode_header(const std::string& first) {
  return "| " + first + " |" +
         cells([](const PlannedMode& mode) { return std::string(mode.name); }) + "\n|---|" +
         cells([](const PlannedMode&) { return std::string("---:"); }) + "\n";
}

std::string part_row(const PartCost& part, const PartCost& fused) {
  const std::string tokens = part.keys > 0 ? text("%ld x %ld", part.queries, part.keys) : "";
  return text("| %s | %.3f | %.3f | %s |", part.name.c_str(), millions(part.parameters),
              millions(part.macs) * 1e-3, tokens.c_str()) +
         cells([&](const PlannedMode& mode) {
           const PartCost& cost = mode.kernel == AttentionKernel::kFused ? fused : part;
           return text("%.1f", mebibytes(activation_bytes(cost, mode.precision)));
         }) +
         "\n";
}

std::string parts_text(const PlannedConfig& planned) {
  std::string out = "| part | parameters, M | GMAC | queries x keys |" +
                    cells([](const PlannedMode& mode) { return std::string(mode.name); }) +
                    "\n|---|---:|---:|---:|" +
                    cells([](const PlannedMode&) { return std::string("---:"); }) + "\n";
  for (size_t p = 0; p < planned.materialised.parts.size(); ++p)
    out += part_row(planned.materialised.parts[p], planned.fused.parts[p]);
  return out + part_row(planned.materialised.total(), planned.fused.total());
}

std::string memory_row(const PlannedConfig& planned, const std::string& name,
                       int64_t MemoryPlan::*bytes) {
  return "| " + name + " |" + cells([&](const PlannedMode& mode) {
           return text("%.2f", gibibytes(planned.memory(mode).*bytes));
         }) +
         "\n";
}

std::string memory_text(const PlannedConfig& planned) {
  const int64_t batch = planned.options.batch.per_device;
  std::string out = mode_header("memory of a step, GiB");
  out += memory_row(planned, "weights", &MemoryPlan::weights);
  out += memory_row(planned, "gradients", &MemoryPlan::gradients);
  out += memory_row(planned, "state of " + planned.options.optimizer.name, &MemoryPlan::optimizer);
  out += memory_row(planned, "average of the weights", &MemoryPlan::ema);
  out += memory_row(planned, "half-precision copies", &MemoryPlan::copies);
  out += memory_row(planned, "reserve", &MemoryPlan::reserve);
  out += text("| activations of %ld images |", batch) + cells([&](const PlannedMode& mode) {
           return text("%.2f", gibibytes(batch * planned.memory(mode).per_image));
         }) +
         "\n| together |" + cells([&](const PlannedMode& mode) {
           return text("%.2f", gibibytes(planned.memory(mode).at(batch)));
         }) +
         "\n";
  for (const int64_t card : kCardGibibytes) {
    out += text("| images that fit %ld GiB |", card) + cells([&](const PlannedMode& mode) {
             return std::to_string(planned.memory(mode).largest_batch(card << 30));
           }) +
           "\n";
  }
  return out;
}

std::string fits(const MemoryPlan& plan) {
  std::string out;
  for (const int64_t card : kCardGibibytes)
    out += (out.empty() ? "" : " / ") + std::to_string(plan.largest_batch(card << 30));
  return out;
}

// A line where nobody said how many labels there are, else nothing.
std::string assumption_text(const std::vector<PlannedConfig>& planned) {
  std::set<std::string> packs;
  int64_t labels = 0;
  for (const PlannedConfig& each : planned) {
    if (!each.labels_assumed) continue;
    labels = each.labels;
    packs.insert(each.options.data.train);
  }
  std::string list;
  for (const std::string& pack : packs) list += (list.empty() ? "" : ", ") + pack;
  if (labels == 0) return "";
  return text(
      "%ld labels are assumed, COCO's number: there is no pack at %s (data.train), and "
      "--labels was not given\n",
      labels, list.c_str());
}

std::string checkpoints_text(const PlannedConfig& planned) {
  const CheckpointPlan plan = plan_checkpoints(planned.options, planned.materialised);
  return text(
      "\nCheckpoints: %.2f GiB each, at most %ld at once, %ld of them for good "
      "(checkpoint.keep_every_epochs): %.2f GiB of the disk.\n",
      gibibytes(plan.bytes), plan.most, plan.for_good, gibibytes(plan.most_bytes()));
}

const char* kNotes =
    "\nGMAC: 10^9 multiply-accumulates of a forward pass of one image (a training step is about "
    "three "
    "times that).\nThe last four columns: MiB of activations kept for backward, of one image, by "
    "precision and attention kernel.\nbf16 is autocast's share, an estimate. The reserve of 1 GiB "
    "is "
    "a guess for the CUDA context, workspaces,\ngradients of activations and fragmentation.\n";

}  // namespace

PlannedConfig plan_config(const std::string& name, const RunOptions& options, int64_t labels) {
  return {.name = name,
          .options = options,
          .labels = labels,
          .labels_assumed = false,
          .materialised = measure_cost(options.model, labels, AttentionKernel::kMaterialised),
          .fused = measure_cost(options.model, labels, AttentionKernel::kFused)};
}

std::string plan_text(const PlannedConfig& planned) {
  const CatOptions& model = planned.options.model;
  return text("%s: %s, %ld px, %ld labels, %ld images a device\n", planned.name.c_str(),
              model.backbone.name.c_str(), model.input.size, planned.labels,
              planned.options.batch.per_device) +
         assumption_text({planned}) + "\n" + parts_text(planned) + kNotes + "\n" +
         memory_text(planned) + checkpoints_text(planned);
}

std::string comparison_text(const std::vector<PlannedConfig>& planned) {
  const int64_t batch = planned.front().options.batch.per_device;
  std::string out = "| configuration | parameters, M | GMAC |" +
                    cells([](const PlannedMode& mode) { return std::string(mode.name); });
  std::string rule = "\n|---|---:|---:|---:|---:|---:|---:|";
  for (const char* kernel : {"materialised", "fused"}) {
    out += text(" GiB of %ld images, fp32 %s | images that fit 11 / 16 / 24 / 40 / 80 GiB |", batch,
                kernel);
    rule += "---:|---:|";
  }
  out += rule + "\n";
  for (const PlannedConfig& each : planned) {
    const PartCost total = each.materialised.total();
    out += text("| `%s` | %.2f | %.1f |", each.name.c_str(), millions(total.parameters),
                millions(total.macs) * 1e-3);
    out += cells([&](const PlannedMode& mode) {
      return text("%.0f", mebibytes(each.memory(mode).per_image));
    });
    for (const PlannedMode& mode : kPlannedModes) {
      if (mode.precision != ActivationType::kFp32) continue;
      const MemoryPlan memory = each.memory(mode);
      out += text(" %.1f | %s |", gibibytes(memory.at(batch)), fits(memory).c_str());
    }
    out += "\n";
  }
  const std::string assumption = assumption_text(planned);
  return assumption.empty() ? out : out + "\n" + assumption;
}

nlohmann::json plan_json(const PlannedConfig& planned) {
  nlohmann::json root = {{"config", planned.name},
                         {"backbone", planned.options.model.backbone.name},
                         {"input_size", planned.options.model.input.size},
                         {"labels", planned.labels},
                         {"labels_assumed", planned.labels_assumed},
                         {"per_device", planned.options.batch.per_device},
                         {"parts", nlohmann::json::array()},
                         {"memory", nlohmann::json::object()}};
  const auto part_json = [](const PartCost& part, const PartCost& fused) {
    return nlohmann::json{{"name", part.name},
                          {"parameters", part.parameters},
                          {"trained", part.trained},
                          {"macs", part.macs},
                          {"queries", part.queries},
                          {"keys", part.keys},
                          {"activation_bytes",
                           {{"fp32_materialised", part.saved_bytes},
                            {"fp32_fused", fused.saved_bytes},
                            {"bf16_materialised", part.reduced_bytes},
                            {"bf16_fused", fused.reduced_bytes}}}};
  };
  for (size_t p = 0; p < planned.materialised.parts.size(); ++p)
    root["parts"].push_back(part_json(planned.materialised.parts[p], planned.fused.parts[p]));
  const CheckpointPlan checkpoints = plan_checkpoints(planned.options, planned.materialised);
  root["checkpoints"] = {{"bytes", checkpoints.bytes},
                         {"for_good", checkpoints.for_good},
                         {"most", checkpoints.most},
                         {"most_bytes", checkpoints.most_bytes()}};
  root["total"] = part_json(planned.materialised.total(), planned.fused.total());
  for (const PlannedMode& mode : kPlannedModes) {
    const MemoryPlan plan = planned.memory(mode);
    nlohmann::json largest = nlohmann::json::object();
    for (const int64_t card : kCardGibibytes)
      largest[std::to_string(card)] = plan.largest_batch(card << 30);
    root["memory"][mode.key] = {{"weights", plan.weights},
                                {"gradients", plan.gradients},
                                {"optimizer", plan.optimizer},
                                {"ema", plan.ema},
                                {"copies", plan.copies},
                                {"reserve", plan.reserve},
                                {"per_image", plan.per_image},
                                {"at_per_device", plan.at(planned.options.batch.per_device)},
                                {"largest_batch_by_card_gib", largest}};
  }
  return root;
}

}  // namespace catamaran
