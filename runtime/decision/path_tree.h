#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/unit.h"

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
    uint32_t plain_slot = 0;      // slots[0] of such a leaf
    std::vector<uint32_t> slots;  // slots whose path ends here
    std::vector<uint32_t> below;  // slots whose path goes on below
  };

  explicit PathTree(const abi::Unit& unit);

  [[nodiscard]] const Node& node(uint32_t index) const { return nodes_[index]; }
  [[nodiscard]] size_t size() const { return nodes_.size(); }
  /// The first nodes are the roots.
  [[nodiscard]] static uint32_t root(JsonRoot root) { return static_cast<uint32_t>(root); }
  /// The child called `key`, UINT32_MAX when there is none. `end` is where the text ends that holds `key`.
  [[nodiscard]] [[gnu::always_inline]] static uint32_t find(const Node& node, std::string_view key,
                                                            const char* end) noexcept {
    const uint64_t head = head_inside(key, end);
    const size_t mask = node.children.size() - 1;
    for (uint64_t at = place_of(head, key.size(), node.shift);; at = (at + 1) & mask) {
      const Child& child = node.children[at];
      if (child.node == UINT32_MAX) {
        return UINT32_MAX;
      }
      if (child.head == head && child.name.size() == key.size() && (key.size() <= 8 || child.name == key)) {
        return child.node;
      }
    }
  }

 private:
  static constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15u;

  static uint64_t head_of(std::string_view key) {
    uint64_t head = 0;
    std::memcpy(&head, key.data(), std::min<size_t>(key.size(), 8));
    return head;
  }

  /// head_of for a key inside a longer text: one load where eight bytes can be read.
  static uint64_t head_inside(std::string_view key, const char* end) {
    if (end - key.data() >= 8) {
      uint64_t head = 0;
      std::memcpy(&head, key.data(), 8);
      return key.size() >= 8 ? head : head & ((uint64_t{1} << (key.size() * 8)) - 1);
    }
    return head_of(key);
  }

  static uint64_t place_of(uint64_t head, size_t length, uint32_t shift) {
    return shift >= 64 ? 0 : ((head ^ length) * kMultiplier) >> shift;
  }
  void build_tables(const std::vector<std::vector<Child>>& children);

  std::vector<Node> nodes_;
};

}  // namespace catalyst::decision
