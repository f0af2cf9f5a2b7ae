// A finding about a machine or a job: how bad it is, what it is about, what was found, and what to
// do.
//
//   findings.push_back(warning("open-files", "a process may open 256 files at once",
//                              "raise the limit: ulimit -n 65536"));
//
// topic: lower-case words with hyphens, the same for the same kind of finding, so that equal ones
// of many ranks become one line. what: a clause without a full stop; todo: an imperative, empty
// only where nothing is to be done (kOk, kNote). kFail: training must not start there. JSON:
// {"level": "warn", "topic": ..., "what": ..., "what_to_do": ...}. Errors: DataError from JSON that
// is of another form. Thread-safe.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace catamaran {

enum class FindingLevel { kOk, kNote, kWarn, kFail };  // in the order of their weight

struct Finding {
  FindingLevel level = FindingLevel::kOk;
  std::string topic, what, todo;

  bool operator==(const Finding&) const = default;
};

Finding fine(const std::string& topic, const std::string& what);
Finding note(const std::string& topic, const std::string& what, const std::string& todo = "");
Finding warning(const std::string& topic, const std::string& what, const std::string& todo);
Finding failure(const std::string& topic, const std::string& what, const std::string& todo);

const char* name_of(FindingLevel level);  // "ok", "note", "warn", "fail"

nlohmann::json finding_json(const Finding& finding);
Finding finding_of_json(const nlohmann::json& object);

}  // namespace catamaran
