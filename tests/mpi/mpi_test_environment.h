// The process group that tests/mpi/main.cpp made for the tests of this rank.
#pragma once

#include "comm/process_group.h"

namespace catamaran {

ProcessGroup*& test_group();

}  // namespace catamaran
