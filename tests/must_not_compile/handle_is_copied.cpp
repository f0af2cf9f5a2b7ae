// A handle is moved, never copied.
#include "support/file_descriptor.h"

catamaran::FileDescriptor moved(catamaran::FileDescriptor file) {
#ifdef MUST_NOT_COMPILE
  catamaran::FileDescriptor copy = file;
  return copy;
#else
  return file;
#endif
}
