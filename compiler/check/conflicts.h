#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/pack.h"

namespace catalyst::check {

/// Finds rules that can apply to one call and set one place (or a place and a part of it) to different
/// values. Conditions are not looked at: whoever reads the rules could not be sure either.
class Conflicts {
 public:
  /// The place of `route`, which no member is called.
  static constexpr std::string_view kRoute =
      "\x1f"
      "route";
  /// The place of `describe`, which no member is called.
  static constexpr std::string_view kDescription =
      "\x1f"
      "describe";
  struct Write {
    const ast::RuleDecl* rule;
    abi::Hook hook;
    Span span;  // of the effect
    std::vector<std::string> path;
    std::string value;  // equal texts are equal expressions
    std::vector<ir::TargetPattern> patterns;
  };

  void add(Write write) { writes_.push_back(std::move(write)); }
  void report(Pack& pack) const;

 private:
  std::vector<Write> writes_;
};

/// A text of the expression that is equal for equal expressions.
std::string expression_key(const ir::Module& module, ir::ExprId id);

}  // namespace catalyst::check
