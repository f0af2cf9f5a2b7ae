// What a training step takes on n devices, by simulating its schedule: buckets of gradients become
// ready during backward and are summed in order, one at a time; what is not done when backward ends
// is exposed.
//
//   const StepPrediction one = predict_step(step, buckets, network, work, /*ranks=*/64);
//   one.seconds, one.exposed_seconds, one.limit
//
// The model, with n ranks, g of them on a node, m = n / g nodes, b bytes:
//   all-reduce  2 (g - 1) (latency + b / (g bandwidth)) inside a node: a ring, 2 (g - 1) messages,
//               + 2 ceil(log2 m) latency' + 2 (m - 1) / m b / bandwidth' between nodes: trees, as
//               NCCL's, with the bandwidth of a ring; bandwidth' is that of a node.
//   compute     of a micro-batch in proportion to its images; times ranks of a node / its cores
//               where there are more ranks than cores.
//   beside      exchange_share of each all-reduce's time is taken from the compute that it runs
//               beside (0: engines of its own; 1: the very core that computes).
//   waiting     all wait for the slowest of n: spread * compute * E[maximum of n standard normals],
//               by Blom's approximation.
//   step        max(parts (forward + backward) + exposed + waiting + optimizer,
//                   images of a rank / loader, bytes read and written / storage).
// Pure functions without torch; thread-safe. Times are seconds.
// Source: Thakur et al. 2005 (rings), Sanders et al. 2009 (double trees), Blom 1958.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/arena_layout.h"

namespace catamaran {

// A gradient, or a bucket of them, and when it is ready after backward began.
struct ReadyGradient {
  int64_t bytes = 0;
  double seconds = 0;
};

// A step of one device on `images` images.
struct MeasuredStep {
  int64_t images = 1;
  double forward_seconds = 0;  // all that goes before backward
  double backward_seconds = 0;
  double optimizer_seconds = 0;          // norm, optimizer, average of the weights
  double spread = 0;                     // standard deviation / mean of forward and backward
  std::vector<ReadyGradient> gradients;  // in the order in which they become ready
};

struct Link {
  double latency_seconds = 0;             // of a message
  double bandwidth_bytes_per_second = 0;  // 0: without limit
};

struct Network {
  int64_t ranks_per_node = 8;
  Link inside;   // of a device, in a ring through its node
  Link between;  // of a node
  double exchange_share = 0;
  int64_t cores_per_node = 0;  // ranks that compute at full speed side by side; 0: all
};

enum class Scaling { kWeak, kStrong };  // a device's batch is kept, or the global batch

struct Workload {
  Scaling scaling = Scaling::kWeak;
  int64_t per_device = 32;    // images of a micro-batch; at most, where the global batch is kept
  int64_t global_batch = 32;  // strong
  double loader_images_per_second = 0;  // of a rank; 0: without limit
  double storage_bytes_per_second = 0;  // of all ranks together; 0: without limit
  double image_bytes = 0;               // read for an image
  double checkpoint_bytes = 0;          // written for one
  double checkpoint_every_steps = 0;    // 0: checkpoint_every_epochs
  double checkpoint_every_epochs = 0;   // 0: none
  int64_t images_per_epoch = 0;
  double epochs = 0;
};

struct StepPrediction {
  int64_t ranks = 1;
  int64_t per_device = 0;  // images of a micro-batch
  int64_t parts = 1;       // micro-batches of a step
  int64_t global_batch = 0;
  double seconds = 0;
  double exchange_seconds = 0;  // of all buckets
  double exposed_seconds = 0;   // of them, after backward; and what they take from backward
  double waiting_seconds = 0;
  std::string limit;  // "compute", "loader", "storage"
  double images_per_second = 0;
  double efficiency = 0;  // images/s / (ranks x images/s of one rank)
  double epoch_seconds = 0;
  double device_hours = 0;  // of all epochs
};

double all_reduce_seconds(const Network& network, int64_t bytes, int64_t ranks);

// Cut as the reducer cuts them (trainer/arena_layout.h), in this order. Gradients are of fp32;
// value_bytes: of a value on its way between ranks.
std::vector<ReadyGradient> pack_buckets(const std::vector<ReadyGradient>& gradients,
                                        const BucketSizes& sizes, int64_t value_bytes = 4);

// From the start of backward to the end of both backward and the last bucket, less
// backward_seconds.
double exposed_seconds(const std::vector<ReadyGradient>& buckets, double backward_seconds,
                       const Network& network, int64_t ranks);

// False where the global batch cannot be split over so many ranks.
bool can_split(const Workload& work, int64_t ranks);

// buckets: of pack_buckets. ranks: one that can_split.
StepPrediction predict_step(const MeasuredStep& step, const std::vector<ReadyGradient>& buckets,
                            const Network& network, const Workload& work, int64_t ranks);

// E[maximum of n standard normals].
double expected_maximum(int64_t n);

}  // namespace catamaran
