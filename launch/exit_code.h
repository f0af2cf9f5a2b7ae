// Exit codes of every command: docs/exit-codes.md. The only place where an error becomes a number.
// Thread-safe.
#pragma once

#include "support/error.h"

namespace catamaran {

constexpr int kExitDone = 0;
constexpr int kExitStopped = 75;  // a checkpoint is written: submit the job again

int exit_code(ErrorKind kind);

}  // namespace catamaran
