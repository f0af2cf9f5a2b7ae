// What a process can find out alone, before MPI is up: its limits, CPUs, GPUs, libraries, names and
// ports, and the storage of a run directory. Each probe that may hang has a time of its own, and
// becomes a finding where it does not come back.
//
//   const RankFacts facts = probe_alone(request, launcher, report);
//
// Rank, host findings and time-outs: launch/doctor_facts.h. A thread that was left behind
// (support/bounded_call.h) may still be there at the end: the process should end by _exit then.
// Errors: std::system_error where no thread can be had. One thread at a time.
#pragma once

#include <filesystem>
#include <string>

#include "comm/launcher.h"
#include "launch/doctor_facts.h"
#include "launch/doctor_report.h"
#include "trainer/options.h"

namespace catamaran {

struct DoctorRequest {
  RunOptions options;             // of --config, else the defaults
  std::string configuration;      // its resolved text; empty: none was given
  std::filesystem::path run_dir;  // empty: its storage is not looked at
  bool quick = false;
};

RankFacts probe_alone(const DoctorRequest& request, const LauncherFacts& launcher,
                      DoctorReport& report);

}  // namespace catamaran
