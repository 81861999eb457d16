#pragma once

#include "compiler/ast/ast.h"

namespace catalyst::frontend {

/// How tightly operators bind, loosest first. The parser folds by it, the formatter places parentheses by it.
enum Level : int {
  kOpen = 0,  // `if` and quantifiers: they take everything to their right
  kOr,
  kAnd,
  kNot,
  kCompare,  // does not chain
  kCoalesce,
  kUnion,
  kIntersect,
  kAdd,
  kMultiply,
  kNegate,
  kCast,
  kPrimary,
};

int level_of(ast::BinaryOp op);

/// The level at which the formatter writes an operand that binds at least as tightly as `level`: one that
/// forces parentheses where readers misread without them, `and` in `or`, `??` in any other
/// operator, and `as` in `??`.
int level_for_readers(ast::BinaryOp op, const ast::Expr& operand, int level);

}  // namespace catalyst::frontend
