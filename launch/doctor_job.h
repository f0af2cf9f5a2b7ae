// What follows from what ranks found alone, and what they can only find out together: whether MPI
// brings them together, clocks, sums of gradients and their bandwidth, storage between nodes, and
// products on every rank's device.
//
//   judge_alone(request, facts, report);                           // without MPI
//   check_together(request, launcher, facts, session, report);     // on every rank
//
// Rank 0 asks all ranks before each part (comm/rank_mail.h), so that one that is silent is named,
// and goes on only while all are there: a part whose collective would wait is not begun. What a
// rank meets is a finding of its own on rank 0; on the others the report stays as it was. Returns
// whether training is forbidden, the same on every rank that was heard. Errors: CommError where MPI
// itself fails. Only the thread that runs the step loop.
#pragma once

#include "comm/mpi_session.h"
#include "launch/doctor_probes.h"

namespace catamaran {

void judge_alone(const DoctorRequest& request, const RankFacts& facts, DoctorReport& report);

bool check_together(const DoctorRequest& request, const LauncherFacts& launcher,
                    const RankFacts& facts, MpiSession& session, DoctorReport& report);

}  // namespace catamaran
