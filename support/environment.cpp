#include "support/environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "support/text.h"

namespace catamaran {
namespace {

constexpr size_t kLongestValue = 4096;  // bytes

constexpr std::array<std::string_view, 8> kPrefixes = {"NCCL_", "OMPI_MCA_", "SLURM_", "CUDA_",
                                                       "UCX_",  "PMIX_",     "OMP_",   "HDF5_"};
constexpr std::array<std::string_view, 13> kNames = {
    "APPTAINER_CONTAINER",  "APPTAINER_NAME",     "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",         "KMP_BLOCKTIME",      "LOADEDMODULES",
    "MALLOC_ARENA_MAX",     "MKL_NUM_THREADS",    "NVIDIA_VISIBLE_DEVICES",
    "OPENBLAS_NUM_THREADS", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF",
    "SINGULARITY_CONTAINER"};
// Of secrets, and of the addresses and keys by which processes of a job find and know each other.
constexpr std::array<std::string_view, 11> kSecrets = {"KEY",    "TOKEN",  "SECRET",      "PASS",
                                                       "COOKIE", "CREDEN", "JWT",         "AUTH",
                                                       "CERT",   "URI",    "PRECONDITION"};

std::string upper(std::string_view text) {
  std::string all(text);
  std::ranges::transform(all, all.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return all;
}

bool begins_with_a_prefix(std::string_view name) {
  return std::ranges::any_of(kPrefixes,
                             [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// "http://me:secret@proxy:3128": whatever the variable is called.
bool has_a_password(std::string_view value) {
  for (size_t at = value.find("://"); at != std::string_view::npos; at = value.find("://", at)) {
    at += 3;
    const std::string_view authority = value.substr(at, value.find_first_of("/ ,;", at) - at);
    if (authority.find('@') != std::string_view::npos) return true;
  }
  return false;
}

std::string as_recorded(std::string_view value) {
  if (has_a_password(value)) return "";
  const bool is_cut = value.size() > kLongestValue;
  return printable(value.substr(0, kLongestValue)) + (is_cut ? "..." : "");
}

}  // namespace

bool is_recorded(const std::string& name) {
  if (!begins_with_a_prefix(name) && std::ranges::find(kNames, name) == kNames.end()) return false;
  const std::string all = upper(name);
  return std::ranges::none_of(
      kSecrets, [&](std::string_view secret) { return all.find(secret) != std::string::npos; });
}

std::map<std::string, std::string> recorded_environment() {
  std::map<std::string, std::string> recorded;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const char* const equals = std::strchr(*entry, '=');
    if (equals == nullptr) continue;
    const std::string name(*entry, static_cast<size_t>(equals - *entry));
    if (!is_recorded(name)) continue;
    if (std::string value = as_recorded(equals + 1); !value.empty())
      recorded.emplace(name, std::move(value));
  }
  return recorded;
}

std::string recorded_variable(const std::string& name) {
  const char* const value = is_recorded(name) ? std::getenv(name.c_str()) : nullptr;
  return value == nullptr ? "" : as_recorded(value);
}

std::string slurm_job_id() {
  const std::string array = recorded_variable("SLURM_ARRAY_JOB_ID");
  const std::string task = recorded_variable("SLURM_ARRAY_TASK_ID");
  if (!array.empty() && !task.empty()) return array + "_" + task;
  return recorded_variable("SLURM_JOB_ID");
}

}  // namespace catamaran
