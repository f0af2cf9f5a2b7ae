// PictureReader: worker threads read and decode pictures ahead of the model, delivered in the order
// of their names, at most `ahead` of them at a time; so memory does not grow with their number.
//
//   PictureReader reader({.size = 448, .threads = 2, .ahead = 32},
//                        [&](const std::stop_token& stop) { return inputs.next(stop); });
//   while (std::optional<ReadPicture> picture = reader.next()) ...
//
// A picture that cannot be read or decoded is delivered in its place with the reason in `error`.
// next_batch(n) waits for n pictures, yet gives what there is once the source has nothing more to
// name at the moment, so that somebody who types names gets answers. The source is called by one
// worker at a time; what it throws is thrown by next() in its place. Destruction asks the source to
// stop and waits for it. next(), next_batch(): one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace catamaran {

// The bytes of a file, whose capacity is reused. DataError for what is no regular file, for more
// than 1 GiB, and for what cannot be read.
void read_picture_file(const std::string& path, std::vector<uint8_t>& into);

struct PictureReaderOptions {
  int64_t size = 448;       // side of the square, pixels
  int64_t center_crop = 0;  // EvaluationCrop::shorter_side
  int64_t threads = 1;      // > 0
  int64_t ahead = 16;       // > 0
};

struct ReadPicture {
  std::string name;
  std::vector<uint8_t> pixels;  // size x size x 3; empty where there is an error
  std::string error;
};

using NameSource = std::function<std::optional<std::string>(const std::stop_token& stop)>;

class PictureReader {
 public:
  PictureReader(PictureReaderOptions options, NameSource source);
  PictureReader(const PictureReader&) = delete;
  PictureReader& operator=(const PictureReader&) = delete;
  ~PictureReader();

  std::optional<ReadPicture> next();
  // Between 1 and `most` pictures; none at the end.
  std::vector<ReadPicture> next_batch(int64_t most);

 private:
  class Workers;
  std::unique_ptr<Workers> workers_;
};

}  // namespace catamaran
