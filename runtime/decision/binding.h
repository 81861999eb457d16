#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/hook.h"
#include "runtime/abi/unit.h"
#include "runtime/decision/project.h"

namespace catalyst::decision {

/// The part of a hook's plan that can matter for one tool.
struct HookBinding {
  SlotSelection slots;
  std::vector<uint32_t> symbol_features;  // whose slots are selected
  std::vector<uint32_t> mask_features;
  std::vector<uint32_t> decide_anchors;  // of HookPlan::decide, whose features are set
  std::vector<uint32_t> collect_anchors;
};

/// What a unit has to say about one tool, whatever the rest of the request is.
struct ToolBinding {
  uint64_t hash = 0;
  std::string key;                // "server\0tool"
  int32_t tool_symbol = -1;       // of SymbolFeature::kTool
  int32_t server_symbol = -1;     // of SymbolFeature::kServer
  std::vector<uint64_t> targets;  // bit t: Unit::targets[t] matches
  std::array<HookBinding, abi::kHookCount> hooks;
};

/// True when `text` matches the tool pattern: `*` any run, `?` one code point. Linear in pattern times text
/// at worst.
bool matches_name(std::string_view pattern, std::string_view text);

ToolBinding bind_tool(const abi::Unit& unit, std::string_view server, std::string_view tool);

/// The bindings an evaluator has made for one unit. One thread. Bounded: when it is full it starts over, so
/// that a flood of tool names costs time and never memory.
class ToolCache {
 public:
  void prepare(const abi::Unit& unit, uint32_t limit);

  /// The binding of a tool; valid until the next call.
  const ToolBinding& bind(std::string_view server, std::string_view tool) {
    const uint64_t hash = hash_of(server, tool);
    for (size_t i = hash & mask_;; i = (i + 1) & mask_) {
      const ToolBinding* row = rows_[i].get();
      if (row == nullptr) {
        return add(hash, server, tool);
      }
      if (row->hash == hash && is_key(row->key, server, tool)) {
        return *row;
      }
    }
  }

 private:
  static uint64_t hash_of(std::string_view server, std::string_view tool) {
    return abi::hash_detail::fold(abi::hash_text(tool), abi::hash_text(server) | 1);
  }
  static bool is_key(std::string_view key, std::string_view server, std::string_view tool) {
    return key.size() == server.size() + tool.size() + 1 && key.starts_with(server) && key.ends_with(tool) &&
           key[server.size()] == '\0';
  }
  const ToolBinding& add(uint64_t hash, std::string_view server, std::string_view tool);

  const abi::Unit* unit_ = nullptr;
  std::vector<std::unique_ptr<ToolBinding>> rows_;  // open addressing, at most half full
  size_t mask_ = 0;
  size_t count_ = 0;
  size_t limit_ = 0;
};

}  // namespace catalyst::decision
