#include "launch/job_templates.h"

#include <algorithm>
#include <array>
#include <utility>

#include "support/assert.h"

// Files of CATAMARAN_SLURM_FOLDER become read-only data of this object.
#define CATAMARAN_TEMPLATE(label, file)              \
  __asm__(                                           \
      ".pushsection .rodata\n"                       \
      ".globl catamaran_" #label                     \
      "_begin\n"                                     \
      "catamaran_" #label                            \
      "_begin:\n"                                    \
      ".incbin \"" CATAMARAN_SLURM_FOLDER "/" file   \
      "\"\n"                                         \
      ".globl catamaran_" #label                     \
      "_end\n"                                       \
      "catamaran_" #label                            \
      "_end:\n"                                      \
      ".byte 0\n"                                    \
      ".popsection\n");                              \
  extern "C" const char catamaran_##label##_begin[]; \
  extern "C" const char catamaran_##label##_end[]

CATAMARAN_TEMPLATE(train_sbatch, "train.sbatch");
CATAMARAN_TEMPLATE(sweep_sbatch, "sweep.sbatch");
CATAMARAN_TEMPLATE(eval_sbatch, "eval.sbatch");
CATAMARAN_TEMPLATE(job_sh, "job.sh");
CATAMARAN_TEMPLATE(site_toml, "site.example.toml");

namespace catamaran {
namespace {

using Template = std::pair<const char*, std::string_view>;

std::array<Template, 5> templates() {
  const auto text = [](const char* begin, const char* end) {
    return std::string_view(begin, static_cast<size_t>(end - begin));
  };
  return {{{"train.sbatch", text(catamaran_train_sbatch_begin, catamaran_train_sbatch_end)},
           {"sweep.sbatch", text(catamaran_sweep_sbatch_begin, catamaran_sweep_sbatch_end)},
           {"eval.sbatch", text(catamaran_eval_sbatch_begin, catamaran_eval_sbatch_end)},
           {"job.sh", text(catamaran_job_sh_begin, catamaran_job_sh_end)},
           {"site.example.toml", text(catamaran_site_toml_begin, catamaran_site_toml_end)}}};
}

}  // namespace

std::vector<std::string> job_template_names() {
  std::vector<std::string> names;
  for (const auto& [name, text] : templates()) names.emplace_back(name);
  return names;
}

std::string_view job_template(std::string_view name) {
  const auto all = templates();
  const auto found = std::ranges::find(all, name, &Template::first);
  CATAMARAN_ASSERT(found != all.end(), "the callers name files that are there");
  return found->second;
}

}  // namespace catamaran
