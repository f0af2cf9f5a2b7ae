// What a command line may say, checked while it is parsed, so that the option is named and nothing
// has begun: for CLI::Option::check. A failed check is a usage error, exit code 2. What a check
// says of itself stands behind the option in --help (launch/help_format.h).
//
//   eval->add_option("--out", out, "...")->check(result_file({".json"}));
//   train->add_option("--run-dir", run_dir, "...")->check(not_empty());
//
// Results never take the place of what a user needs: a file of a pack, a checkpoint or a run, a
// device, or a file of another kind that happens to be there. Thread-safe.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace catamaran {

// `--out "$UNSET"` is a mistake, not a wish for nothing.
CLI::Validator not_empty();

// A file to be written. One that exists is replaced only where its name ends in one of `endings`
// (lower case, with the dot).
CLI::Validator result_file(std::vector<std::string> endings);

// A picture to be written, as a PNG: its name ends in .png, or it is refused.
CLI::Validator png_file();

// A folder of results, new or to be replaced by a newer one: in nobody's pack or checkpoint. A
// run's folder explain/ may be.
CLI::Validator result_folder();

// A folder to be made, which must not exist.
CLI::Validator new_folder();

// A whole number not less than `least`.
CLI::Validator at_least(int64_t least);

// A number between 0 and 1; CLI::Range lets NaN pass.
CLI::Validator probability();

// A result would take the place of another result or of what the command reads: files that `option`
// and `others` name, each as option and path, empty paths for none. Errors: UsageError.
void require_different_files(const std::string& option, const std::string& file,
                             const std::vector<std::pair<std::string, std::string>>& others);

}  // namespace catamaran
