#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/driver/analyze.h"
#include "compiler/driver/packs.h"
#include "runtime/base/result.h"

// Rules of a policy as things of their own: listed, added, taken out, switched off and on, in the text. What
// comes out is sources again, to be checked like any other.

namespace catalyst::driver {

struct ListedRule {
  std::string name;
  std::string hook;  // "call"
  std::string doc;
  std::string text;  // as the author wrote it, without what stands in front
  std::string file;
  uint32_t line = 0;
  bool enabled = true;
};

/// Those of the policy itself, not of packs that it imports. In the order of the sources; rules that are
/// switched off come last in their file.
std::vector<ListedRule> list_rules(const Analysis& policy);

struct RuleEdit {
  enum class Kind : uint8_t {
    Add,      // `text` behind the end of the first file
    Remove,   // the rule, enabled or not
    Disable,  // it becomes a comment
    Enable,
  };
  Kind kind = Kind::Add;
  std::string name;  // not for Add
  std::string text;  // for Add
};

/// The policy's own sources after the change. An error when there is no such rule.
Result<std::vector<SourceFile>> edit_rules(const Analysis& policy, const RuleEdit& edit);

struct NextRelease {
  uint64_t sequence = 0;
  std::string compiler;   // version of the program that builds
  Budget::Limits budget;  // of reading and checking
};
/// The next release of a pack: its sources after the change, packed. Imported packs and schemas are those of
/// the pack.
Result<PackBuild> edit_pack(const Analysis& policy, const std::vector<pack::SourceText>& schemas,
                            const RuleEdit& edit, NextRelease next);

}  // namespace catalyst::driver
