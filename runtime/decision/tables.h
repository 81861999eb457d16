#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/decision/engine.h"
#include "runtime/decision/project.h"

namespace catalyst::decision {

/// Redaction patterns, compiled; RE2 stays out of the header.
class Redactor {
 public:
  explicit Redactor(const std::vector<abi::Redaction>& redactions);
  ~Redactor();
  /// See Pack::redact.
  size_t redact(uint32_t pattern, std::string& text) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

/// What a pack adds to its unit for evaluation. Immutable, shared by all evaluators.
struct Pack::Tables {
  explicit Tables(const abi::Unit& unit);

  uint64_t id;  // never reused within the process, unlike addresses
  PathTree paths;
  Redactor redactor;
  std::array<bool, abi::kHookCount> has_rules{};
  std::array<bool, abi::kHookCount> redacts{};
  bool reads_labels = false;
  std::array<bool, abi::kHookCount>
      derives{};  // list hooks: rules of the hook by which things are asked for can hide
  /// What every verdict says of its rule, close together: RuleInfo is several cache lines.
  struct Brief {
    const char* name;
    uint32_t name_length;
    uint32_t rule;
    uint32_t message;
    bool deny;
  };
  std::array<std::vector<Brief>, abi::kHookCount> briefs;  // by rank
  /// rule -> effect -> path, as views into the unit.
  std::vector<std::vector<std::vector<std::string_view>>> effect_paths;
};

}  // namespace catalyst::decision
