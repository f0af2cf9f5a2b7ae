#include "dataio/voc_annotation.h"

#include <expat.h>

#include <new>
#include <utility>

#include "support/error.h"
#include "support/file_descriptor.h"
#include "support/handle.h"

namespace catamaran {
namespace {

constexpr int64_t kLargestBytes = int64_t{16} << 20;

struct ParserTraits {
  using type = XML_Parser;
  static constexpr type empty() { return nullptr; }
  static void close(type parser) noexcept { XML_ParserFree(parser); }
};

// What expat calls while it reads; path is "/annotation/object/name" inside such an element.
struct Reading {
  std::string path;
  std::string text;
  std::vector<VocObject> objects;
  std::string problem;  // the first
  XML_Parser parser = nullptr;

  void refuse(const std::string& what) {
    if (problem.empty()) problem = what;
    XML_StopParser(parser, XML_FALSE);
  }
};

std::string trimmed(const std::string& text) {
  constexpr const char* kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

void on_start(void* to, const XML_Char* name, const XML_Char** /*attributes*/) {
  Reading& reading = *static_cast<Reading*>(to);
  const bool root = reading.path.empty();
  reading.path += "/" + std::string(name);
  if (root && reading.path != "/annotation")
    reading.refuse("it is no VOC annotation: its root is '" + std::string(name) + "'");
  reading.text.clear();
  if (reading.path == "/annotation/object") reading.objects.emplace_back();
}

void on_text(void* to, const XML_Char* text, int bytes) {
  static_cast<Reading*>(to)->text.append(text, static_cast<size_t>(bytes));
}

void on_end(void* to, const XML_Char* /*name*/) {
  Reading& reading = *static_cast<Reading*>(to);
  const std::string value = trimmed(reading.text);
  if (reading.path == "/annotation/object/name") reading.objects.back().name = value;
  if (reading.path == "/annotation/object/difficult") {
    if (value != "0" && value != "1") reading.refuse("<difficult> must be 0 or 1, not " + value);
    reading.objects.back().difficult = value == "1";
  }
  if (reading.path == "/annotation/object" && reading.objects.back().name.empty())
    reading.refuse("an object has no name");
  reading.path.erase(reading.path.rfind('/'));
  reading.text.clear();
}

std::string read_whole(const std::filesystem::path& path) {
  const FileDescriptor file = open_for_reading(path);
  const int64_t bytes = file_bytes(file, path);
  if (bytes > kLargestBytes)
    throw DataError("it is too large for an annotation", path.string(), "is it the right file?");
  std::string content(static_cast<size_t>(bytes), '\0');
  read_exactly_at(file, 0, content.data(), bytes, path);
  return content;
}

}  // namespace

std::vector<VocObject> read_voc_annotation(const std::filesystem::path& path) {
  const std::string content = read_whole(path);
  const Handle<ParserTraits> parser(XML_ParserCreate(nullptr));
  if (!parser) throw std::bad_alloc();
  Reading reading;
  reading.parser = parser.get();
  XML_SetUserData(parser.get(), &reading);
  XML_SetElementHandler(parser.get(), on_start, on_end);
  XML_SetCharacterDataHandler(parser.get(), on_text);
  const auto status =
      XML_Parse(parser.get(), content.data(), static_cast<int>(content.size()), XML_TRUE);
  if (status != XML_STATUS_OK || !reading.problem.empty()) {
    const std::string expats = XML_ErrorString(XML_GetErrorCode(parser.get()));
    throw DataError(
        reading.problem.empty() ? "not valid XML: " + expats : reading.problem,
        path.string() + " line " + std::to_string(XML_GetCurrentLineNumber(parser.get())),
        "correct the file, or copy the data set again");
  }
  return std::move(reading.objects);
}

}  // namespace catamaran
