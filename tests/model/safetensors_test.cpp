// safetensors both ways with the Python package, and hostile files.
#include "model/safetensors.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "golden.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

fs::path scratch(const std::string& name) {
  const fs::path folder = fs::path(testing::TempDir()) / "safetensors_test";
  fs::create_directories(folder);
  return folder / name;
}

fs::path write_raw(const std::string& header, const std::string& data = "",
                   uint64_t length_change = 0) {
  const fs::path path = scratch("raw.safetensors");
  std::ofstream file(path, std::ios::binary);
  const uint64_t length = header.size() + length_change;
  file.write(reinterpret_cast<const char*>(&length), 8);
  file << header << data;
  return path;
}

TEST(Safetensors, PythonReadsWhatWeWrite) {
  const fs::path path = scratch("ours.safetensors");
  const torch::Tensor weights = torch::arange(24, torch::kFloat32)
                                    .reshape({2, 3, 2, 2})
                                    .contiguous(at::MemoryFormat::ChannelsLast);
  write_safetensors(path,
                    {{"w", weights},
                     {"empty", torch::zeros({0, 3})},
                     {"n", torch::tensor(7, torch::kInt64)},
                     {"h", torch::ones({3}, torch::kBFloat16)}},
                    {{"format", "pt"}, {"note", "caf\u00e9"}});
  const std::string script =
      "import sys, torch; from safetensors import safe_open; f = safe_open(sys.argv[1], 'pt');"
      "assert f.metadata() == {'format': 'pt', 'note': 'caf\\u00e9'}, f.metadata();"
      "assert torch.equal(f.get_tensor('w'), torch.arange(24.).reshape(2, 3, 2, 2));"
      "assert f.get_tensor('empty').shape == (0, 3) and f.get_tensor('n').item() == 7;"
      "assert f.get_tensor('h').dtype == torch.bfloat16";
  const std::string command = CATAMARAN_PYTHON " -c \"" + script + "\" " + path.string();
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST(Safetensors, ReadsWhatPythonWrote) {
  const TensorFile file = read_safetensors(golden_folder() / "cat-default.weights.safetensors");
  EXPECT_TRUE(file.metadata.contains("catamaran.model"));
  EXPECT_FLOAT_EQ(file.tensors.at("alpha").item<float>(), 0.5f);
  EXPECT_EQ(file.tensors.at("backbone.bn1.num_batches_tracked").scalar_type(), torch::kInt64);
}

TEST(Safetensors, RefusesHostileFilesNamingWhatIsWrong) {
  const std::string tensor = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  EXPECT_EQ(read_safetensors(write_raw(tensor, "1234")).tensors.size(),
            1u);  // the pattern itself is fine
  const std::vector<std::tuple<std::string, std::string, uint64_t>> hostile = {
      {tensor, "123", 0},                                                          // data cut short
      {tensor, "12345", 0},                                                        // trailing byte
      {tensor, "1234", uint64_t{1} << 63},                                         // header length
      {tensor, "1234", 200'000'000},                                               //
      {"[1]", "", 0},                                                              // no object
      {"{", "", 0},                                                                //
      {R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", "1234", 0},    // type
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "1234", 0},    // size
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "1234", 0},   //
      {R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", "1234", 0},  //
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}})",
       "1234", 0},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", "1234", 0},  // order
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", "1234", 0},  // outside
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       "1234", 0},                                                                   // overlap
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "12345678", 0},  // hole
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       "1234", 0},  // twice
      {R"({"__metadata__":{"x":1},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234",
       0},                             // metadata type
      {std::string(200, '['), "", 0},  // depth
  };
  for (const auto& [header, data, change] : hostile) {
    const fs::path path = write_raw(header, data, change);
    try {
      read_safetensors(path);
      ADD_FAILURE() << "accepted: " << header;
    } catch (const Error& problem) {
      EXPECT_EQ(problem.kind(), ErrorKind::kWeights) << header;
      EXPECT_NE(std::string(problem.what()).find("raw.safetensors"), std::string::npos)
          << problem.what();
    }
  }
}

TEST(Safetensors, AMissingFileIsAWeightsErrorWithItsName) {
  try {
    read_safetensors(scratch("none.safetensors"));
    FAIL();
  } catch (const WeightsError& problem) {
    EXPECT_NE(std::string(problem.what()).find("none.safetensors"), std::string::npos);
  }
}

}  // namespace
}  // namespace catamaran
