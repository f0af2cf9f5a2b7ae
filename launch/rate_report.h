// What `catamaran lr-find` shows of a range test: text, JSON, picture.
//
//   std::fputs(rate_text(found, setting).c_str(), stdout);
//   write_png(path, rate_picture(found, setting));
//
// Thread-safe.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "drawing/picture.h"
#include "trainer/rate_search.h"

namespace catamaran {

struct RateSetting {
  std::string config;  // file
  double factor = 1;   // a rate times this is optimizer.learning_rate, before optimizer.scaling
};

std::string rate_text(const RateSearch& found, const RateSetting& setting);
nlohmann::json rate_json(const RateSearch& found, const RateSetting& setting);
Picture rate_picture(const RateSearch& found, const RateSetting& setting);

}  // namespace catamaran
