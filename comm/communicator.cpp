#include "comm/communicator.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace catamaran {
namespace {

constexpr std::align_val_t kAlignment{64};

struct Aligned {
  void operator()(void* data) const { ::operator delete(data, kAlignment); }
};

class HostMemory : public ExchangeMemory {
 public:
  HostMemory(std::unique_ptr<void, Aligned> data, int64_t bytes)
      : ExchangeMemory(data.get(), bytes), owned_(std::move(data)) {}

 private:
  std::unique_ptr<void, Aligned> owned_;
};

}  // namespace

int64_t bytes_of(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return 4;
    case DataType::kUint8:
      return 1;
    case DataType::kBFloat16:
    case DataType::kFloat16:
      return 2;
    case DataType::kFloat64:
    case DataType::kInt64:
    case DataType::kUint64:
      return 8;
  }
  return 0;
}

std::unique_ptr<ExchangeMemory> make_host_memory(int64_t bytes) {
  const auto size = static_cast<size_t>(std::max<int64_t>(bytes, 1));
  std::unique_ptr<void, Aligned> data(::operator new(size, kAlignment));
  std::memset(data.get(), 0, size);
  return std::make_unique<HostMemory>(std::move(data), bytes);
}

}  // namespace catamaran
