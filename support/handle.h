// Handle<Traits>: owns one C handle (a descriptor, hid_t, MPI_Comm, ncclComm_t, tjhandle) and
// closes it exactly once.
//
//   struct FileTraits {
//     using type = int;
//     static constexpr int empty() { return -1; }
//     static void close(int fd) noexcept;
//   };
//   Handle<FileTraits> file(::open(path, O_RDONLY));
//
// Moved by exchange, never copied; close must not throw. One thread at a time.
#pragma once

#include <utility>

namespace catamaran {

template <typename Traits>
class Handle {
 public:
  using type = typename Traits::type;

  Handle() = default;
  explicit Handle(type value) : value_(value) {}
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, Traits::empty())) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      value_ = std::exchange(other.value_, Traits::empty());
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { reset(); }

  type get() const { return value_; }
  explicit operator bool() const { return !(value_ == Traits::empty()); }
  type release() { return std::exchange(value_, Traits::empty()); }
  void reset() noexcept {
    if (*this) Traits::close(std::exchange(value_, Traits::empty()));
  }

 private:
  type value_ = Traits::empty();
};

}  // namespace catamaran
