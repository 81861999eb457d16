#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/unit.h"
#include "runtime/base/arena.h"
#include "runtime/decision/convert.h"
#include "runtime/decision/path_tree.h"
#include "runtime/decision/request.h"
#include "runtime/value/value.h"

namespace catalyst::decision {

/// Which slots one tool's rules read at one hook.
struct SlotSelection {
  struct Trusted {
    uint32_t slot;
    abi::InputRoot root;
    bool operator==(const Trusted&) const = default;
  };
  std::vector<uint64_t> bits;    // one per slot of the unit
  std::vector<Trusted> trusted;  // slots the gateway fills itself
  std::vector<uint32_t> json;    // slots below JSON roots, and client.ip
  std::array<bool, kJsonRootCount> roots{};

  [[nodiscard]] bool has(uint32_t slot) const { return (bits[slot >> 6] >> (slot & 63) & 1) != 0; }
  bool operator==(const SlotSelection&) const = default;
};

/// Fills slots from a request: one pass over each JSON text that the selection reads. One per thread;
/// allocates nothing once warm.
class Projector {
 public:
  /// Sizes everything for the unit. `slots` of every later call has one value per slot of the unit.
  void prepare(const abi::Unit& unit, const PathTree& tree, uint32_t json_depth);

  /// Writes the selected slots: value, Absent or Invalid. Answers true when any of them is Invalid. Other
  /// slots are left alone.
  bool project(const Request& request, const SlotSelection& selection, Arena& arena, value::Value* slots) {
    fill_trusted(request, selection, arena, slots);
    return read_json(request);
  }
  /// The two halves of it, for callers who have something to do in between.
  void fill_trusted(const Request& request, const SlotSelection& selection, Arena& arena,
                    value::Value* slots);
  bool read_json(const Request& request);

 private:
  void read_root(std::string_view text, JsonRoot root);
  void read_object(JsonScanner& in, const PathTree::Node& node);
  void read_value(JsonScanner& in, uint32_t node);
  uint32_t find_spelled(const PathTree::Node& node, std::string_view raw);
  bool read_plain(JsonScanner& in, const PathTree::Node& node, uint32_t index);
  bool read_texts(JsonScanner& in, value::Value* out);
  void read_leaf(JsonScanner& in, const PathTree::Node& node);
  void store(uint32_t slot, const value::Value& v);
  void invalidate(const std::vector<uint32_t>& slots);
  value::Value texts(std::span<const std::string_view> all);

  const abi::Unit* unit_ = nullptr;
  const PathTree* tree_ = nullptr;
  uint32_t json_depth_ = 0;
  std::vector<uint32_t> seen_;  // per node: epoch of the request that met it, to notice repeated members
  uint32_t epoch_ = 0;
  std::vector<value::Value> stack_;
  std::vector<value::Entry> entry_stack_;

  // of the call under way
  const SlotSelection* selection_ = nullptr;
  Arena* arena_ = nullptr;
  value::Value* slots_ = nullptr;
  const char* text_end_ = nullptr;
  bool invalid_ = false;
};

}  // namespace catalyst::decision
