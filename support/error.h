// Errors a user can act on: what happened, where, and how to go on.
//
//   throw DataError("the shard is shorter than pack.json says", shard_path, "copy the pack again,
//   then `catamaran check` it");
//
// Who throws: a user's or a machine's fault is one of these; an expected outcome is a std::optional
// or an enum; a mistake of our own is CATAMARAN_ASSERT (support/assert.h). launch/main.cpp maps the
// kind to the exit code, and nobody else does. Thread-safe.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace catamaran {

// The kinds of docs/exit-codes.md, in the order of their exit codes.
enum class ErrorKind { kUsage, kData, kWeights, kCommunication, kNumerics, kInternal };

// "usage", "data", "weights", "communication", "numerics", "internal": for files; and back, nullopt
// for another name.
std::string kind_name(ErrorKind kind);
std::optional<ErrorKind> kind_named(const std::string& name);

// What is to be done about a fault, where that is known: start again, start again without a node,
// or mend a program.
enum class FaultClass { kUnknown, kRetryable, kBadNode, kBug };

// "unknown", "retryable", "bad node", "bug": as failure.json has it.
const char* name_of(FaultClass fault);
// What a message says of it, behind its hint; empty for kUnknown. The hosts are named for kBadNode.
std::string words_of(FaultClass fault, const std::vector<std::string>& hosts);

// Never changes.
class Error : public std::runtime_error {
 public:
  // what: one clause without a full stop; where: file, key, rank; hint: an imperative, what to try
  // next. where and hint may be empty. what() is "WHERE: WHAT; HINT", on one line, ready to be
  // printed. hosts: where it happened; they are bad hosts of a fault of FaultClass::kBadNode, and
  // of no other.
  Error(ErrorKind kind, const std::string& what, std::string where, std::string hint,
        FaultClass fault = FaultClass::kUnknown, std::vector<std::string> hosts = {});

  ErrorKind kind() const { return kind_; }
  const std::string& where() const { return where_; }
  const std::string& hint() const { return hint_; }
  FaultClass fault() const { return fault_; }
  const std::vector<std::string>& bad_hosts() const { return bad_hosts_; }  // of kBadNode

 private:
  ErrorKind kind_;
  std::string where_;
  std::string hint_;
  FaultClass fault_;
  std::vector<std::string> bad_hosts_;
};

// Command line or configuration: exit code 2.
class UsageError : public Error {
 public:
  UsageError(const std::string& what, std::string where, std::string hint)
      : Error(ErrorKind::kUsage, what, std::move(where), std::move(hint)) {}
};

// Packs, images, label files: exit code 3.
class DataError : public Error {
 public:
  DataError(const std::string& what, std::string where, std::string hint)
      : Error(ErrorKind::kData, what, std::move(where), std::move(hint)) {}
};

// Weights and checkpoints: exit code 4.
class WeightsError : public Error {
 public:
  WeightsError(const std::string& what, std::string where, std::string hint)
      : Error(ErrorKind::kWeights, what, std::move(where), std::move(hint)) {}
};

// MPI, NCCL, a lost or silent rank: exit code 5. `where` names rank, host and operation.
class CommError : public Error {
 public:
  CommError(const std::string& what, std::string where, std::string hint,
            FaultClass fault = FaultClass::kUnknown, std::vector<std::string> hosts = {})
      : Error(ErrorKind::kCommunication, what, std::move(where), std::move(hint), fault,
              std::move(hosts)) {}
};

// Not-a-number limit, ranks that disagree: exit code 6.
class NumericsError : public Error {
 public:
  NumericsError(const std::string& what, std::string where, std::string hint,
                FaultClass fault = FaultClass::kUnknown, std::vector<std::string> hosts = {})
      : Error(ErrorKind::kNumerics, what, std::move(where), std::move(hint), fault,
              std::move(hosts)) {}
};

// An error of one of these two kinds that is known to be of a class, and says so behind its hint.
//
//   throw classified<CommError>("uncorrectable ECC error", "rank 3 on node7, all-reduce", advice,
//                               FaultClass::kBadNode, {"node7"});
template <typename Kind>
Kind classified(const std::string& what, std::string where, const std::string& hint,
                FaultClass fault, std::vector<std::string> hosts = {}) {
  const std::string advice = hint + words_of(fault, hosts);
  return Kind(what, std::move(where), advice, fault, std::move(hosts));
}

// "could not open 'x': No such file or directory": the text of errno behind a clause of our own.
std::string with_errno(const std::string& clause, int error_number);

}  // namespace catamaran
