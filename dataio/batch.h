// Batch: host bytes on their way to the device, in a buffer that the caller's allocator made
// (pinned for a GPU). Moving a Batch moves the buffer's ownership; destroying it gives the buffer
// back to its pool. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "dataio/sample_fault.h"

namespace catamaran {

// Allocates `bytes` of host memory whose deleter frees it; the default is plain memory.
using HostBuffer = std::shared_ptr<uint8_t>;
using HostAllocator = std::function<HostBuffer(int64_t bytes)>;
HostAllocator plain_host_allocator();

struct Batch {
  int64_t images = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t classes = 0;
  HostBuffer pixels;             // uint8, images x height x width x 3 (NHWC, RGB)
  std::vector<int8_t> labels;    // images x classes, in {1, 0, -1}
  std::vector<int64_t> indices;  // image of the pack that was used, per image
  // Of mixup and CutMix, per image: how much of it is its own (1: all); the rest is of the other of
  // its pair, image i ^ 1. Empty where nothing mixes.
  std::vector<float> own_share;
  FaultCounts faults{};  // images in whose place others are, by what was wrong with them
};

}  // namespace catamaran
