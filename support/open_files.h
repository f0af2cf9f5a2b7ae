// How many files a process may have open. A pack keeps one for each of its shards, and systems
// begin with a limit (1024, most often) far below what they grant to those who ask.
//
//   raise_open_file_limit();                        // once, at the program's start
//   if (shards > open_file_limit()) ...
//
// Thread-safe.
#pragma once

#include <cstdint>

namespace catamaran {

void raise_open_file_limit();  // to the most that the system grants
int64_t open_file_limit();

}  // namespace catamaran
