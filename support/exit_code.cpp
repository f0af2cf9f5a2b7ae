#include "support/exit_code.h"

namespace catamaran {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return 2;
    case ErrorKind::kData:
      return 3;
    case ErrorKind::kWeights:
      return 4;
    case ErrorKind::kCommunication:
      return 5;
    case ErrorKind::kNumerics:
      return 6;
    case ErrorKind::kInternal:
      return 1;
  }
  return 1;
}

}  // namespace catamaran
