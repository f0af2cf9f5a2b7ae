#include "comm/mpi_types.h"

#include <algorithm>
#include <array>

#include "comm/checked.h"
#include "comm/half_floats.h"

namespace catamaran {
namespace {

// MPI_User_function: inout = in OP inout, element by element.
template <typename Half, ReduceOp op>
void reduce_halves(void* in, void* inout, int* count, MPI_Datatype*) {
  const auto* const from = static_cast<const uint16_t*>(in);
  auto* const into = static_cast<uint16_t*>(inout);
  const int n = *count;
  for (int i = 0; i < n; ++i) {
    const float a = Half::to_float(from[i]);
    const float b = Half::to_float(into[i]);
    if constexpr (op == ReduceOp::kSum) {
      into[i] = Half::from_float(a + b);
    } else if constexpr (op == ReduceOp::kMin) {
      into[i] = Half::from_float(std::min(a, b));
    } else {
      into[i] = Half::from_float(std::max(a, b));
    }
  }
}

MPI_Op made(MPI_User_function* function) {
  MPI_Op op = MPI_OP_NULL;
  constexpr int kCommutative = 1;
  MPI_CHECK(MPI_Op_create(function, kCommutative, &op), "MPI_Op_create");
  return op;
}

template <typename Half>
MPI_Op half_op(ReduceOp op) {
  static const std::array<MPI_Op, 3> ops = {made(reduce_halves<Half, ReduceOp::kSum>),
                                            made(reduce_halves<Half, ReduceOp::kMin>),
                                            made(reduce_halves<Half, ReduceOp::kMax>)};
  return ops[static_cast<size_t>(op)];
}

MPI_Datatype two_bytes() {
  static const MPI_Datatype type = [] {
    MPI_Datatype made = MPI_DATATYPE_NULL;
    MPI_CHECK(MPI_Type_contiguous(2, MPI_BYTE, &made), "MPI_Type_contiguous");
    MPI_CHECK(MPI_Type_commit(&made), "MPI_Type_commit");
    return made;
  }();
  return type;
}

}  // namespace

MPI_Datatype mpi_type(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return MPI_FLOAT;
    case DataType::kFloat64:
      return MPI_DOUBLE;
    case DataType::kInt64:
      return MPI_INT64_T;
    case DataType::kUint64:
      return MPI_UINT64_T;
    case DataType::kUint8:
      return MPI_UINT8_T;
    case DataType::kBFloat16:
    case DataType::kFloat16:
      return two_bytes();
  }
  return MPI_DATATYPE_NULL;
}

MPI_Op mpi_op(DataType type, ReduceOp op) {
  if (type == DataType::kBFloat16) return half_op<BFloat16>(op);
  if (type == DataType::kFloat16) return half_op<Float16>(op);
  switch (op) {
    case ReduceOp::kSum:
      return MPI_SUM;
    case ReduceOp::kMin:
      return MPI_MIN;
    case ReduceOp::kMax:
      return MPI_MAX;
  }
  return MPI_OP_NULL;
}

}  // namespace catamaran
