// What tests/mpi/main.cpp made for the tests of this rank: MPI, and a process group over it.
#pragma once

#include "comm/mpi_session.h"
#include "comm/process_group.h"

namespace catamaran {

MpiSession*& test_session();
ProcessGroup*& test_group();

}  // namespace catamaran
