// GroupedArena: what the kinds of optimizers have in common: where each parameter group lies in the
// run's flat memories, and state of the same layout.
//
//   GroupedArena places(options, named_parameters, arena);
//   torch::Tensor velocity = places.zeros();
//   for (const ArenaGroup& group : places.groups()) sgd_update(memories, group.segments, ...);
//   places.append_state(state, "momentum", velocity);    // "momentum/NAME", shaped like NAME
//
// Segments are long and hold the zeros between tensors, too; slots are the tensors alone. The
// arena must be laid out with group_numbers(options, named_parameters), and outlive this. Only the
// thread that runs the step loop.
#pragma once

#include <string>
#include <vector>

#include "model/safetensors.h"
#include "trainer/flat_updates.h"
#include "trainer/parameter_arena.h"
#include "trainer/parameter_groups.h"

namespace catamaran {

struct ArenaGroup {
  ParameterGroup kind;
  Ranges segments;
  Ranges slots;
};

class GroupedArena {
 public:
  GroupedArena(const OptimizerOptions& options, const NamedTensors& parameters,
               const ParameterArena& arena);

  const std::vector<ArenaGroup>& groups() const { return groups_; }
  const std::vector<std::string>& names() const { return names_; }  // by parameter
  torch::Tensor zeros() const { return arena_->zeros(); }
  FlatMemories memories(const torch::Tensor& first, const torch::Tensor& second = {}) const;
  // Views of flat state, named "KIND/NAME", group by group.
  void append_state(NamedTensors& state, const std::string& kind, const torch::Tensor& flat) const;

 private:
  const ParameterArena* arena_;
  std::vector<std::string> names_;
  std::vector<ArenaGroup> groups_;
};

}  // namespace catamaran
