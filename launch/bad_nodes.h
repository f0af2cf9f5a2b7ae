// The file of bad nodes, which job scripts append to (slurm/job.sh) and people may edit: a line
// each, "NODE 2026-11-25T02:49:00Z REASON", # before remarks. A node is left out for seven days
// after its newest line; then it may have been repaired.
//
//   const BadNodes bad = read_bad_nodes("runs/bad-nodes.txt", unix_seconds());
//   for (const BadNode& node : bad.nodes) ...            // by name, each once, none that has
//   expired
//
// Only the newest MiB of it is read. Lines of another form are told in `left_out`, ten of them at
// most, and never an error: a job must not fail for them. No file: no nodes. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace catamaran {

constexpr double kBadNodeSeconds = 7 * 86400;

struct BadNode {
  std::string name;
  double unix_seconds = 0;
  std::string reason;
};

struct BadNodes {
  std::vector<BadNode> nodes;
  std::vector<std::string> left_out;  // "bad-nodes.txt: line 3 is no NODE TIME REASON"
};

BadNodes read_bad_nodes(const std::filesystem::path& file, double now);
// Of the file's text; where: its name, for left_out.
BadNodes parse_bad_nodes(std::string_view text, const std::string& where, double now);

// Letters, digits, points, hyphens and underscores: what Slurm may be asked to leave out.
bool is_node_name(std::string_view name);

}  // namespace catamaran
