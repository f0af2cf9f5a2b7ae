#include "trainer/checkpoint_self_test.h"

#include <fcntl.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/text.h"
#include "trainer/checkpoint.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTestTensorBytes = int64_t{1} << 20;

// Of every bit pattern, those of no number too; not from LibTorch's generator, which is the run's.
torch::Tensor random_bits(std::mt19937_64& random) {
  std::vector<uint64_t> bits(static_cast<size_t>(kTestTensorBytes) / sizeof(uint64_t));
  std::ranges::generate(bits, std::ref(random));
  torch::Tensor tensor = torch::empty({kTestTensorBytes / 4}, torch::kFloat32);
  std::memcpy(tensor.data_ptr(), bits.data(), static_cast<size_t>(kTestTensorBytes));
  return tensor;
}

CheckpointContents self_test_contents() {
  std::mt19937_64 random(std::random_device{}());
  CheckpointContents contents;
  contents.state.model = to_json(CatOptions());
  contents.state.classes = {"self-test"};
  contents.model = {{"first", random_bits(random)}, {"second", random_bits(random)}};
  contents.ema = {{"first", random_bits(random)}, {"second", random_bits(random)}};
  contents.optimizer = {{"momentum/first", random_bits(random)}};
  return contents;
}

// Reading shall ask the storage, not the memory that keeps what was written.
void drop_from_memory(const fs::path& checkpoint) {
  for (const fs::directory_entry& entry : fs::directory_iterator(checkpoint)) {
    const FileDescriptor file = open_for_reading(entry.path());
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);  // a wish; the test holds without, too
  }
}

void require_same_bits(const NamedTensors& written, const fs::path& file) {
  const TensorFile read = read_safetensors(file);
  for (const auto& [name, tensor] : written) {
    const auto found = read.tensors.find(name);
    if (found == read.tensors.end() || found->second.nbytes() != tensor.nbytes()) {
      throw WeightsError("the tensor '" + name + "' is missing or of another size", file.string(),
                         "");
    }
    const auto* begin = static_cast<const char*>(tensor.const_data_ptr());
    const auto* end = begin + tensor.nbytes();
    const auto* differs =
        std::mismatch(begin, end, static_cast<const char*>(found->second.const_data_ptr())).first;
    if (differs == end) continue;
    throw WeightsError(text("byte %ld of the tensor '%s' is not what was written",
                            static_cast<long>(differs - begin), name.c_str()),
                       file.string(), "");
  }
}

void require_read_back(const fs::path& folder, const CheckpointContents& contents) {
  const std::string name = checkpoint_name(contents.state.step);
  if (latest_checkpoint_name(folder) != name) {
    throw WeightsError("it does not name " + name + ", as was written",
                       (folder / "latest").string(), "");
  }
  const fs::path checkpoint = folder / name;
  drop_from_memory(checkpoint);
  require_whole_files(checkpoint, read_checkpoint_record(checkpoint));
  require_same_bits(contents.model, checkpoint / "model.safetensors");
  require_same_bits(contents.ema, checkpoint / "ema.safetensors");
  require_same_bits(contents.optimizer, checkpoint / "optimizer.safetensors");
}

}  // namespace

SelfTest self_test_checkpoints(const fs::path& folder,
                               const std::function<void(const fs::path& checkpoint)>& written) {
  const Stopwatch watch;
  SelfTest test;
  try {
    const AtomicDirectory scratch(folder / "self-test", /*replace=*/true, ErrorKind::kWeights);
    const CheckpointContents contents = self_test_contents();
    test.bytes = write_checkpoint(scratch.path(), contents);
    if (written) written(scratch.path() / checkpoint_name(contents.state.step));
    require_read_back(scratch.path(), contents);
  } catch (const std::runtime_error& problem) {  // ours, and those of std::filesystem
    throw WeightsError(std::string("the self-test of checkpoints failed: ") + problem.what(),
                       folder.string(),
                       "choose a --run-dir on other storage, or ask who looks after this one");
  }
  test.seconds = watch.seconds();
  return test;
}

}  // namespace catamaran
