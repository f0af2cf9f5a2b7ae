// NVIDIA's management library with one GPU, at 0000:65:00.0, for machines that have none. As a shared library, which
// tests/monitoring/gpu_monitor_test.cpp loads; compiled again with these it is another one:
//   -DWITHOUT_POWER    lacks a function           -DFAILING   every question fails, as for a GPU that fell off its bus
//   -DWITHOUT_INIT     lacks the first one        -DNO_DRIVER  the first one fails
#include <stdio.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_FOUND = 6, DRIVER_NOT_LOADED = 9, GPU_IS_LOST = 15 };
struct device {
  int opened;
};
struct memory {
  unsigned long long total, free, used;
};
struct utilization {
  unsigned int gpu, memory;
};
static struct device gpu;
static int initialised;

#ifdef FAILING
#define ANSWER return GPU_IS_LOST
#else
#define ANSWER return device == &gpu && initialised > 0 ? SUCCESS : INVALID_ARGUMENT
#endif

#ifndef WITHOUT_INIT
int nvmlInit_v2(void) {
#ifdef NO_DRIVER
  return DRIVER_NOT_LOADED;
#else
  ++initialised;
  return SUCCESS;
#endif
}
#endif

int nvmlShutdown(void) {
  --initialised;
  return SUCCESS;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *pci_bus_id, struct device **device) {
  if (strcmp(pci_bus_id, "0000:65:00.0") != 0) return NOT_FOUND;
  *device = &gpu;
  return SUCCESS;
}

int nvmlDeviceGetUUID(struct device *device, char *uuid, unsigned int length) {
  snprintf(uuid, length, "GPU-0f0e0d0c-0000-1111-2222-333344445555");
  ANSWER;
}

int nvmlDeviceGetMemoryInfo(struct device *device, struct memory *memory) {
  memory->total = 85899345920ULL;
  memory->free = 64424509440ULL;
  memory->used = 21474836480ULL;
  ANSWER;
}

int nvmlDeviceGetUtilizationRates(struct device *device, struct utilization *rates) {
  rates->gpu = 97;
  rates->memory = 42;
  ANSWER;
}

int nvmlDeviceGetTemperature(struct device *device, int sensor, unsigned int *celsius) {
  if (sensor != 0) return INVALID_ARGUMENT;
  *celsius = 61;
  ANSWER;
}

#ifndef WITHOUT_POWER
int nvmlDeviceGetPowerUsage(struct device *device, unsigned int *milliwatts) {
  *milliwatts = 312500;
  ANSWER;
}
#endif

int nvmlDeviceGetTotalEccErrors(struct device *device, int kind, int counter, unsigned long long *errors) {
  if (counter != 0) return INVALID_ARGUMENT;
  *errors = kind == 0 ? 40 : 2;
  ANSWER;
}

int fake_users(void) { return initialised; }
