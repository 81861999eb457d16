#pragma once

#include "compiler/ir/ir.h"
#include "runtime/value/ops.h"
#include "runtime/value/regex_set.h"

namespace catalyst::ir {

/// The reference meaning of the instructions that take one or two values, once these are known. A status
/// other than Ok is the failure of the expression itself.
class Instructions {
 public:
  /// All must outlive this.
  Instructions(const Module& module, const value::RegexSet& regexes, value::Scratch& scratch)
      : module_(module), regexes_(regexes), scratch_(scratch) {}

  value::Status unary(const Expr& e, const value::Value& x, value::Value* out) const;
  value::Status binary(const Expr& e, const value::Value& x, const value::Value& y, value::Value* out) const;

 private:
  [[nodiscard]] types::TypeKind kind(TypeId type) const { return module_.types.kind(type); }
  /// Of the left operand.
  [[nodiscard]] TypeId operand_type(const Expr& e) const { return module_.expr(module_.operand(e, 0)).type; }
  value::Status negate(const Expr& e, const value::Value& x, value::Value* out) const;
  value::Status arithmetic(const Expr& e, const value::Value& x, const value::Value& y,
                           value::Value* out) const;
  value::Status equality(const Expr& e, const value::Value& x, const value::Value& y,
                         value::Value* out) const;
  value::Status ordering(const Expr& e, const value::Value& x, const value::Value& y,
                         value::Value* out) const;

  const Module& module_;
  const value::RegexSet& regexes_;
  value::Scratch& scratch_;
};

}  // namespace catalyst::ir
