#include "dataio/manifest_rows.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>

#include "dataio/csv_reader.h"
#include "dataio/text_lines.h"
#include "support/error.h"
#include "support/json.h"
#include "support/normal_path.h"
#include "support/text.h"

namespace catamaran {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr char kLabelSeparator = ';';
constexpr const char* kQuoteHint =
    "double a quote that belongs to the text, and close every quoted cell";

// A reason to leave a row out, with its column.
struct RowProblem {
  int64_t column = 0;
  std::string what;
};

// What is wrong with a row whatever its format; its image's name is made normal.
std::optional<std::string> problem_of(ManifestRow& row) {
  if (leads_out(row.image))
    return "'" + row.image + "' leads out of the image folder; give paths relative to --images";
  row.image = fs::path(row.image).lexically_normal().string();
  for (const std::string& label : row.ignore) {
    if (row.labels.contains(label))
      return "'" + label + "' is both a label and ignored; keep it in one of the two lists";
  }
  return std::nullopt;
}

std::set<std::string> names_in(const json& item, const char* key) {
  const json& list = item.at(key);
  const auto is_text = [](const json& name) { return name.is_string(); };
  if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_text))
    throw RowProblem{
        0, std::string("the key '") + key + "' has the wrong type: it is a list of texts"};
  return list.get<std::set<std::string>>();
}

// Where and why a line is no JSON, after it was refused as such.
RowProblem json_problem(const std::string& line, const Error& refused) {
  try {
    const json parsed = json::parse(line);
  } catch (const json::parse_error& problem) {
    return {column_at(line, problem.byte > 0 ? problem.byte - 1 : 0), "not valid JSON"};
  } catch (const json::exception&) {
  }
  return {1, refused.what()};  // depth, or a key that occurs twice
}

ManifestRow parse_json_row(const std::string& line) {
  json item;
  try {
    item = parse_json(line, "the line", ErrorKind::kData);
  } catch (const Error& refused) {
    throw json_problem(line, refused);
  }
  if (!item.is_object())
    throw RowProblem{1, "a line is an object: {\"image\": ..., \"labels\": [...]}"};
  ManifestRow row;
  const char* const image = item.contains("path") ? "path" : "image";
  for (const auto& [key, value] : item.items()) {
    if (key != image && key != "labels" && key != "ignore")
      throw RowProblem{
          column_at(line, line.find("\"" + key + "\"")),
          "the key '" + key + "' is not known; a line has image, labels and perhaps ignore"};
  }
  if (!item.contains(image)) throw RowProblem{1, "the key 'image' is missing"};
  if (!item.contains("labels")) throw RowProblem{1, "the key 'labels' is missing"};
  const size_t key_at = line.find(std::string("\"") + image + "\"");
  if (!item.at(image).is_string())
    throw RowProblem{column_at(line, key_at), "the key 'image' has the wrong type: it is a text"};
  row.image = item.at(image).get<std::string>();
  row.place.column = column_at(line, std::min(line.find('"', line.find(':', key_at)), line.size()));
  row.labels = names_in(item, "labels");
  if (item.contains("ignore")) row.ignore = names_in(item, "ignore");
  return row;
}

ManifestRows read_json_lines(const fs::path& path, ImportProblems& problems) {
  TextLines lines(path, "check --manifest");
  ManifestRows read;
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    try {
      ManifestRow row = parse_json_row(line);
      row.place.line = lines.number();
      if (const auto problem = problem_of(row)) throw RowProblem{row.place.column, *problem};
      row.source_text = line;
      read.rows.push_back(std::move(row));
    } catch (const RowProblem& problem) {
      problems.add({.line = lines.number(), .column = problem.column}, problem.what);
    }
  }
  return read;
}

std::string trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

std::set<std::string> split_labels(const std::string& cell) {
  std::set<std::string> labels;
  for (size_t at = 0; at <= cell.size();) {
    const size_t end = std::min(cell.find(kLabelSeparator, at), cell.size());
    const std::string label = trimmed(std::string_view(cell).substr(at, end - at));
    if (!label.empty()) labels.insert(label);
    at = end + 1;
  }
  return labels;
}

// What each column of a CSV file is.
struct CsvColumns {
  static constexpr size_t kNone = static_cast<size_t>(-1);
  size_t image = kNone;
  size_t labels = kNone;
  size_t ignore = kNone;
  std::vector<std::string> names;
  bool is_wide() const { return labels == kNone; }
};

CsvColumns read_header(const fs::path& path, const std::vector<CsvCell>& header) {
  CsvColumns columns;
  std::set<std::string> seen;
  const auto refuse = [&](const CsvCell& cell, const std::string& what) {
    throw DataError(
        text_of(cell.place) + ": " + what, path.string(),
        "the first line names the columns: path,labels,ignore, or path and the classes");
  };
  for (size_t i = 0; i < header.size(); ++i) {
    const std::string name = trimmed(header[i].text);
    if (name.empty()) refuse(header[i], "a column without a name");
    if (!seen.insert(name).second) refuse(header[i], "the column '" + name + "' occurs twice");
    columns.names.push_back(name);
    if (columns.image == CsvColumns::kNone && (name == "path" || name == "image" || name == "file"))
      columns.image = i;
    else if (name == "labels")
      columns.labels = i;
    else if (name == "ignore")
      columns.ignore = i;
  }
  if (columns.image == CsvColumns::kNone) refuse(header.front(), "no column is named 'path'");
  if (columns.is_wide()) {
    columns.ignore = CsvColumns::kNone;  // then it is a class, if it is there
    return columns;
  }
  for (size_t i = 0; i < header.size(); ++i) {
    if (i != columns.image && i != columns.labels && i != columns.ignore)
      refuse(header[i], "the column '" + columns.names[i] + "' is not known beside 'labels'");
  }
  return columns;
}

void read_wide_cells(const CsvColumns& columns, const std::vector<CsvCell>& record,
                     ManifestRow& row) {
  for (size_t i = 0; i < record.size(); ++i) {
    if (i == columns.image) continue;
    const std::string value = trimmed(record[i].text);
    if (value == "1" || value == "1.0") {
      row.labels.insert(columns.names[i]);
    } else if (value == "-1" || value == "-1.0") {
      row.ignore.insert(columns.names[i]);
    } else if (!value.empty() && value != "0" && value != "0.0") {
      throw RowProblem{record[i].place.column, "'" + value + "' under '" + columns.names[i] +
                                                   "' is none of 1, 0, -1 and nothing"};
    }
  }
}

ManifestRow row_of(const CsvColumns& columns, const std::vector<CsvCell>& record) {
  if (record.size() != columns.names.size()) {
    throw RowProblem{record.back().place.column,
                     text("%zu cells, the header has %zu", record.size(), columns.names.size())};
  }
  ManifestRow row;
  row.image = trimmed(record[columns.image].text);
  row.place = record[columns.image].place;
  if (columns.is_wide()) {
    read_wide_cells(columns, record, row);
  } else {
    row.labels = split_labels(record[columns.labels].text);
    if (columns.ignore != CsvColumns::kNone) row.ignore = split_labels(record[columns.ignore].text);
    // Only what labels can be in, at their columns.
    for (const size_t i :
         {std::min(columns.labels, columns.ignore), std::max(columns.labels, columns.ignore)}) {
      if (i == CsvColumns::kNone) continue;
      const int64_t next = column_at(row.source_text, row.source_text.size());
      row.source_text.append(
          static_cast<size_t>(std::max<int64_t>(0, record[i].place.column - next)), ' ');
      row.source_text += record[i].text;
    }
  }
  if (const auto problem = problem_of(row)) throw RowProblem{row.place.column, *problem};
  return row;
}

ManifestRows read_csv(const fs::path& path, ImportProblems& problems) {
  CsvReader csv(path);
  ManifestRows read;
  std::vector<CsvCell> record;
  try {
    if (!csv.next(record)) return read;
  } catch (const CsvProblem& problem) {
    throw DataError(text_of(problem.place) + ": " + problem.what, path.string(), kQuoteHint);
  }
  const CsvColumns columns = read_header(path, record);
  if (columns.is_wide()) {
    for (size_t i = 0; i < columns.names.size(); ++i) {
      if (i != columns.image) read.classes.push_back(columns.names[i]);
    }
  }
  for (bool more = true; more;) {
    try {
      more = csv.next(record);
      if (more) read.rows.push_back(row_of(columns, record));
    } catch (const RowProblem& problem) {
      problems.add({.line = record.front().place.line, .column = problem.column}, problem.what);
    } catch (const CsvProblem& problem) {
      problems.add(problem.place, problem.what + "; " + kQuoteHint);
    }
  }
  return read;
}

}  // namespace

ManifestRows read_manifest_rows(const fs::path& path, ManifestFormat format,
                                ImportProblems& problems) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool is_csv =
      format == ManifestFormat::kCsv || (format == ManifestFormat::kByName && ending == ".csv");
  return is_csv ? read_csv(path, problems) : read_json_lines(path, problems);
}

TextPlace place_of_label(const ManifestRow& row, const std::string& label) {
  const std::string& source = row.source_text;
  const auto is_edge = [&](size_t at) {
    return at >= source.size() || std::string_view("\" \t;").find(source[at]) != std::string::npos;
  };
  // Behind the key of the list: the image may be named like the label.
  size_t at = std::min(source.find("\"labels\""), source.find("\"ignore\""));
  at = source.find(label, at == std::string::npos ? 0 : at);
  while (at != std::string::npos && !((at == 0 || is_edge(at - 1)) && is_edge(at + label.size())))
    at = source.find(label, at + 1);
  if (label.empty() || at == std::string::npos) return row.place;
  return {.line = row.place.line, .column = column_at(source, at)};
}

}  // namespace catamaran
