#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/hook.h"
#include "runtime/abi/symbol_table.h"
#include "runtime/abi/unit.h"
#include "runtime/decision/project.h"

namespace catalyst::decision {

/// True for slots that PrincipalCache fills.
inline bool is_cached_root(abi::InputRoot root) {
  return root == abi::InputRoot::PrincipalId || root == abi::InputRoot::PrincipalTenant ||
         root == abi::InputRoot::PrincipalRoles;
}

/// A slot to look up in the table of a symbol feature.
struct SymbolRead {
  const abi::SymbolTable* table;
  const abi::BucketRef* buckets;  // of HookPlan::decide that the symbol opens one of; nullptr: none
  uint32_t feature;
  uint32_t slot;
  bool operator==(const SymbolRead&) const = default;
};

/// The same for a mask feature.
struct SetRead {
  const abi::SymbolTable* table;
  const value::TextParts* parts;  // of a text, else nullptr
  uint32_t slot;
  uint32_t word;
  uint32_t words;
  bool operator==(const SetRead&) const = default;
};

/// The buckets that the symbol of a feature opens one of.
struct SymbolBuckets {
  const abi::BucketRef* buckets;
  uint32_t feature;
  bool operator==(const SymbolBuckets&) const = default;
};

/// Anchors of an index whose features are set, or the tool's own.
struct OpenAnchors {
  std::vector<SymbolBuckets> symbols;
  std::vector<uint32_t> masks;  // in abi::Index::anchors
  bool operator==(const OpenAnchors&) const = default;
};

/// The part of a hook's plan that can matter for one tool.
struct HookBinding {
  SlotSelection slots;
  std::vector<SymbolRead> symbols;  // of features whose slots are selected
  std::vector<SetRead> sets;
  uint32_t principal_symbols = 0;  // so many at the front of `symbols` are what PrincipalCache fills
  uint32_t principal_sets = 0;
  const abi::BucketRef* tool_buckets = nullptr;  // of HookPlan::decide: over kTool and kServer
  const abi::BucketRef* server_buckets = nullptr;
  OpenAnchors decide;  // of HookPlan::decide, but for those
  OpenAnchors collect;
  std::vector<uint32_t> shadow;        // of HookPlan, whose targets match
  std::vector<uint32_t> window_reads;  // of the unit, whose slots are selected
  std::vector<uint32_t> windows;       // of HookPlan, whose targets match

  bool operator==(const HookBinding&) const = default;
};

/// The part of a unit's plans that can matter for one tool. Tools for which the same part matters share it.
using ToolClass = std::array<HookBinding, abi::kHookCount>;

/// Those of HookPlan::hiding and HookPlan::allowing whose targets match one tool. Apart from the class: they
/// differ from tool to tool, and only lists look at them.
struct ListingRanks {
  std::vector<uint32_t> hiding;
  std::vector<uint32_t> allowing;
};

/// What a unit has to say about one tool, whatever the rest of the request is. One cache line.
struct alignas(64) ToolBinding {
  uint64_t server_a = 0, server_b = 0;  // abi::TextKey of the names
  uint64_t tool_a = 0, tool_b = 0;
  uint32_t server_length = 0, tool_length = 0;
  int32_t tool_symbol = -1;           // of SymbolFeature::kTool
  int32_t server_symbol = -1;         // of SymbolFeature::kServer
  const uint64_t* targets = nullptr;  // bit t: Unit::targets[t] matches
  const ToolClass* hooks = nullptr;   // nullptr: a free row

  [[nodiscard]] bool has_keys(const abi::TextKey& server, const abi::TextKey& tool) const {
    return tool_a == tool.a && tool_b == tool.b && server_a == server.a && server_b == server.b &&
           tool_length == tool.length && server_length == server.length;
  }
  [[nodiscard]] abi::TextKey server_key() const { return {server_a, server_b, server_length}; }
  [[nodiscard]] abi::TextKey tool_key() const { return {tool_a, tool_b, tool_length}; }
};
static_assert(sizeof(ToolBinding) == 64);

/// These slots of the unit (ascending), to be read from a request.
SlotSelection select_slots(const abi::Unit& unit, const std::vector<uint32_t>& slots);

/// True when `text` matches the pattern of a target: `*` stands for any run. At worst pattern times text
/// steps.
bool matches_name(std::string_view pattern, std::string_view text);

/// The bindings an evaluator has made for one unit. One thread. Bounded: when it is full it starts over, so
/// that a flood of tool names costs time and never memory.
class ToolCache {
 public:
  void prepare(const abi::Unit& unit, uint32_t limit);

  /// The binding of a tool; valid until the next call.
  const ToolBinding& bind(std::string_view server, std::string_view tool) {
    const abi::TextKey server_key = abi::TextKey::of(server);
    const abi::TextKey tool_key = abi::TextKey::of(tool);
    for (size_t i = place_of(server_key, tool_key);; i = (i + 1) & mask_) {
      const ToolBinding& row = rows_[i];
      if (row.hooks == nullptr) {
        return add(server, tool);
      }
      if (row.has_keys(server_key, tool_key) &&
          ((server_key.exact() && tool_key.exact()) || is_named(names_[i], server, tool))) {
        return row;
      }
    }
  }

  /// What lists ask of the hook by which a tool is asked for. `row` is what bind() answered last.
  const ListingRanks& listing(const ToolBinding& row, abi::Hook hook);

 private:
  using Listings = std::array<ListingRanks, abi::kHookCount>;
  [[nodiscard]] size_t place_of(const abi::TextKey& server, const abi::TextKey& tool) const {
    return static_cast<size_t>(abi::TextKey::fold(tool.hash(), server.hash() | 1)) & mask_;
  }
  static bool is_named(std::string_view name, std::string_view server, std::string_view tool) {
    return name.size() == server.size() + tool.size() + 1 && name.starts_with(server) && name.ends_with(tool);
  }
  const ToolBinding& add(std::string_view server, std::string_view tool);
  void clear();
  void grow();
  size_t put(const ToolBinding& row, std::string name);
  ToolBinding bind_new(std::string_view server, std::string_view tool, const std::string& name);
  const ToolClass* share(ToolClass made);

  const abi::Unit* unit_ = nullptr;
  std::vector<ToolBinding> rows_;  // open addressing, at most a quarter full: a second look is chance
  size_t mask_ = 0;
  size_t count_ = 0;
  size_t limit_ = 0;
  std::vector<std::string>
      names_;  // parallel to rows_: "server\0tool", for names that their keys only digest
  std::vector<std::unique_ptr<Listings>> listings_;  // parallel to rows_; nullptr: not asked for yet
  std::vector<std::unique_ptr<uint64_t[]>> targets_;
  std::vector<std::unique_ptr<ToolClass>> classes_;
};

}  // namespace catalyst::decision
