// BatchFeed: a loader's batches on the device. On a GPU the next one is on its way while the
// network works on this one: a thread of its own copies it from pinned memory and normalises it, on
// the side stream, so that the device holds two. On the CPU, where that would only take cores away,
// next() does it.
//
//   const SideStream side(device);                                      // once
//   BatchFeed feed(loader, {.input = options.model.input, .labels = rules}, device, side);
//   while (std::optional<FedBatch> batch = feed.next()) ... batch->in.x_BCHW ...
//
// Errors are those of Loader::next(), thrown by next() in their place. The loader must outlive it,
// and is its own until then, the counters aside. next(): one thread at a time; destruction stops
// the loader.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <optional>

#include "dataio/loader.h"
#include "trainer/device.h"
#include "trainer/device_batch.h"

namespace catamaran {

struct FedBatch {
  Batch host;  // its pixels are on the device already
  DeviceBatch in;
  double wait_seconds = 0;       // of next(), for the loader
  double to_device_seconds = 0;  // of next(), for the copy and what follows it; no more than that
};

struct FeedOptions {
  InputOptions input;
  LabelRules labels;
};

class BatchFeed {
 public:
  BatchFeed(Loader& loader, FeedOptions options, torch::Device device, const SideStream& side);
  // ahead: with a thread of its own, whatever the device.
  BatchFeed(Loader& loader, FeedOptions options, torch::Device device, const SideStream& side,
            bool ahead);
  BatchFeed(const BatchFeed&) = delete;
  BatchFeed& operator=(const BatchFeed&) = delete;
  ~BatchFeed();

  std::optional<FedBatch> next();

 private:
  class Ahead;

  std::optional<FedBatch> take();  // from the loader

  Loader& loader_;
  FeedOptions options_;
  torch::Device device_;
  std::unique_ptr<Ahead> ahead_;
};

}  // namespace catamaran
