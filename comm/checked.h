// MPI_CHECK(call, "operation"): turns an MPI error code into a CommError with rank, host and MPI's
// own text. Communicators must return errors (MPI_ERRORS_RETURN), which MpiSession arranges.
// Thread-safe.
#pragma once

#include <mpi.h>

#include <string>

namespace catamaran {

[[noreturn]] void throw_mpi_error(int code, const std::string& operation);

#define MPI_CHECK(call, operation)                                                 \
  do {                                                                             \
    const int mpi_check_code = (call);                                             \
    if (mpi_check_code != MPI_SUCCESS) throw_mpi_error(mpi_check_code, operation); \
  } while (false)

}  // namespace catamaran
