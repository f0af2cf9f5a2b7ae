// MPI's types and operations for those of comm/communicator.h.
//
//   MPI_Iallreduce(MPI_IN_PLACE, data, count, mpi_type(type), mpi_op(type, op), comm, &request);
//
// MPI 3 knows no 16-bit floats: for them these are two bytes, and operations of our own that
// compute in fp32 and round each result (comm/half_floats.h); both are made on first use and live
// until MPI_Finalize. Only between MPI_Init and MPI_Finalize. Thread-safe.
#pragma once

#include <mpi.h>

#include "comm/communicator.h"

namespace catamaran {

MPI_Datatype mpi_type(DataType type);
MPI_Op mpi_op(DataType type, ReduceOp op);

}  // namespace catamaran
