// Which collectives of a communicator this rank has started and seen end, for whoever asks why a
// job stands still.
#pragma once

#include <cstdint>
#include <string>

namespace catamaran {

struct CollectiveState {
  int64_t started = 0;
  int64_t finished = 0;
  std::string oldest;  // of the unfinished; empty where there is none
};

}  // namespace catamaran
