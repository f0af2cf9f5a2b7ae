#include "dataio/picture_reader.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include "dataio/evaluation_crop.h"
#include "dataio/image.h"
#include "support/assert.h"
#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {
namespace {

constexpr int64_t kLargestFileBytes = int64_t{1} << 30;
constexpr auto kPatience = std::chrono::milliseconds(50);  // for a source that waits itself

struct Place {
  ReadPicture picture;
  std::exception_ptr failure;  // of the source: ends the stream here
  bool ready = false;
};

struct Tools {
  ImageDecoder decoder;
  std::vector<uint8_t> jpeg;
};

// WHERE: WHAT, without the advice at its end, which is for those who make packs.
std::string reason(const Error& problem) {
  std::string text = problem.what();
  const size_t advice = text.rfind("; " + problem.hint());
  if (!problem.hint().empty() && advice != std::string::npos) text.erase(advice);
  return text;
}

void read(ReadPicture& picture, const PictureReaderOptions& options, Tools& tools) {
  const int64_t size = options.size;
  try {
    read_picture_file(picture.name, tools.jpeg);
    const ImageSize whole = read_jpeg_size(tools.jpeg, picture.name);
    picture.pixels.resize(static_cast<size_t>(size * size * 3));
    tools.decoder.decode(tools.jpeg, evaluation_placement(whole, options.center_crop, size), size,
                         picture.pixels.data(), picture.name);
    return;
  } catch (const Error& problem) {
    picture.error = reason(problem);
  } catch (const std::exception& problem) {  // no memory for it
    picture.error = picture.name + ": " + problem.what();
  }
  picture.pixels.clear();
}

}  // namespace

void read_picture_file(const std::string& path, std::vector<uint8_t>& into) {
  std::error_code code;
  if (std::filesystem::exists(path, code) && !std::filesystem::is_regular_file(path, code))
    throw DataError("this is no file", path, "name a JPEG file");
  const FileDescriptor file = open_for_reading(path);
  const int64_t bytes = file_bytes(file, path);
  if (bytes > kLargestFileBytes)
    throw DataError("the file is larger than 1 GiB", path, "is it a photograph?");
  into.resize(static_cast<size_t>(bytes));
  read_exactly_at(file, 0, into.data(), bytes, path);
}

class PictureReader::Workers {
 public:
  Workers(PictureReaderOptions options, NameSource source)
      : options_(options), source_(std::move(source)) {
    for (int64_t i = 0; i < options_.threads; ++i)
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }

  std::optional<ReadPicture> next() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return front_ready() || at_end(); });
    return take_front();
  }

  std::optional<ReadPicture> next_unless_starved() {
    std::unique_lock lock(mutex_);
    while (!front_ready() && !at_end()) {
      const auto nothing_in_work = [&] { return queue_.empty() && asking_; };
      if (ready_.wait_for(lock, kPatience) == std::cv_status::timeout && nothing_in_work())
        return std::nullopt;
    }
    return take_front();
  }

 private:
  bool front_ready() const { return !queue_.empty() && queue_.front()->ready; }
  bool at_end() const { return queue_.empty() && ended_; }

  std::optional<ReadPicture> take_front() {
    if (at_end()) return std::nullopt;
    const std::shared_ptr<Place> front = queue_.front();
    if (front->failure) std::rethrow_exception(front->failure);
    queue_.pop_front();
    room_.notify_one();
    return std::move(front->picture);
  }

  void work(const std::stop_token& stop) {
    Tools tools;
    std::unique_lock lock(mutex_);
    while (true) {
      const bool may = room_.wait(
          lock, stop, [&] { return ended_ || (!asking_ && std::ssize(queue_) < options_.ahead); });
      if (!may || ended_ || stop.stop_requested()) return;
      const std::shared_ptr<Place> place = ask(lock, stop);
      if (!place) continue;
      lock.unlock();
      read(place->picture, options_, tools);
      lock.lock();
      place->ready = true;
      ready_.notify_one();
    }
  }

  // The next name's place in the queue; none at the end. Unlocks while the source thinks.
  std::shared_ptr<Place> ask(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
    asking_ = true;
    lock.unlock();
    auto place = std::make_shared<Place>();
    std::optional<std::string> name;
    try {
      name = source_(stop);
    } catch (...) {
      place->failure = std::current_exception();
    }
    lock.lock();
    asking_ = false;
    if (name) {
      place->picture.name = std::move(*name);
      queue_.push_back(place);
      room_.notify_one();
      return place;
    }
    ended_ = true;
    if (place->failure) {
      place->ready = true;
      queue_.push_back(place);
    }
    ready_.notify_one();
    room_.notify_all();
    return nullptr;
  }

  const PictureReaderOptions options_;
  const NameSource source_;

  std::mutex mutex_;
  std::condition_variable ready_;     // the front may be ready, or the end is known
  std::condition_variable_any room_;  // a place is free, or the source is
  std::deque<std::shared_ptr<Place>> queue_;
  bool asking_ = false;  // a worker is with the source
  bool ended_ = false;
  std::vector<std::jthread> threads_;  // last: stopped and joined before all else goes
};

PictureReader::PictureReader(PictureReaderOptions options, NameSource source) {
  CATAMARAN_ASSERT(options.size > 0 && options.threads > 0 && options.ahead > 0,
                   "the command line checked the numbers");
  workers_ = std::make_unique<Workers>(options, std::move(source));
}

PictureReader::~PictureReader() = default;

std::optional<ReadPicture> PictureReader::next() { return workers_->next(); }

std::vector<ReadPicture> PictureReader::next_batch(int64_t most) {
  std::vector<ReadPicture> batch;
  while (std::ssize(batch) < most) {
    std::optional<ReadPicture> picture =
        batch.empty() ? workers_->next() : workers_->next_unless_starved();
    if (!picture) break;
    batch.push_back(std::move(*picture));
  }
  return batch;
}

}  // namespace catamaran
