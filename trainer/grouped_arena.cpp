#include "trainer/grouped_arena.h"

#include <algorithm>

#include "support/assert.h"

namespace catamaran {

GroupedArena::GroupedArena(const OptimizerOptions& options, const NamedTensors& parameters,
                           const ParameterArena& arena)
    : arena_(&arena) {
  for (const auto& [name, parameter] : parameters) names_.push_back(name);
  for (ParameterGroup& kind : group_parameters(options, parameters)) {
    groups_.emplace_back();
    for (const size_t p : kind.members) groups_.back().slots.push_back(arena.layout().slots[p]);
    std::ranges::sort(groups_.back().slots, {}, &ArenaRange::begin);
    groups_.back().kind = std::move(kind);
  }
  for (const ArenaSegment& segment : arena.layout().segments) {
    CATAMARAN_ASSERT(segment.group < groups_.size(), "the arena was laid out for these groups");
    ArenaGroup& group = groups_[segment.group];
    for (const size_t p : segment.parameters) {
      CATAMARAN_ASSERT(std::ranges::find(group.kind.members, p) != group.kind.members.end(),
                       "the arena was laid out for these groups");
    }
    group.segments.push_back(segment.range);
  }
}

FlatMemories GroupedArena::memories(const torch::Tensor& first, const torch::Tensor& second) const {
  return {arena_->values(), arena_->gradients(), first, second};
}

void GroupedArena::append_state(NamedTensors& state, const std::string& kind,
                                const torch::Tensor& flat) const {
  const std::vector<torch::Tensor> views = arena_->views(flat);
  for (const ArenaGroup& group : groups_) {
    for (const size_t p : group.kind.members) state.emplace_back(kind + "/" + names_[p], views[p]);
  }
}

}  // namespace catamaran
