// Exit codes of every command: docs/exit-codes.md. The only place where an error becomes a number.
//
//   exit_code(ErrorKind::kData);      // 3
//
// Thread-safe.
#pragma once

#include "support/error.h"

namespace catamaran {

constexpr int kExitDone = 0;
constexpr int kExitStopped = 75;       // a checkpoint is written: submit the job again
constexpr int kExitInterrupted = 130;  // Ctrl-C of a command that has nothing to save

int exit_code(ErrorKind kind);

}  // namespace catamaran
