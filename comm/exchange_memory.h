// ExchangeMemory: memory in which a communicator's all-reduces are cheapest, from its allocate().
//
//   const std::unique_ptr<ExchangeMemory> arena = communicator.allocate(bytes);   // on all ranks
//   float* gradients = static_cast<float*>(arena->data());
//
// At least 64-byte aligned. Host memory is zeroed, device memory is not. Owned by the caller; it
// must die before the communicator, and while none of its all-reduces is under way. read and write
// copy between it and ordinary host memory, blocking, wherever it lies (for tests and
// measurements). Errors: CommError from a device. One thread at a time.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>

namespace catamaran {

class ExchangeMemory {
 public:
  virtual ~ExchangeMemory() = default;
  ExchangeMemory(const ExchangeMemory&) = delete;
  ExchangeMemory& operator=(const ExchangeMemory&) = delete;

  void* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

  virtual void write(int64_t offset, const void* from, int64_t bytes) {
    std::memcpy(static_cast<char*>(data_) + offset, from, static_cast<size_t>(bytes));
  }
  virtual void read(int64_t offset, void* into, int64_t bytes) const {
    std::memcpy(into, static_cast<const char*>(data_) + offset, static_cast<size_t>(bytes));
  }

 protected:
  ExchangeMemory(void* data, int64_t bytes) : data_(data), bytes_(bytes) {}

 private:
  void* data_;
  int64_t bytes_;
};

// Plain host memory of this process.
std::unique_ptr<ExchangeMemory> make_host_memory(int64_t bytes);

}  // namespace catamaran
