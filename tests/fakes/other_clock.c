// To be preloaded: the wall clock of a rank is an hour ahead, and an hour behind once a file exists; the steady clock is right.
// What the other clock was asked for is left behind: SWITCH.ahead and SWITCH.behind.
//   cc -shared -fPIC -o other_clock.so other_clock.c
//   CLOCK_RANK=1 CLOCK_SWITCH=/tmp/back LD_PRELOAD=./other_clock.so mpirun -n 2 catamaran train ...
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
  const int code = (int)syscall(SYS_clock_gettime, clock, at);
  const char *mine = getenv("OMPI_COMM_WORLD_RANK"), *rank = getenv("CLOCK_RANK"), *gate = getenv("CLOCK_SWITCH");
  if (clock != CLOCK_REALTIME || mine == NULL || rank == NULL || strcmp(rank, mine) != 0) return code;
  const int behind = gate != NULL && access(gate, F_OK) == 0;
  at->tv_sec += behind ? -3600 : 3600;
  static int told[2];
  if (gate != NULL && !told[behind]) {
    char path[4096];
    told[behind] = 1;
    snprintf(path, sizeof path, "%s.%s", gate, behind ? "behind" : "ahead");
    const int made = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    if (made >= 0) close(made);
  }
  return code;
}
