#include "monitoring/nvml_device.h"

#include <dlfcn.h>

#include <array>
#include <cmath>
#include <utility>

#include "support/handle.h"

namespace catamaran {
namespace {

// What of NVML's interface is used here, as its reference has it.
using Result = int;
constexpr Result kSuccess = 0;
using Device = struct NvmlOpaqueDevice*;
struct Memory {
  unsigned long long total, free, used;  // bytes
};
struct Utilization {
  unsigned int gpu, memory;  // percent of the time
};
constexpr int kTemperatureOfGpu = 0;
constexpr std::array kKindsOfMemoryError = {0, 1};  // corrected, uncorrected
constexpr int kSinceDriverLoaded = 0;               // "volatile"
constexpr size_t kUuidBytes = 96;

struct LibraryTraits {
  using type = void*;
  static constexpr type empty() { return nullptr; }
  static void close(type library) noexcept { ::dlclose(library); }
};

double or_nan(Result result, double value) { return result == kSuccess ? value : std::nan(""); }

}  // namespace

struct NvmlDevice::Calls {
  explicit Calls(const std::string& name) : library(::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    find(initialise, "nvmlInit_v2");
    find(shut_down, "nvmlShutdown");
    find(handle_by_pci, "nvmlDeviceGetHandleByPciBusId_v2");
    find(get_uuid, "nvmlDeviceGetUUID");
    find(get_memory, "nvmlDeviceGetMemoryInfo");
    find(get_utilization, "nvmlDeviceGetUtilizationRates");
    find(get_temperature, "nvmlDeviceGetTemperature");
    find(get_milliwatts, "nvmlDeviceGetPowerUsage");
    find(get_ecc_errors, "nvmlDeviceGetTotalEccErrors");
  }
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  ~Calls() {
    if (is_initialised && shut_down != nullptr) shut_down();
  }

  bool open(const std::string& pci_bus_id) {
    if (initialise == nullptr || handle_by_pci == nullptr) return false;
    is_initialised = initialise() == kSuccess;
    return is_initialised && handle_by_pci(pci_bus_id.c_str(), &device) == kSuccess;
  }

  template <typename Function>
  void find(Function*& function, const char* name) {
    if (library) function = reinterpret_cast<Function*>(::dlsym(library.get(), name));
  }

  Handle<LibraryTraits> library;
  Result (*initialise)() = nullptr;
  Result (*shut_down)() = nullptr;
  Result (*handle_by_pci)(const char* pci_bus_id, Device* device) = nullptr;
  Result (*get_uuid)(Device device, char* uuid, unsigned int bytes) = nullptr;
  Result (*get_memory)(Device device, Memory* memory) = nullptr;
  Result (*get_utilization)(Device device, Utilization* rates) = nullptr;
  Result (*get_temperature)(Device device, int sensor, unsigned int* celsius) = nullptr;
  Result (*get_milliwatts)(Device device, unsigned int* milliwatts) = nullptr;
  Result (*get_ecc_errors)(Device device, int kind, int counter,
                           unsigned long long* errors) = nullptr;
  bool is_initialised = false;
  Device device = nullptr;
};

NvmlDevice::NvmlDevice(std::unique_ptr<Calls> calls) : calls_(std::move(calls)) {}

NvmlDevice::~NvmlDevice() = default;

std::unique_ptr<NvmlDevice> NvmlDevice::open(const std::string& pci_bus_id,
                                             const std::string& library) {
  auto calls = std::make_unique<Calls>(library);
  if (!calls->open(pci_bus_id)) return nullptr;
  return std::unique_ptr<NvmlDevice>(new NvmlDevice(std::move(calls)));
}

std::string NvmlDevice::uuid() const {
  std::array<char, kUuidBytes> text{};
  const Calls& nvml = *calls_;
  const bool known = nvml.get_uuid != nullptr &&
                     nvml.get_uuid(nvml.device, text.data(), kUuidBytes - 1) == kSuccess;
  return known ? text.data() : "";
}

GpuFigures NvmlDevice::read() const {
  const Calls& nvml = *calls_;
  GpuFigures figures;
  if (nvml.get_memory != nullptr) {
    Memory memory{};
    const Result result = nvml.get_memory(nvml.device, &memory);
    figures.memory_used_bytes = or_nan(result, static_cast<double>(memory.used));
    figures.memory_total_bytes = or_nan(result, static_cast<double>(memory.total));
  }
  if (nvml.get_utilization != nullptr) {
    Utilization rates{};
    const Result result = nvml.get_utilization(nvml.device, &rates);
    figures.utilization_ratio = or_nan(result, rates.gpu / 100.0);
  }
  if (nvml.get_temperature != nullptr) {
    unsigned int celsius = 0;
    const Result result = nvml.get_temperature(nvml.device, kTemperatureOfGpu, &celsius);
    figures.temperature_celsius = or_nan(result, celsius);
  }
  if (nvml.get_milliwatts != nullptr) {
    unsigned int milliwatts = 0;
    const Result result = nvml.get_milliwatts(nvml.device, &milliwatts);
    figures.power_watts = or_nan(result, milliwatts / 1000.0);
  }
  if (nvml.get_ecc_errors == nullptr) return figures;
  figures.ecc_errors = 0;
  for (const int kind : kKindsOfMemoryError) {
    unsigned long long errors = 0;
    const Result result = nvml.get_ecc_errors(nvml.device, kind, kSinceDriverLoaded, &errors);
    figures.ecc_errors += or_nan(result, static_cast<double>(errors));
  }
  return figures;
}

}  // namespace catamaran
