#include "model/options.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/backbone_names.h"
#include "support/error.h"
#include "support/json.h"
#include "support/problems.h"

namespace catamaran {
namespace {

using nlohmann::json;

// One visit for both directions: the visitor sees every key once, as "part.key", with a reference
// to its value.
template <typename Options, typename Visit>
void visit_options(Options& o, Visit&& visit) {
  visit("input.size", o.input.size);
  visit("input.mean", o.input.mean);
  visit("input.std", o.input.std);
  visit("backbone.name", o.backbone.name);
  visit("backbone.bn", o.backbone.bn);
  visit("fpn.enabled", o.fpn.enabled);
  visit("fpn.topdown", o.fpn.topdown);
  visit("fpn.share_td_conv", o.fpn.share_td_conv);
  visit("lrd.enabled", o.lrd_enabled);
  visit("attention.dim", o.attention.dim);
  visit("attention.heads", o.attention.heads);
  visit("attention.ffn_dim", o.attention.ffn_dim);
  visit("attention.dropout", o.attention.dropout);
  visit("attention.norm", o.attention.norm);
  visit("attention.position", o.attention.position);
  visit("cla.enabled", o.cla.enabled);
  visit("cla.residual", o.cla.residual);
  visit("cla.query", o.cla.query);
  visit("cla.pma", o.cla.pma);
  visit("cla.kv_stride_p4", o.cla.kv_stride_p4);
  visit("cla.kv_stride_p3", o.cla.kv_stride_p3);
  visit("cla.kv_grid", o.cla.kv_grid);
  visit("head.pool", o.head.pool);
  visit("head.topk", o.head.topk);
  visit("head.csra_lambda", o.head.csra_lambda);
  visit("head.csra_temperature", o.head.csra_temperature);
  visit("head.frozen_fusion", o.head.frozen_fusion);
}

// Ceilings: a file's description of a model is followed before its tensors are compared, and must
// not demand memory that no such file can fill.
constexpr int64_t kWidest = 4096;
constexpr int64_t kWidestFfn = 16384;

// Files from before there was "sync" say true or false.
void rename_old_keys(json& root) {
  const auto old = root.is_object() ? root.find("backbone.freeze_bn") : root.end();
  if (old == root.end() || !old->is_boolean() || root.contains("backbone.bn")) return;
  root["backbone.bn"] = old->get<bool>() ? "frozen" : "local";
  root.erase("backbone.freeze_bn");
}

bool positive(double value) { return value > 0 && std::isfinite(value); }

// Tokens of the highest level, P5 or S5; many for a backbone that is refused anyway.
int64_t fewest_tokens(const BackboneOptions& backbone, int64_t input_size) {
  const int64_t side = highest_level_side(backbone.name, input_size).value_or(kWidest);
  return side * side;
}

}  // namespace

std::vector<std::string> CatOptions::problems() const {
  Problems found("model.");
  found.require(input.size >= 32 && input.size <= 4096, "input.size", "must be 32 to 4096 pixels",
                "the paper's experiments use 448");
  found.require(std::ranges::all_of(input.std, positive), "input.std", "must be positive",
                "ImageNet's are 0.229, 0.224, 0.225");
  found.require(std::ranges::all_of(input.mean, [](double m) { return std::isfinite(m); }),
                "input.mean", "must be finite", "ImageNet's are 0.485, 0.456, 0.406");
  found.require_one_of("backbone.name", backbone.name, backbone_names());
  found.require_one_of("backbone.bn", backbone.bn, {"local", "sync", "frozen"});
  found.require_one_of("fpn.topdown", fpn.topdown,
                       {"conv_then_upsample", "upsample_then_conv", "deconv"});
  found.require(fpn.enabled || !lrd_enabled, "lrd.enabled", "needs model.fpn.enabled = true",
                "set it to false, or model.fpn.enabled to true");
  found.require(fpn.enabled || !cla.enabled, "cla.enabled", "needs model.fpn.enabled = true",
                "set it to false, or model.fpn.enabled to true");
  found.require(attention.dim > 0 && attention.dim <= kWidest, "attention.dim",
                "must be 1 to " + std::to_string(kWidest), "512 is the default");
  const bool possible_dim = attention.dim > 0 && attention.dim <= kWidest;
  found.require(!possible_dim || (attention.heads > 0 && attention.dim % attention.heads == 0),
                "attention.heads",
                std::to_string(attention.heads) + " heads do not divide a width of " +
                    std::to_string(attention.dim),
                "choose heads that divide model.attention.dim");
  found.require(attention.ffn_dim > 0 && attention.ffn_dim <= kWidestFfn, "attention.ffn_dim",
                "must be 1 to " + std::to_string(kWidestFfn), "four times the width is usual");
  found.require(attention.dropout >= 0 && attention.dropout < 1, "attention.dropout",
                "must be in [0, 1)", "0.1 is usual");
  found.require_one_of("attention.norm", attention.norm, {"post", "pre"});
  found.require_one_of("attention.position", attention.position, {"none", "sine2d"});
  found.require(attention.position == "none" || attention.dim % 4 == 0, "attention.dim",
                "must be a multiple of 4 for sine2d positions", "choose such a width");
  found.require_one_of("cla.query", cla.query, {"upper", "upsampled"});
  found.require(cla.kv_stride_p4 >= 1 && cla.kv_stride_p4 <= 64, "cla.kv_stride_p4",
                "must be 1 to 64", "2 gives P4 as many keys as P5");
  found.require(cla.kv_stride_p3 >= 1 && cla.kv_stride_p3 <= 64, "cla.kv_stride_p3",
                "must be 1 to 64", "4 gives P3 as many keys as P5");
  found.require(cla.kv_grid >= 0 && cla.kv_grid <= 256, "cla.kv_grid", "must be 0 to 256",
                "0 pools by stride; 14 gives 196 keys at any image size");
  found.require_one_of("head.pool", head.pool, {"mean", "max", "topk", "csra"});
  found.require(head.topk > 0, "head.topk", "must be positive", "4 is the default");
  found.require(head.pool != "topk" || head.topk <= fewest_tokens(backbone, input.size),
                "head.topk",
                std::to_string(head.topk) + " is more than the " +
                    std::to_string(fewest_tokens(backbone, input.size)) +
                    " tokens of the highest level at " + std::to_string(input.size) + " pixels",
                "lower it, or raise model.input.size");
  found.require(std::isfinite(head.csra_lambda), "head.csra_lambda", "must be finite",
                "0.2 is the default");
  found.require(positive(head.csra_temperature), "head.csra_temperature", "must be positive",
                "1 is the default");
  return found.take();
}

void CatOptions::check() const { throw_if_any(problems()); }

std::string to_json(const CatOptions& options) {
  json root = json::object();
  visit_options(options, [&](const char* key, const auto& value) { root[key] = value; });
  return root.dump();
}

CatOptions cat_options_from_json(const std::string& text, const std::string& where) {
  json root = parse_json(text, where, ErrorKind::kWeights);
  rename_old_keys(root);
  CatOptions options;
  size_t known = 0;
  visit_options(options, [&](const char* key, auto& value) {
    value = json_field<std::decay_t<decltype(value)>>(root, key, where, ErrorKind::kWeights);
    ++known;
  });
  if (root.size() != known) {
    throw WeightsError("the model's description has keys that this program does not know", where,
                       "use the catamaran that wrote it, or a newer one");
  }
  try {
    options.check();
  } catch (const UsageError& problem) {
    throw WeightsError(problem.what(), where, "");
  }
  return options;
}

}  // namespace catamaran
