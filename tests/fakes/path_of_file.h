// Of a library that is preloaded: the path of an open file, or NULL; `path` has room for 4096
// bytes. Thread-safe.
#pragma once
#include <stdio.h>
#include <unistd.h>

static const char* path_of_file(int file, char path[4096]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, 4095);
  if (length < 0) return NULL;
  path[length] = '\0';
  return path;
}
