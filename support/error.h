// Errors a user can act on: what happened, where, and how to go on.
//
//   throw DataError("the shard is shorter than pack.json says", shard_path, "copy the pack again,
//   then `catamaran check` it");
//
// Who throws: a user's or a machine's fault is one of these; an expected outcome is a std::optional
// or an enum; a mistake of our own is CATAMARAN_ASSERT (support/assert.h). launch/main.cpp maps the
// kind to the exit code, and nobody else does. Thread-safe.
#pragma once

#include <stdexcept>
#include <string>

namespace catamaran {

// The kinds of docs/exit-codes.md, in the order of their exit codes.
enum class ErrorKind { kUsage, kData, kWeights, kCommunication, kNumerics, kInternal };

class Error : public std::runtime_error {
 public:
  // what: one clause without a full stop; where: file, key, rank; hint: an imperative, what to try
  // next. where and hint may be empty.
  Error(ErrorKind kind, const std::string& what, std::string where, std::string hint);

  ErrorKind kind() const { return kind_; }
  const std::string& where() const { return where_; }
  const std::string& hint() const { return hint_; }
  // what() is "WHERE: WHAT; HINT", on one line, ready to be printed.

 private:
  ErrorKind kind_;
  std::string where_;
  std::string hint_;
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
  CommError(const std::string& what, std::string where, std::string hint)
      : Error(ErrorKind::kCommunication, what, std::move(where), std::move(hint)) {}
};

// Not-a-number limit, ranks that disagree: exit code 6.
class NumericsError : public Error {
 public:
  NumericsError(const std::string& what, std::string where, std::string hint)
      : Error(ErrorKind::kNumerics, what, std::move(where), std::move(hint)) {}
};

// "could not open 'x': No such file or directory": the text of errno behind a clause of our own.
std::string with_errno(const std::string& clause, int error_number);

}  // namespace catamaran
