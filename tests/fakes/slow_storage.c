// To be preloaded: reads (pread) of some files take long, as on storage that hangs. Reads of the main thread, which open
// a pack, are as quick as ever.
//   cc -shared -fPIC -o slow_storage.so slow_storage.c
//   SLOW_PATH=pack-train/shard SLOW_SECONDS=60 LD_PRELOAD=./slow_storage.so catamaran train ...
// SLOW_PATH: part of the path; SLOW_RANK: of this rank alone; SLOW_LOG: a file that gets a line for each such read.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "path_of_file.h"

static int is_slow(int file) {
  const char *part = getenv("SLOW_PATH"), *rank = getenv("SLOW_RANK"), *mine = getenv("OMPI_COMM_WORLD_RANK");
  char path[4096];
  if (part == NULL || syscall(SYS_gettid) == getpid()) return 0;
  if (rank != NULL && (mine == NULL || strcmp(rank, mine) != 0)) return 0;
  return path_of_file(file, path) != NULL && strstr(path, part) != NULL;
}

ssize_t pread(int file, void *into, size_t bytes, off_t offset) {
  if (is_slow(file)) {
    const char *log = getenv("SLOW_LOG"), *seconds = getenv("SLOW_SECONDS");
    const int lines = log == NULL ? -1 : open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (lines >= 0 && write(lines, "read\n", 5) == 5) close(lines);
    usleep((useconds_t)(1e6 * (seconds == NULL ? 0 : atof(seconds))));
  }
  return syscall(SYS_pread64, file, into, bytes, offset);
}

ssize_t pread64(int file, void *into, size_t bytes, off_t offset) { return pread(file, into, bytes, offset); }
