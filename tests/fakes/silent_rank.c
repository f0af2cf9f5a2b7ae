// To be preloaded: rank SILENT_RANK hangs for ever when it first sends a message by MPI_Isend, with MPI itself up on all ranks.
//   cc -shared -fPIC -o silent_rank.so silent_rank.c
//   mpirun -x LD_PRELOAD=./silent_rank.so -x SILENT_RANK=1 -n 2 catamaran doctor
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The types of Open MPI's handles: pointers.
int MPI_Isend(const void *from, int count, void *type, int to, int tag, void *comm, void **request) {
  int (*real)(const void *, int, void *, int, int, void *, void **) = dlsym(RTLD_NEXT, "MPI_Isend");
  const char *silent = getenv("SILENT_RANK"), *mine = getenv("OMPI_COMM_WORLD_RANK");
  while (silent != NULL && mine != NULL && strcmp(silent, mine) == 0) pause();
  return real(from, count, type, to, tag, comm, request);
}
