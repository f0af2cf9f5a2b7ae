// What `catamaran plan` knows of a step and a network: files that `catamaran bench step` and `bench
// allreduce` wrote, published throughputs, or an estimate from a configuration's cost.
//
//   const MeasuredStep step = read_step("step.json");
//   const Link link = read_link("network.json");
//   const MeasuredStep step = estimated_step(cost, published_seconds(gpu, cost, images), images);
//
// Errors: of ErrorKind::kUsage, with file and key, or the names that are known. Thread-safe.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "model/cost.h"
#include "trainer/plan_simulation.h"

namespace catamaran {

MeasuredStep read_step(const std::filesystem::path& file);

// The ring that would give the measured times: of `world` ranks, latency / (2 (world - 1)) a
// message, and the bus bandwidth. UsageError where the ranks were on several nodes.
Link read_link(const std::filesystem::path& file);

// Training throughput of a GPU that somebody published, and of what.
struct PublishedGpu {
  const char* name;
  double images_per_second;
  double gmac;  // of a forward pass of one image of that model
  const char* what;
  const char* source;
};
std::span<const PublishedGpu> published_gpus();
const PublishedGpu& published_gpu(const std::string& name);

// Of a step with `images` images, in proportion to the operations of a forward pass: an estimate.
double published_seconds(const PublishedGpu& gpu, const ModelCost& cost, int64_t images);

// Where only the whole step is known: a third of it is forward, two thirds backward, which goes
// through the parts from the last to the first, each in proportion to its operations, its gradients
// evenly spread over its time.
MeasuredStep estimated_step(const ModelCost& cost, double seconds, int64_t images);

}  // namespace catamaran
