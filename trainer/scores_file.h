// Reads scores.h5 back, for the pack that it was made of (trainer/api.h writes it).
//
//   const ScoreTable table = read_scores("scores.h5", pack);    // labels are the pack's
//
// Errors: DataError for a file that is none, and where classes or ids are not the pack's, in its
// order: scores of another pack would rank the wrong images. One thread at a time.
#pragma once

#include <filesystem>

#include "dataio/pack_reader.h"
#include "evaluation/score_table.h"

namespace catamaran {

ScoreTable read_scores(const std::filesystem::path& path, const PackReader& pack);

}  // namespace catamaran
