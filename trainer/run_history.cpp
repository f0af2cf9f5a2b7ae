#include "trainer/run_history.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace catamaran {
namespace {

using nlohmann::json;

// What is no number is left out.
double number(const json& life, const char* key, double otherwise) {
  const auto found = life.is_object() ? life.find(key) : life.end();
  return found != life.end() && found->is_number() ? found->get<double>() : otherwise;
}

}  // namespace

RunHistory history_of(const json& lives, int64_t first_step) {
  RunHistory history;
  if (!lives.is_array()) return history;
  history.restarts = std::ssize(lives);
  for (const json& life : lives) {
    const double started = number(life, "started_unix_seconds", 0);
    const double first = history.first_start_unix_seconds;
    if (started > 0)
      history.first_start_unix_seconds = first > 0 ? std::min(first, started) : started;
    history.lost_steps += std::llround(std::clamp(number(life, "repeated_steps", 0), 0.0, 1e12));
  }
  for (auto life = lives.rbegin(); life != lives.rend(); ++life) {
    if (number(*life, "first_step", -1) != static_cast<double>(first_step)) break;
    ++history.restarts_without_progress;
  }
  return history;
}

}  // namespace catamaran
