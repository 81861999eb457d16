#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/check/catalogue.h"
#include "compiler/diagnostics/diagnostic.h"
#include "runtime/abi/hook.h"

namespace catalyst::check {

/// What a piece of code may mention.
enum class ScopeKind : uint8_t {
  Rule,      // inputs, facts, lists, functions
  Fact,      // the same, in the context of the rule that uses it
  Function,  // parameters, lists, functions
  Constant,  // literals
};

/// How much of its context a fact's meaning depends on; decides which rules share one instance of it.
enum class Dependence : uint8_t { None, Hook, Tools };

/// What the names of a test's `cases` stand for in the row at hand.
using CaseNames = std::unordered_map<std::string_view, const ast::TestExpectation*>;

struct Local {
  std::string_view name;
  TypeId type;
  uint32_t index;
};

/// Where an expression stands: hook, tools, variables, and what is known to be present there.
struct Scope {
  ScopeKind kind = ScopeKind::Rule;
  abi::Hook hook = abi::Hook::Call;
  const ToolSet* tools = nullptr;  // null in functions and constants

  bool in_test = false;    // of `expect`: absent is an answer that can be compared
  bool in_window = false;  // what a window is kept by: it reads no windows

  std::vector<Local> locals;
  std::vector<std::string> present;  // keys of paths (see narrowing.h) that conditions around have tested
  uint32_t local_count = 0;          // indexes in use where the expression stands
  uint32_t local_peak = 0;           // most that were ever in use

  /// The first of `count` fresh indexes.
  uint32_t take_locals(uint32_t count) {
    const uint32_t first = local_count;
    local_count += count;
    local_peak = local_peak < local_count ? local_count : local_peak;
    return first;
  }

  const CaseNames* cases = nullptr;  // in a test; others see neither cases nor fixtures

  source::Span user;      // of a fact: the rule in whose context it is checked; invalid when there is none
  std::string user_text;  // "rule `x` uses it on call db.*"
  /// Says which rule brought a fact into a context where it does not fit.
  void add_user_note(diagnostics::Diagnostic& diagnostic) const {
    if (kind == ScopeKind::Fact && user.valid()) {
      diagnostic.notes.push_back({user, user_text});
    }
  }

  Dependence dependence = Dependence::None;
  void depends(Dependence on) { dependence = dependence < on ? on : dependence; }

  [[nodiscard]] const Local* find_local(std::string_view name) const {
    for (size_t i = locals.size(); i-- > 0;) {
      if (locals[i].name == name) {
        return &locals[i];
      }
    }
    return nullptr;
  }
};

/// Undoes additions to `present` when a guarded part ends.
class PresentGuard {
 public:
  PresentGuard(Scope& scope, std::vector<std::string> keys) : scope_(scope), size_(scope.present.size()) {
    for (std::string& key : keys) {
      scope.present.push_back(std::move(key));
    }
  }
  PresentGuard(const PresentGuard&) = delete;
  PresentGuard& operator=(const PresentGuard&) = delete;
  ~PresentGuard() { scope_.present.resize(size_); }

 private:
  Scope& scope_;
  size_t size_;
};

}  // namespace catalyst::check
