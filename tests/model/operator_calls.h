// OperatorCalls: notes, while it lives, the operators that run in this thread.
//
//   const OperatorCalls calls;
//   cat->forward(x);
//   EXPECT_EQ(calls.count("aten::linear"), 0);
//
// One at a time.
#pragma once

#include <ATen/record_function.h>
#include <torch/torch.h>

#include <map>
#include <memory>
#include <set>
#include <string>

namespace catamaran {

class OperatorCalls {
 public:
  OperatorCalls() {
    current() = this;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&OperatorCalls::note)
                                             .needsInputs(true)
                                             .scopes({at::RecordScope::FUNCTION}));
  }
  OperatorCalls(const OperatorCalls&) = delete;
  OperatorCalls& operator=(const OperatorCalls&) = delete;
  ~OperatorCalls() {
    at::removeCallback(handle_);
    current() = nullptr;
  }

  int64_t count(const std::string& name) const {
    const auto found = counts_.find(name);
    return found == counts_.end() ? 0 : found->second;
  }
  // Of the first tensor that it was called with, each time.
  std::set<at::ScalarType> types(const std::string& name) const {
    const auto found = types_.find(name);
    return found == types_.end() ? std::set<at::ScalarType>() : found->second;
  }

 private:
  static OperatorCalls*& current() {
    static thread_local OperatorCalls* instance = nullptr;
    return instance;
  }
  static std::unique_ptr<at::ObserverContext> note(const at::RecordFunction& call) {
    OperatorCalls& self = *current();
    ++self.counts_[call.name()];
    if (!call.inputs().empty() && call.inputs()[0].isTensor() &&
        call.inputs()[0].toTensor().defined())
      self.types_[call.name()].insert(call.inputs()[0].toTensor().scalar_type());
    return nullptr;
  }

  at::CallbackHandle handle_ = at::INVALID_CALLBACK_HANDLE;
  std::map<std::string, int64_t> counts_;
  std::map<std::string, std::set<at::ScalarType>> types_;
};

}  // namespace catamaran
