#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/unit.h"
#include "runtime/base/arena.h"
#include "runtime/decision/convert.h"
#include "runtime/decision/request.h"
#include "runtime/value/value.h"

namespace catalyst::decision {

enum class JsonRoot : uint8_t { Claims, Args, Params, Result, Definition };
inline constexpr size_t kJsonRootCount = 5;
inline constexpr uint8_t kNoJsonRoot = kJsonRootCount;

/// kNoJsonRoot for inputs that are not JSON.
uint8_t json_root_of(abi::InputRoot root);

/// The paths that a pack's slots name, as one tree of member names a JSON root. Immutable, built with the
/// pack.
class PathTree {
 public:
  struct Child {
    uint64_t head = 0;  // first eight bytes of the name, zeros behind
    std::string name;
    uint32_t node = UINT32_MAX;
  };
  struct Node {
    std::vector<Child> children;  // open addressing over a power of two, at most half full; empty: a leaf
    uint32_t shift = 64;
    /// A leaf of one slot, whose values are mostly of a form that is read without ado.
    enum class Plain : uint8_t { No, Text, Integer, Truth, Texts };
    Plain plain = Plain::No;
    std::vector<uint32_t> slots;  // slots whose path ends here
    std::vector<uint32_t> below;  // slots whose path goes on below
  };

  explicit PathTree(const abi::Unit& unit);

  [[nodiscard]] const Node& node(uint32_t index) const { return nodes_[index]; }
  [[nodiscard]] size_t size() const { return nodes_.size(); }
  /// The first nodes are the roots.
  [[nodiscard]] static uint32_t root(JsonRoot root) { return static_cast<uint32_t>(root); }
  /// The child called `key`, UINT32_MAX when there is none. `end` is where the text ends that holds `key`.
  [[nodiscard]] static uint32_t find(const Node& node, std::string_view key, const char* end) noexcept;

 private:
  void build_tables(const std::vector<std::vector<Child>>& children);

  std::vector<Node> nodes_;
};

/// Which slots one tool's rules read at one hook.
struct SlotSelection {
  std::vector<uint64_t> bits;     // one per slot of the unit
  std::vector<uint32_t> trusted;  // slots the gateway fills itself
  std::vector<uint32_t> json;     // slots below JSON roots, and client.ip
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
  bool project(const Request& request, const SlotSelection& selection, Arena& arena, value::Value* slots);

 private:
  void fill_trusted(const Request& request, const SlotSelection& selection);
  void read_root(std::string_view text, JsonRoot root);
  void read_object(JsonScanner& in, const PathTree::Node& node);
  void read_value(JsonScanner& in, uint32_t node);
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
