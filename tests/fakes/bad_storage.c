// To be preloaded: one byte of some files is read (pread) as another than was written, every time, as from a bad disk.
//   cc -shared -fPIC -o bad_storage.so bad_storage.c
//   BAD_PATH=checkpoints/.self-test BAD_BYTE=1500000 LD_PRELOAD=./bad_storage.so catamaran train ...
// BAD_PATH: part of the path; BAD_BYTE: its place in the file.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "path_of_file.h"

static int is_bad(int file) {
  const char *part = getenv("BAD_PATH");
  char path[4096];
  if (part == NULL) return 0;
  return path_of_file(file, path) != NULL && strstr(path, part) != NULL;
}

ssize_t pread(int file, void *into, size_t bytes, off_t offset) {
  const ssize_t got = syscall(SYS_pread64, file, into, bytes, offset);
  const char *place = getenv("BAD_BYTE");
  if (got <= 0 || place == NULL || !is_bad(file)) return got;
  const off_t at = (off_t)atoll(place) - offset;
  if (at >= 0 && at < got) ((char *)into)[at] ^= 1;
  return got;
}

ssize_t pread64(int file, void *into, size_t bytes, off_t offset) { return pread(file, into, bytes, offset); }
