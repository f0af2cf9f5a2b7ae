#include "monitoring/event_record.h"

#include <bit>

#include "support/crc32c.h"

namespace catamaran {
namespace {

// Fields of the messages, by their numbers in the .proto files.
enum EventField { kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7 };
enum SummaryField { kValue = 1 };
enum ValueField { kTag = 1, kSimpleValue = 2, kMetadata = 9 };
enum SmallField { kPluginData = 1, kPluginName = 1, kStatus = 1 };
constexpr uint64_t kSessionStart = 1;

enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

template <typename Number>
void add_little_endian(std::string& to, Number number) {
  for (size_t byte = 0; byte < sizeof number; ++byte)
    to += static_cast<char>(static_cast<unsigned char>(number >> (8 * byte)));
}

void add_varint(std::string& to, uint64_t number) {
  for (; number >= 0x80; number >>= 7)
    to += static_cast<char>(static_cast<unsigned char>(number | 0x80));
  to += static_cast<char>(static_cast<unsigned char>(number));
}

void add_key(std::string& to, int field, WireType type) {
  add_varint(to, static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(type));
}

void add_number(std::string& to, int field, uint64_t number) {
  add_key(to, field, kVarint);
  add_varint(to, number);
}

void add_double(std::string& to, int field, double number) {
  add_key(to, field, kFixed64);
  add_little_endian(to, std::bit_cast<uint64_t>(number));
}

void add_float(std::string& to, int field, float number) {
  add_key(to, field, kFixed32);
  add_little_endian(to, std::bit_cast<uint32_t>(number));
}

void add_bytes(std::string& to, int field, std::string_view bytes) {
  add_key(to, field, kBytes);
  add_varint(to, bytes.size());
  to += bytes;
}

std::string event_at(double wall_seconds) {
  std::string event;
  add_double(event, kWallTime, wall_seconds);
  return event;
}

std::string event_at(double wall_seconds, int64_t step) {
  std::string event = event_at(wall_seconds);
  add_number(event, kStep, static_cast<uint64_t>(step));
  return event;
}

std::string metadata_of_a_scalar() {
  std::string plugin;
  add_bytes(plugin, kPluginName, "scalars");
  std::string metadata;
  add_bytes(metadata, kPluginData, plugin);
  return metadata;
}

std::string value_message(const EventScalar& scalar) {
  std::string value;
  add_bytes(value, kTag, scalar.tag);
  add_float(value, kSimpleValue, static_cast<float>(scalar.value));
  if (scalar.is_first) add_bytes(value, kMetadata, metadata_of_a_scalar());
  return value;
}

}  // namespace

uint32_t masked_crc32c(std::string_view bytes) {
  constexpr uint32_t kMask = 0xa282ead8;
  return std::rotr(crc32c(bytes), 15) + kMask;
}

std::string event_record(std::string_view event) {
  std::string record;
  add_little_endian(record, uint64_t{event.size()});
  add_little_endian(record, masked_crc32c(record));
  record += event;
  add_little_endian(record, masked_crc32c(event));
  return record;
}

std::string file_version_event(double wall_seconds) {
  std::string event = event_at(wall_seconds);
  add_bytes(event, kFileVersion, "brain.Event:2");
  return event;
}

std::string session_start_event(double wall_seconds, int64_t step) {
  std::string session;
  add_number(session, kStatus, kSessionStart);
  std::string event = event_at(wall_seconds, step);
  add_bytes(event, kSessionLog, session);
  return event;
}

std::string scalars_event(double wall_seconds, int64_t step,
                          const std::vector<EventScalar>& scalars) {
  std::string summary;
  for (const EventScalar& scalar : scalars) add_bytes(summary, kValue, value_message(scalar));
  std::string event = event_at(wall_seconds, step);
  add_bytes(event, kSummary, summary);
  return event;
}

}  // namespace catamaran
