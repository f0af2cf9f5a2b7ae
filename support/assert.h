// CATAMARAN_ASSERT(condition, "why it cannot be false"): our own mistakes, checked in every build.
// It throws std::logic_error, which launch/main.cpp reports as an internal error (exit code 1) and
// which tests can catch. User's and machine's faults are support/error.h. Thread-safe.
#pragma once

#include <stdexcept>
#include <string>

#define CATAMARAN_STRINGIZE_(x) #x
#define CATAMARAN_STRINGIZE(x) CATAMARAN_STRINGIZE_(x)
#define CATAMARAN_ASSERT(condition, why)                                                      \
  do {                                                                                        \
    if (!(condition)) {                                                                       \
      throw std::logic_error(                                                                 \
          std::string("internal error at " __FILE__ ":" CATAMARAN_STRINGIZE(__LINE__) ": ") + \
          (why) + " (" #condition ")");                                                       \
    }                                                                                         \
  } while (false)
