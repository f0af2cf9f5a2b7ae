// What TensorBoard's event files are made of: records, each an Event in protocol buffers' form.
//
//   file.append(event_record(file_version_event(unix_seconds())));         // the first of a file
//   file.append(event_record(scalars_event(now, 7, {{.tag = "train/loss", .value = 0.3}})));
//
// A record is the length of the event (8 bytes), the masked CRC-32C of these 8, the event, and its
// masked CRC-32C, all little-endian. Sources: tensorboard/compat/proto/event.proto and
// summary.proto, and the reader in tensorboard/compat/tensorflow_stub/pywrap_tensorflow.py of
// github.com/tensorflow/tensorboard. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace catamaran {

uint32_t masked_crc32c(std::string_view bytes);
std::string event_record(std::string_view event);

struct EventScalar {
  std::string tag;        // "train/loss": the part before the slash is the heading
  double value = 0;       // written as float32; one that is not finite is shown as such
  bool is_first = false;  // of its tag in this file: says which plugin shows it
};

std::string file_version_event(double wall_seconds);
// A start of the run: what readers know of this step and later ones is void. The first one that
// they meet in a folder voids nothing, so that every start has to tell it.
std::string session_start_event(double wall_seconds, int64_t step);
std::string scalars_event(double wall_seconds, int64_t step,
                          const std::vector<EventScalar>& scalars);

}  // namespace catamaran
