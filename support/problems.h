// Problems: every wrong value of an options struct, as sentences "KEY: RULE; HINT", so that a user
// hears of all of them at once.
//
//   std::vector<std::string> CommOptions::problems() const {
//     Problems found("comm.");                      // before each key
//     found.require(timeout_seconds > 0, "timeout_seconds", "must be positive", "120 is usual");
//     found.require_one_of("backend", backend, {"auto", "mpi", "nccl"});
//     return found.take();
//   }
//   void CommOptions::check() const { throw_if_any(problems()); }
//
// Errors: throw_if_any throws UsageError with all of them. One thread at a time.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace catamaran {

class Problems {
 public:
  explicit Problems(std::string table = "") : table_(std::move(table)) {}

  void require(bool holds, const std::string& key, const std::string& rule,
               const std::string& hint = "");
  // Names the nearest of `known`, and all of them.
  void require_one_of(const std::string& key, const std::string& value,
                      const std::vector<std::string>& known);
  // Those of a part, whose keys are whole.
  void add(const std::vector<std::string>& more);
  std::vector<std::string> take() { return std::move(list_); }

 private:
  std::string table_;
  std::vector<std::string> list_;
};

// One problem: its key is the error's place. More: a line each.
void throw_if_any(const std::vector<std::string>& problems);

}  // namespace catamaran
