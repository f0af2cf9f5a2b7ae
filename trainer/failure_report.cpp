#include "trainer/failure_report.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "support/clock.h"
#include "support/json.h"
#include "support/text.h"
#include "trainer/memory_guess.h"

namespace catamaran {
namespace {

constexpr ErrorKind kKind = ErrorKind::kInternal;
constexpr int kFormatVersion = 1;
constexpr double kSilence = 3;  // seconds without a heartbeat: one comes every second

constexpr std::array<FaultClass, 4> kFaults = {FaultClass::kUnknown, FaultClass::kRetryable,
                                               FaultClass::kBadNode, FaultClass::kBug};

constexpr std::array<std::pair<RankEnd, const char*>, 7> kEnds = {{
    {RankEnd::kFailed, "failed"},
    {RankEnd::kEnded, "ended by the launcher"},
    {RankEnd::kAlive, "alive"},
    {RankEnd::kStopped, "stopped"},
    {RankEnd::kStorage, "waits in the kernel"},
    {RankEnd::kGone, "gone"},
    {RankEnd::kSilent, "silent"},
}};

std::string name_of(RankEnd end) {
  return std::ranges::find(kEnds, end, &std::pair<RankEnd, const char*>::first)->second;
}

RankEnd end_of(const std::string& name, const std::string& where) {
  for (const auto& [end, known] : kEnds) {
    if (name == known) return end;
  }
  throw_json_field("state", "has an unknown value", where, kKind);
}

// What an error is taken for, in a rank's file and in failure.json alike; older ones have neither
// key.
void write_fault(nlohmann::json& root, FaultClass fault, const std::vector<std::string>& hosts) {
  root["kind"] = name_of(fault);
  root["exclude_hosts"] = hosts;
}

template <typename Record>
void read_fault(const nlohmann::json& json, const std::string& where, Record& record) {
  if (!json.contains("kind")) return;
  const auto name = json_field<std::string>(json, "kind", where, kKind);
  const auto known =
      std::ranges::find_if(kFaults, [&](FaultClass fault) { return name == name_of(fault); });
  if (known == kFaults.end()) throw_json_field("kind", "has an unknown value", where, kKind);
  record.fault = *known;
  record.bad_hosts = json_field<std::vector<std::string>>(json, "exclude_hosts", where, kKind);
}

nlohmann::json json_of(const CollectiveState& state) {
  return {{"started", state.started}, {"finished", state.finished}, {"oldest", state.oldest}};
}

CollectiveState collectives_from(const nlohmann::json& json, const std::string& where) {
  return {.started = json_field<int64_t>(json, "started", where, kKind),
          .finished = json_field<int64_t>(json, "finished", where, kKind),
          .oldest = json_field<std::string>(json, "oldest", where, kKind)};
}

std::string who(const RankRecord& r) {
  return text("rank %d (process %ld on %s)", r.rank, r.process, r.host.c_str());
}

template <typename Condition>
std::string all_of(const std::vector<RankRecord>& ranks, const Condition& condition) {
  constexpr int kMost = 4;
  std::string names;
  int count = 0;
  for (const RankRecord& r : ranks) {
    if (!condition(r) || ++count > kMost) continue;
    names += (names.empty() ? "" : ", ") + who(r);
  }
  return count > kMost ? names + text(" and %d more", count - kMost) : names;
}

std::string all_of(const std::vector<RankRecord>& ranks, RankEnd end) {
  return all_of(ranks, [end](const RankRecord& r) { return r.end == end; });
}

bool wrote(const RankRecord& r) { return r.end == RankEnd::kFailed || r.end == RankEnd::kEnded; }

bool still_sends(const RankRecord& r) { return r.heartbeat && r.heartbeat->seconds_ago < kSilence; }

bool fell_silent(const RankRecord& r) {
  return r.end == RankEnd::kSilent && r.heartbeat && !still_sends(r);
}

int64_t started(const RankRecord& r) { return r.gradients.started + r.sums.started; }

// Where a rank that could not write was when it was heard last.
std::string last_words(const RankRecord& r) {
  if (!r.heartbeat) return "";
  const Heartbeat& last = r.heartbeat->newest;
  return text("; rank %d's last heartbeat came from step %ld, %s", r.rank, last.step,
              last.place.c_str());
}

template <typename Condition>
std::string words_on_first(const std::vector<RankRecord>& ranks, const Condition& condition) {
  const auto first = std::ranges::find_if(ranks, condition);
  return first == ranks.end() ? "" : last_words(*first) + memory_guess(ranks, *first);
}

// What a rank that could still write was waiting for.
std::string waiting_text(const std::vector<RankRecord>& ranks) {
  for (const RankRecord& r : ranks) {
    if (!wrote(r)) continue;
    const std::string& oldest = r.gradients.oldest.empty() ? r.sums.oldest : r.gradients.oldest;
    return text("; rank %d was in step %ld, %s", r.rank, r.step, r.place.c_str()) +
           (oldest.empty() ? "" : ", and waited for " + oldest);
  }
  return "";
}

// What each of the first ranks that could write waits for, where that is not the same.
std::string different_waits_text(const std::vector<RankRecord>& ranks) {
  constexpr int kMost = 4;
  std::string words;
  std::string first;
  bool differ = false;
  int count = 0;
  for (const RankRecord& r : ranks) {
    const std::string& oldest = r.gradients.oldest.empty() ? r.sums.oldest : r.gradients.oldest;
    if (!wrote(r) || oldest.empty() || ++count > kMost) continue;
    const std::string operation =
        (r.gradients.oldest.empty() ? "a sum for the step, " : "gradients, ") + oldest;
    if (count == 1) first = operation;
    differ = differ || operation != first;
    words += text("%srank %d for %s", count == 1 ? "" : ", ", r.rank, operation.c_str());
  }
  return differ ? "they wait for different collectives: " + words : "";
}

// Those that have started fewer collectives than others have: the others wait for them.
std::string laggards_text(const std::vector<RankRecord>& ranks) {
  int64_t most = 0;
  int64_t fewest = INT64_MAX;
  const RankRecord* last = nullptr;
  for (const RankRecord& r : ranks) {
    if (!wrote(r)) continue;
    most = std::max(most, started(r));
    if (started(r) < fewest) {
      fewest = started(r);
      last = &r;
    }
  }
  if (last == nullptr || fewest == most) return "";
  return who(*last) +
         text(
             " is behind: it has started %ld collectives and others %ld; it stood in step %ld, %s, "
             "for %.1f s",
             fewest, most, last->step, last->place.c_str(), last->still_seconds);
}

// The one that hangs: it has written nothing, its heartbeats arrive, and it has started fewer
// collectives than those that wait.
std::string hung_text(const std::vector<RankRecord>& ranks) {
  int64_t most = 0;
  for (const RankRecord& r : ranks) {
    if (wrote(r)) most = std::max(most, started(r));
  }
  const RankRecord* last = nullptr;
  for (const RankRecord& r : ranks) {
    if (wrote(r) || !still_sends(r) || r.heartbeat->newest.collectives >= most) continue;
    // One that was killed a moment ago looks the same, but for how long it has stood.
    if (r.heartbeat->newest.still_seconds + r.heartbeat->seconds_ago < kSilence) continue;
    if (last == nullptr || r.heartbeat->newest.collectives < last->heartbeat->newest.collectives)
      last = &r;
  }
  if (last == nullptr) return "";
  const auto& [newest, seconds_ago] = *last->heartbeat;
  return who(*last) +
         text(
             " hangs: its heartbeats arrive, and it has started %ld collectives and others %ld; it "
             "stood in step %ld, %s, for %.1f s",
             newest.collectives, most, newest.step, newest.place.c_str(),
             newest.still_seconds + seconds_ago);
}

nlohmann::json heartbeat_json(const HeardHeartbeat& heard) {
  const Heartbeat& beat = heard.newest;
  return {{"seconds_ago", heard.seconds_ago},
          {"step", beat.step},
          {"place", beat.place},
          {"still_seconds", beat.still_seconds},
          {"collectives", beat.collectives},
          {"resident_bytes", beat.resident_bytes},
          {"shared_bytes", beat.shared_bytes},
          {"limit_bytes", beat.limit_bytes}};
}

HeardHeartbeat heartbeat_from_json(const nlohmann::json& json, const std::string& where) {
  HeardHeartbeat heard;
  Heartbeat& beat = heard.newest;
  beat.rank = json_field<int>(json, "rank", where, kKind);
  beat.step = json_field<int64_t>(json, "step", where, kKind);
  beat.place = json_field<std::string>(json, "place", where, kKind);
  beat.still_seconds = json_field<double>(json, "still_seconds", where, kKind);
  beat.collectives = json_field<int64_t>(json, "collectives", where, kKind);
  beat.resident_bytes = json_field<int64_t>(json, "resident_bytes", where, kKind);
  beat.shared_bytes = json_field<int64_t>(json, "shared_bytes", where, kKind);
  beat.limit_bytes = json_field<int64_t>(json, "limit_bytes", where, kKind);
  heard.seconds_ago = json_field<double>(json, "seconds_ago", where, kKind);
  return heard;
}

}  // namespace

void share_heartbeats(std::vector<RankRecord>& ranks) {
  const auto ear = std::ranges::find(ranks, true, &RankRecord::listens);
  if (ear == ranks.end()) return;
  for (const HeardHeartbeat& heard : ear->heard) {
    if (const auto of = std::ranges::find(ranks, heard.newest.rank, &RankRecord::rank);
        of != ranks.end())
      of->heartbeat = heard;
  }
}

nlohmann::json record_json(const RankRecord& r) {
  nlohmann::json root = {
      {"rank", r.rank}, {"host", r.host}, {"process", r.process}, {"state", name_of(r.end)}};
  if (!wrote(r)) return root;
  root["error"] = r.error;
  root["error_of_communication"] = r.error_of_communication;
  write_fault(root, r.fault, r.bad_hosts);
  if (!r.error_kind.empty()) root["error_kind"] = r.error_kind;
  root["step"] = r.step;
  root["place"] = r.place;
  root["still_seconds"] = r.still_seconds;
  root["gradients"] = json_of(r.gradients);
  root["sums"] = json_of(r.sums);
  root["threads"] = nlohmann::json::array();
  for (const ThreadStack& thread : r.stacks)
    root["threads"].push_back(
        {{"id", thread.id}, {"name", thread.name}, {"frames", thread.frames}});
  if (!r.listens) return root;
  root["heard"] = nlohmann::json::array();
  for (const HeardHeartbeat& heard : r.heard) {
    root["heard"].push_back(heartbeat_json(heard));
    root["heard"].back()["rank"] = heard.newest.rank;
  }
  return root;
}

RankRecord record_from_json(const nlohmann::json& json, const std::string& where) {
  RankRecord r;
  r.rank = json_field<int>(json, "rank", where, kKind);
  r.host = json_field<std::string>(json, "host", where, kKind);
  r.process = json_field<int64_t>(json, "process", where, kKind);
  r.end = end_of(json_field<std::string>(json, "state", where, kKind), where);
  if (!wrote(r)) return r;
  r.error = json_field<std::string>(json, "error", where, kKind);
  r.error_of_communication = json_field<bool>(json, "error_of_communication", where, kKind);
  read_fault(json, where, r);
  if (json.contains("error_kind"))
    r.error_kind = json_field<std::string>(json, "error_kind", where, kKind);
  r.step = json_field<int64_t>(json, "step", where, kKind);
  r.place = json_field<std::string>(json, "place", where, kKind);
  r.still_seconds = json_field<double>(json, "still_seconds", where, kKind);
  r.gradients =
      collectives_from(json_field<nlohmann::json>(json, "gradients", where, kKind), where);
  r.sums = collectives_from(json_field<nlohmann::json>(json, "sums", where, kKind), where);
  for (const nlohmann::json& thread : json_field<nlohmann::json>(json, "threads", where, kKind)) {
    r.stacks.push_back(
        {.id = json_field<int>(thread, "id", where, kKind),
         .name = json_field<std::string>(thread, "name", where, kKind),
         .frames = json_field<std::vector<std::string>>(thread, "frames", where, kKind)});
  }
  r.listens = json.contains("heard");
  if (!r.listens) return r;
  for (const nlohmann::json& heard : json_field<nlohmann::json>(json, "heard", where, kKind))
    r.heard.push_back(heartbeat_from_json(heard, where));
  return r;
}

FailureCause cause_of(const std::vector<RankRecord>& ranks) {
  enum Weight { kNothing, kGuess, kWritten, kKernel };
  // An error that is no loss of another rank comes first: it is why the others lost that one.
  for (const RankRecord& r : ranks) {
    if (r.end == RankEnd::kFailed && !r.error_of_communication)
      return {who(r) + " failed: " + r.error, FailureCause::kOwnError, r.fault, r.bad_hosts};
  }
  const std::string waiting = waiting_text(ranks);
  constexpr std::array<std::pair<RankEnd, const char*>, 3> kStates = {{
      {RankEnd::kGone,
       ": gone without a word, killed or crashed (look for the kernel's out-of-memory killer in "
       "dmesg)"},
      {RankEnd::kStopped, ": stopped by a signal (SIGSTOP, a debugger, the scheduler)"},
      {RankEnd::kStorage, ": waits in the kernel, as for storage that does not answer"},
  }};
  for (const auto& [end, words] : kStates) {
    const auto is_so = [end = end](const RankRecord& r) { return r.end == end; };
    if (const std::string those = all_of(ranks, is_so); !those.empty())
      return {those + words +
                  (end == RankEnd::kGone ? words_on_first(ranks, is_so) : std::string()) + waiting,
              kKernel};
  }
  if (const std::string silent = all_of(ranks, fell_silent); !silent.empty()) {
    const auto first = std::ranges::find_if(ranks, fell_silent);
    return {text("no heartbeat for %.1f s from ", first->heartbeat->seconds_ago) + silent +
                ": its process or its host is gone or stopped" +
                words_on_first(ranks, fell_silent) + waiting,
            kWritten};
  }
  const auto lost = std::ranges::find(ranks, true, &RankRecord::error_of_communication);
  if (lost == ranks.end()) return {"", kNothing};
  if (const std::string hung = hung_text(ranks); !hung.empty()) return {hung + waiting, kWritten};
  const auto unheard = [](const RankRecord& r) {
    return r.end == RankEnd::kSilent && !r.heartbeat;
  };
  if (const std::string silent = all_of(ranks, unheard); !silent.empty()) {
    const bool listened = std::ranges::any_of(ranks, &RankRecord::listens);
    return {"no word from " + silent +
                (listened ? " (nor was a heartbeat ever seen)" : std::string()) +
                ": look at its node" + waiting,
            kGuess};
  }
  const std::string waits = different_waits_text(ranks);
  if (const std::string behind = laggards_text(ranks); !behind.empty())
    return {waits.empty() ? behind : behind + "; " + waits, kWritten};
  const auto just_heard = [](const RankRecord& r) {
    return r.end == RankEnd::kSilent && still_sends(r);
  };
  if (const std::string silent = all_of(ranks, just_heard); !silent.empty()) {
    const auto first = std::ranges::find_if(ranks, just_heard);
    return {"no word from " + silent +
                text(", whose last heartbeat came %.1f s before", first->heartbeat->seconds_ago) +
                words_on_first(ranks, just_heard) + waiting,
            kGuess};
  }
  if (const std::string alive = all_of(ranks, RankEnd::kAlive); !alive.empty())
    return {alive + ": runs, and did not answer" + waiting, kGuess};
  if (!waits.empty()) return {waits, kWritten};
  return {who(*lost) + " failed: " + lost->error, kGuess, lost->fault, lost->bad_hosts};
}

nlohmann::json failure_json(const std::vector<RankRecord>& ranks, const FailureCause& cause) {
  nlohmann::json root = {{"format_version", kFormatVersion}, {"time", utc_text(unix_seconds())},
                         {"unix_seconds", unix_seconds()},   {"cause", cause.sentence},
                         {"weight", cause.weight},           {"ranks", nlohmann::json::array()}};
  write_fault(root, cause.fault, cause.bad_hosts);
  const bool listened = std::ranges::any_of(ranks, &RankRecord::listens);
  for (const RankRecord& r : ranks) {
    nlohmann::json& rank = root["ranks"].emplace_back(record_json(r));
    rank.erase("heard");    // each has its own
    rank.erase("threads");  // of thousands of ranks they are too much for one file
    if (listened) rank["heartbeat"] = r.heartbeat ? heartbeat_json(*r.heartbeat) : nlohmann::json();
  }
  return root;
}

FailureCause cause_from_json(const nlohmann::json& failure, const std::string& where) {
  FailureCause cause;
  cause.sentence = json_field<std::string>(failure, "cause", where, kKind);
  cause.weight = json_field<int>(failure, "weight", where, kKind);
  read_fault(failure, where, cause);
  return cause;
}

}  // namespace catamaran
