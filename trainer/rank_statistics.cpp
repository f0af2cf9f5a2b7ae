#include "trainer/rank_statistics.h"

#include <memory>
#include <utility>

#include "support/assert.h"
#include "trainer/device.h"

namespace catamaran {
namespace {

class RankStatistics : public StatisticsExchange {
 public:
  RankStatistics(std::unique_ptr<Communicator> communicator, const torch::Device& device)
      : communicator_(std::move(communicator)), device_(device) {}

  void sum(torch::Tensor& values) override {
    CATAMARAN_ASSERT(values.is_contiguous() && values.device().type() == device_.type(),
                     "the caller made a fresh tensor on the model's device");
    const bool wide = values.scalar_type() == torch::kFloat64;
    CATAMARAN_ASSERT(wide || values.scalar_type() == torch::kFloat32, "sums are fp32 or fp64");
    communicator_->all_reduce(values.data_ptr(), values.numel(),
                              wide ? DataType::kFloat64 : DataType::kFloat32, ReduceOp::kSum,
                              current_stream(device_));
  }

 private:
  std::unique_ptr<Communicator> communicator_;
  torch::Device device_;
};

}  // namespace

StatisticsExchangePtr share_statistics(const ProcessGroup& group, const torch::Device& device) {
  return c10::make_intrusive<RankStatistics>(group.another_communicator(), device);
}

}  // namespace catamaran
