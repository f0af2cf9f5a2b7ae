// Where every thread of this process is, for the file that a failed job leaves behind.
//
//   prepare_thread_stacks();                              // once, before anything can go wrong
//   for (const ThreadStack& thread : thread_stacks()) thread.name, thread.frames
//
// Each thread is interrupted by a signal (SIGRTMIN + 3) and writes down its own return addresses;
// one that does not answer within a tenth of a second (it is stopped, or waits in the kernel for
// storage) has no frames. Names of functions are those that the program exports, else the file and
// the offset in it, for addr2line. For processes that are about to end: backtrace() is no function
// for signal handlers by the letter of POSIX. One thread at a time.
#pragma once

#include <string>
#include <vector>

namespace catamaran {

struct ThreadStack {
  int id = 0;                       // of the kernel
  std::string name;                 // as pthread_setname_np has it
  std::vector<std::string> frames;  // innermost first
};

void prepare_thread_stacks();
std::vector<ThreadStack> thread_stacks();

}  // namespace catamaran
