#pragma once

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// Which operands, payload and result each instruction takes.
class OperandTypes {
 public:
  /// `module` must outlive this; its types have been read.
  explicit OperandTypes(const Module& module);

  /// The expression's instruction is known, it has as many operands as that takes, and they stand before it
  /// and have been verified.
  [[nodiscard]] bool fit(const Expr& e) const;

 private:
  [[nodiscard]] types::TypeKind kind(TypeId type) const { return m_.types.kind(type); }
  [[nodiscard]] bool optional(TypeId type) const { return m_.types.is_optional(type); }
  [[nodiscard]] TypeId operand_type(const Expr& e, uint32_t i) const {
    return m_.expr(m_.operand(e, i)).type;
  }
  [[nodiscard]] types::TypeKind operand_kind(const Expr& e, uint32_t i) const {
    return kind(operand_type(e, i));
  }
  [[nodiscard]] bool boolean(const Expr& e) const { return kind(e.type) == types::TypeKind::Bool; }
  [[nodiscard]] bool boolean_operands(const Expr& e, uint32_t count) const;
  [[nodiscard]] bool const_string(uint32_t id) const;
  [[nodiscard]] bool same_element(const Expr& e) const;
  [[nodiscard]] bool iterable(const Expr& e) const;
  [[nodiscard]] bool call(const Expr& e) const;
  [[nodiscard]] bool selection(const Expr& e) const;
  [[nodiscard]] bool lookup(const Expr& e) const;
  [[nodiscard]] bool arithmetic(const Expr& e) const;
  [[nodiscard]] bool has(const Expr& e) const;
  [[nodiscard]] bool field(const Expr& e) const;
  [[nodiscard]] bool index(const Expr& e) const;
  [[nodiscard]] bool list(const Expr& e) const;
  [[nodiscard]] bool map(const Expr& e) const;

  const Module& m_;
  TypeId json_optional_;
};

}  // namespace catalyst::ir
