#include "support/thread_stacks.h"

#include <cxxabi.h>
#include <execinfo.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

namespace catamaran {
namespace {

constexpr int kMostFrames = 48;
constexpr int kOfTheHandler = 2;  // frames: the handler, and the kernel's way back from it
constexpr std::chrono::milliseconds kPatience{100};
constexpr std::chrono::milliseconds kLook{1};

// The thread that is asked, and its answer. A handler can reach nothing but what lives for ever.
std::atomic<pid_t> asked{0};
std::atomic<int> answered{-1};
std::array<void*, kMostFrames> addresses;

int signal_number() { return SIGRTMIN + 3; }
pid_t this_thread() { return static_cast<pid_t>(::syscall(SYS_gettid)); }

extern "C" void write_down_addresses(int) {
  const int before = errno;
  if (asked.load() == this_thread()) answered.store(::backtrace(addresses.data(), kMostFrames));
  errno = before;
}

std::string readable(const char* symbol) {
  std::string text(symbol);
  const size_t begin = text.find('(');
  const size_t end = text.find_first_of("+)", begin == std::string::npos ? 0 : begin);
  if (begin == std::string::npos || end == std::string::npos || end == begin + 1) return text;
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(
      abi::__cxa_demangle(text.substr(begin + 1, end - begin - 1).c_str(), nullptr, nullptr,
                          &status),
      std::free);
  if (status == 0) text.replace(begin + 1, end - begin - 1, name.get());
  return text;
}

std::vector<std::string> texts_of(int from, int count) {
  std::vector<std::string> frames;
  const std::unique_ptr<char*, void (*)(void*)> symbols(
      ::backtrace_symbols(addresses.data(), count), std::free);
  if (!symbols) return frames;
  for (int f = from; f < count; ++f) frames.push_back(readable(symbols.get()[f]));
  return frames;
}

std::vector<std::string> frames_of(pid_t thread) {
  if (thread == this_thread()) return texts_of(1, ::backtrace(addresses.data(), kMostFrames));
  answered.store(-1);
  asked.store(thread);
  if (::syscall(SYS_tgkill, ::getpid(), thread, signal_number()) != 0) return {};
  const auto start = std::chrono::steady_clock::now();
  while (answered.load() < 0 && std::chrono::steady_clock::now() - start < kPatience)
    std::this_thread::sleep_for(kLook);
  asked.store(0);
  const int count = answered.load();
  return count < 0 ? std::vector<std::string>() : texts_of(std::min(kOfTheHandler, count), count);
}

std::string first_line_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

}  // namespace

void prepare_thread_stacks() {
  ::backtrace(addresses.data(), 1);  // loads the unwinder now, where memory may be asked for
  struct sigaction action {};
  action.sa_handler = write_down_addresses;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal_number(), &action, nullptr);
}

std::vector<ThreadStack> thread_stacks() {
  std::vector<ThreadStack> threads;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", code)) {
    ThreadStack thread;
    thread.id = std::atoi(entry.path().filename().c_str());
    thread.name = first_line_of(entry.path() / "comm");
    thread.frames = frames_of(thread.id);
    threads.push_back(std::move(thread));
  }
  std::ranges::sort(threads, {}, &ThreadStack::id);  // the first one is main's
  return threads;
}

}  // namespace catamaran
