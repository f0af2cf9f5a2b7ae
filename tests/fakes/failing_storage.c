// To be preloaded: calls on some files fail, or take long, as on storage that is full, broken or slow.
//   cc -shared -fPIC -o failing_storage.so failing_storage.c
//   FAULT_PATH=/checkpoints/ FAULT_CALLS=write,fsync FAULT_ERRNO=28 LD_PRELOAD=./failing_storage.so catamaran train ...
// FAULT_PATH: part of the path. FAULT_CALLS: of write, fsync, rename (its source), flock. FAULT_ERRNO: what they set; 0: they
// work. FAULT_SECONDS: they sleep first. FAULT_AFTER_BYTES: write alone, so many bytes of this process still go through.
// FAULT_TIMES: so often, then no more; 0: always. FAULT_SWITCH: only while this file exists; where it holds two numbers, as
// "28 0.5", they take the place of FAULT_ERRNO and FAULT_SECONDS. FAULT_RANK: in this rank alone.
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "path_of_file.h"

static atomic_llong written;
static atomic_llong failures;

static double number(const char *name) {
  const char *text = getenv(name);
  return text == NULL ? 0 : atof(text);
}

static int is_meant(const char *call, const char *path) {
  const char *part = getenv("FAULT_PATH"), *calls = getenv("FAULT_CALLS"), *gate = getenv("FAULT_SWITCH");
  const char *rank = getenv("FAULT_RANK"), *mine = getenv("OMPI_COMM_WORLD_RANK");
  if (part == NULL || calls == NULL || strstr(calls, call) == NULL || strstr(path, part) == NULL) return 0;
  if (rank != NULL && (mine == NULL || strcmp(rank, mine) != 0)) return 0;
  return gate == NULL || access(gate, F_OK) == 0;
}

static int is_meant_of(const char *call, int file) {
  char path[4096];
  return path_of_file(file, path) != NULL && is_meant(call, path);
}

static void read_switch(int *number_of_error, double *seconds) {
  const char *gate = getenv("FAULT_SWITCH");
  FILE *file = gate == NULL ? NULL : fopen(gate, "r");
  int error = 0;
  double pause = 0;
  if (file == NULL) return;
  if (fscanf(file, "%d %lf", &error, &pause) == 2) {
    *number_of_error = error;
    *seconds = pause;
  }
  fclose(file);
}

// 0: the call goes on; -1: it has failed.
static int meets_fault(void) {
  int number_of_error = (int)number("FAULT_ERRNO");
  double seconds = number("FAULT_SECONDS");
  read_switch(&number_of_error, &seconds);
  if (seconds > 0) usleep((useconds_t)(1e6 * seconds));
  const double times = number("FAULT_TIMES");
  if (number_of_error == 0 || (times > 0 && atomic_fetch_add(&failures, 1) >= (long long)times)) return 0;
  errno = number_of_error;
  return -1;
}

ssize_t write(int file, const void *from, size_t bytes) {
  if (is_meant_of("write", file) && atomic_fetch_add(&written, (long long)bytes) + (long long)bytes > number("FAULT_AFTER_BYTES") &&
      meets_fault() != 0)
    return -1;
  return syscall(SYS_write, file, from, bytes);
}

int fsync(int file) {
  if (is_meant_of("fsync", file) && meets_fault() != 0) return -1;
  return (int)syscall(SYS_fsync, file);
}

int flock(int file, int operation) {
  if (is_meant_of("flock", file) && meets_fault() != 0) return -1;
  return (int)syscall(SYS_flock, file, operation);
}

int rename(const char *from, const char *to) {
  if (is_meant("rename", from) && meets_fault() != 0) return -1;
  return renameat(-100 /* AT_FDCWD */, from, -100, to);
}
