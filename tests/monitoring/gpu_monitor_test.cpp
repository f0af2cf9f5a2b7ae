// A GPU by way of NVML, with libraries that stand for NVIDIA's (tests/fakes/fake_nvml.c).
#include "monitoring/gpu_monitor.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <string>
#include <thread>

#include "support/clock.h"
#include "support/log_counts.h"

namespace catamaran {
namespace {

using namespace std::chrono_literals;

constexpr const char* kGpu = "0000:65:00.0";

// CATAMARAN_FAKE_NVML: the folder with the libraries, by what they lack.
std::string library(const std::string& kind) {
  return std::string(CATAMARAN_FAKE_NVML) + "/libfake_nvml_" + kind + ".so";
}

TEST(NvmlDevice, TellsInBaseUnitsHowAGpuIs) {
  const auto gpu = NvmlDevice::open(kGpu, library("whole"));
  ASSERT_NE(gpu, nullptr);
  EXPECT_EQ(gpu->uuid(), "GPU-0f0e0d0c-0000-1111-2222-333344445555");
  const GpuFigures figures = gpu->read();
  EXPECT_EQ(figures.memory_used_bytes, 21474836480.0);
  EXPECT_EQ(figures.memory_total_bytes, 85899345920.0);
  EXPECT_DOUBLE_EQ(figures.utilization_ratio, 0.97);
  EXPECT_EQ(figures.temperature_celsius, 61);
  EXPECT_DOUBLE_EQ(figures.power_watts, 312.5);
  EXPECT_EQ(figures.ecc_errors, 42) << "corrected and others";
}

TEST(NvmlDevice, IsNotThereWithoutLibraryDriverGpuOrFirstFunction) {
  const LogCounts counts;
  EXPECT_EQ(NvmlDevice::open(kGpu, "libno-such-library.so.1"), nullptr);
  EXPECT_EQ(NvmlDevice::open(kGpu, library("no_driver")), nullptr);
  EXPECT_EQ(NvmlDevice::open(kGpu, library("without_init")), nullptr);
  EXPECT_EQ(NvmlDevice::open("0000:01:00.0", library("whole")), nullptr);
  EXPECT_EQ(counts.warnings() + counts.errors(), 0) << "nothing is said of it";
}

TEST(NvmlDevice, LeavesOutWhatTheLibraryLacksAndTellsTheRest) {
  const auto gpu = NvmlDevice::open(kGpu, library("without_power"));
  ASSERT_NE(gpu, nullptr);
  EXPECT_TRUE(std::isnan(gpu->read().power_watts));
  EXPECT_EQ(gpu->read().temperature_celsius, 61);
}

TEST(NvmlDevice, KnowsNothingOfAGpuThatDoesNotAnswer) {
  const auto gpu = NvmlDevice::open(kGpu, library("failing"));
  ASSERT_NE(gpu, nullptr);
  EXPECT_EQ(gpu->uuid(), "");
  const GpuFigures figures = gpu->read();
  for (const double number :
       {figures.memory_used_bytes, figures.memory_total_bytes, figures.utilization_ratio,
        figures.temperature_celsius, figures.power_watts, figures.ecc_errors})
    EXPECT_TRUE(std::isnan(number));
}

TEST(NvmlDevice, ShutsTheLibraryDownAsOftenAsItStartedIt) {
  void* const same = ::dlopen(library("whole").c_str(), RTLD_NOW);
  ASSERT_NE(same, nullptr);
  const auto users = reinterpret_cast<int (*)()>(::dlsym(same, "fake_users"));
  ASSERT_NE(users, nullptr);
  {
    const auto gpu = NvmlDevice::open(kGpu, library("whole"));
    EXPECT_EQ(users(), 1);
  }
  EXPECT_EQ(NvmlDevice::open("0000:01:00.0", library("whole")), nullptr);
  EXPECT_EQ(users(), 0);
  ::dlclose(same);
}

TEST(GpuMonitor, HasTheNewestFiguresWithoutWaitingForThem) {
  const GpuMonitor gpu(kGpu, library("whole"), 5ms);
  EXPECT_EQ(gpu.uuid(), "GPU-0f0e0d0c-0000-1111-2222-333344445555");
  const Stopwatch watch;
  while (std::isnan(gpu.newest().power_watts) && watch.seconds() < 20)
    std::this_thread::sleep_for(1ms);
  EXPECT_DOUBLE_EQ(gpu.newest().power_watts, 312.5);
}

TEST(GpuMonitor, KnowsNothingWithoutNvml) {
  const GpuMonitor gpu(kGpu, "libno-such-library.so.1", 5ms);
  EXPECT_EQ(gpu.uuid(), "");
  EXPECT_TRUE(std::isnan(gpu.newest().temperature_celsius));
}

}  // namespace
}  // namespace catamaran
