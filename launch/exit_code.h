// Exit codes of every command, as support/exit_code.h has them: what reads run directories tells
// them, too. Thread-safe.
#pragma once

#include "support/exit_code.h"  // IWYU pragma: export
