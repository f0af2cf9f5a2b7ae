#include "support/finding.h"

#include <array>

#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

constexpr std::array<FindingLevel, 4> kLevels = {FindingLevel::kOk, FindingLevel::kNote,
                                                 FindingLevel::kWarn, FindingLevel::kFail};
constexpr const char* kWhere = "a finding";

}  // namespace

Finding fine(const std::string& topic, const std::string& what) {
  return {FindingLevel::kOk, topic, what, ""};
}
Finding note(const std::string& topic, const std::string& what, const std::string& todo) {
  return {FindingLevel::kNote, topic, what, todo};
}
Finding warning(const std::string& topic, const std::string& what, const std::string& todo) {
  return {FindingLevel::kWarn, topic, what, todo};
}
Finding failure(const std::string& topic, const std::string& what, const std::string& todo) {
  return {FindingLevel::kFail, topic, what, todo};
}

const char* name_of(FindingLevel level) {
  switch (level) {
    case FindingLevel::kOk:
      return "ok";
    case FindingLevel::kNote:
      return "note";
    case FindingLevel::kWarn:
      return "warn";
    case FindingLevel::kFail:
      break;
  }
  return "fail";
}

nlohmann::json finding_json(const Finding& finding) {
  return {{"level", name_of(finding.level)},
          {"topic", finding.topic},
          {"what", finding.what},
          {"what_to_do", finding.todo}};
}

Finding finding_of_json(const nlohmann::json& object) {
  const auto text = [&](const char* key) {
    return json_field<std::string>(object, key, kWhere, ErrorKind::kData);
  };
  const std::string level = text("level");
  for (const FindingLevel known : kLevels) {
    if (level == name_of(known)) return {known, text("topic"), text("what"), text("what_to_do")};
  }
  throw DataError("'" + level + "' is no level", kWhere, "use one program on all ranks");
}

}  // namespace catamaran
