// Arrays of Slurm from indices that may be more, and higher, than one takes: a task's number is
// below MaxArraySize (1001 where a site says nothing).
//
//   for (const ArrayPart& part : split_array({3, 1000, 1001, 2500}, 1001))
//     array_text(part.tasks);        // "3,1000", "0" of first 1001, "498" of first 2002
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

struct ArrayPart {
  int64_t first = 0;           // index of task 0
  std::vector<int64_t> tasks;  // ascending; index = first + task
};

// indices: from 0 on, in any order, each counted once. UsageError where max_array_size is 0: the
// site has no arrays.
std::vector<ArrayPart> split_array(std::vector<int64_t> indices, int64_t max_array_size);

// What sbatch --array takes: "0-3,7", "0-5%2".
struct ArrayWish {
  std::vector<int64_t> indices;  // ascending, each once
  int64_t at_once = 0;           // behind %; 0: not said
};
// UsageError naming the option; steps (0-8:2) are taken. At most `most` indices.
ArrayWish parse_array(const std::string& given, const std::string& option, int64_t most);

}  // namespace catamaran
