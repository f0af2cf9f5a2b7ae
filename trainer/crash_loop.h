// Starts of a run that got no further: a job that fails at the same step each time is started again
// by its scheduler, and again, and would burn its share of the cluster without a new checkpoint.
//
//   note_failure(lives, failure);                  // of an earlier start, into its entry
//   const std::string told = failure_before(lives, failure);       // for the log of this one
//   if (const std::optional<Error> refusal = refusal_of_start(lives, start)) throw *refusal;
//
// A start counts where it began at the checkpoint that this one begins at, with the same
// configuration, and no end of it is recorded (trainer/manifest.h): it failed or was killed. One
// that was killed without a word counts less: clusters lose and preempt jobs that have no fault.
// Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "support/error.h"

namespace catamaran {

struct StartOfRun {
  int64_t first_step = 0;
  std::string config_sha256;
  // checkpoint.most_starts_without_progress: starts that failed; three times as many whatever their
  // end. 0: any number.
  int64_t most_without_progress = 0;
};

// lives: of manifest.json; failure: the failure.json that is there, null without one. To the entry
// of the start that wrote it ("start" there, "id" here; older files have neither), and to no other,
// adds "failure": cause, kind (kind_name of support/error.h) and step.
void note_failure(nlohmann::json& lives, const nlohmann::json& failure);

// A sentence that tells of it, and whether it is that of the newest life; empty without one.
std::string failure_before(const nlohmann::json& lives, const nlohmann::json& failure);

// Of the kind that the newest failure among them had, communication where none is known: a rank was
// lost.
std::optional<Error> refusal_of_start(const nlohmann::json& lives, const StartOfRun& start);

}  // namespace catamaran
