#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"

namespace catalyst::analysis {

/// One small edit of one rule.
struct Mutation {
  enum class Kind : uint8_t {
    Operator,   // an instruction becomes another one
    Negate,     // a test becomes its opposite
    KeepLeft,   // `a and b` becomes `a`
    KeepRight,  // `a and b` becomes `b`
    NoCondition,
    OtherVerdict,  // allow becomes deny, deny allow
    DropEffect,
    DropRule,
  };
  Kind kind;
  uint32_t rule;        // the first rule that it changes (a fact may be in several)
  ir::ExprId expr;      // Operator, Negate, Keep*
  ir::Op becomes{};     // Operator
  uint32_t effect = 0;  // DropEffect
  ir::Span span;
  std::string text;  // "`==` becomes `!=`"
};

/// Every edit of the kinds above, by rule, smallest first within a rule.
std::vector<Mutation> mutations(const ir::Module& module);

/// A module with one edit, for as long as this lives; units built before keep what they were built from only
/// until then.
class Mutant {
 public:
  Mutant(ir::Module& module, const Mutation& mutation);
  ~Mutant();
  Mutant(const Mutant&) = delete;
  Mutant& operator=(const Mutant&) = delete;

 private:
  ir::Module& module_;
  uint32_t rule_;
  ir::ExprId expr_;
  ir::Rule saved_rule_;
  ir::Expr saved_expr_{};
  size_t exprs_;
  size_t operands_;
};

}  // namespace catalyst::analysis
