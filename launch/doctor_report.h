// What doctor found, on which hosts and ranks: gathered from all, grouped, and written for people
// and for programs.
//
//   DoctorReport report;
//   report.add({failure("gpu-memory", "...", "..."), "n3", 24});
//   std::fputs(report_text(report.grouped(), frame).c_str(), stdout);
//
//   fail  gpu-memory on n3 (rank 24): 2 uncorrectable errors ...; leave the node out ...
//   ok    mpi on n[1-8] (ranks 0-63): Open MPI v4.1.4, ...
//   doctor: 64 ranks on 8 hosts in 21.4 s: n3 must not train
//
// One line a finding. Findings of the same words are one, with all their hosts and ranks; those
// that are fine are one by topic, since they differ in numbers alone. The heaviest come first.
// JSON: docs/doctor.md. Thread-safe: DoctorReport, which the thread that watches the time reads;
// the others are pure functions.
#pragma once

#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/finding.h"

namespace catamaran {

struct LocatedFinding {
  Finding finding;
  std::string host;
  int rank = 0;
};

struct GroupedFinding {
  Finding finding;
  std::vector<std::string> hosts;  // in order, each once
  std::vector<int> ranks;          // likewise
};

// Whom the whole is about.
struct ReportFrame {
  int64_t world = 1;
  std::vector<std::string> hosts;  // in order, each once
  bool quick = false;
  double seconds = 0;
};

class DoctorReport {
 public:
  void add(LocatedFinding finding);
  void add(const std::vector<Finding>& findings, const std::string& host, int rank);
  // What is being done, for whom it takes too long.
  void begin(const std::string& stage);
  std::string stage() const;
  // The hosts of all ranks, in any order, as far as they are known.
  void set_ranks(const std::vector<std::string>& host_of_rank);
  ReportFrame frame(bool quick, double seconds) const;

  std::vector<GroupedFinding> grouped() const;
  bool forbids_training() const;  // there is a failure
  bool has_failure(const std::string& topic) const;

 private:
  mutable std::mutex mutex_;
  std::vector<LocatedFinding> findings_;
  std::string stage_;
  ReportFrame frame_;
};

std::string line_of(const GroupedFinding& group);  // with a newline
std::string report_text(const std::vector<GroupedFinding>& findings, const ReportFrame& frame);
nlohmann::json report_json(const std::vector<GroupedFinding>& findings, const ReportFrame& frame);

}  // namespace catamaran
