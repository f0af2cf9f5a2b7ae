// LogCounts: how many warnings and errors this process has logged since it was made.
//
//   const LogCounts counts;
//   log::warn("the disk is slow");
//   counts.warnings();                    // 1
//
// Made and destroyed while no other thread logs; the counts are thread-safe.
#pragma once

#include <cstdint>
#include <memory>

namespace catamaran {

class LogCounts {
 public:
  LogCounts();
  LogCounts(const LogCounts&) = delete;
  LogCounts& operator=(const LogCounts&) = delete;
  ~LogCounts();

  int64_t warnings() const;
  int64_t errors() const;

 private:
  class Sink;
  std::shared_ptr<Sink> sink_;
};

}  // namespace catamaran
