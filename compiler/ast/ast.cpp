#include "compiler/ast/ast.h"

namespace catalyst::ast {

std::string_view binary_op_text(BinaryOp op) {
  switch (op) {
#define BINARY_OP(name, text) \
  case BinaryOp::name:        \
    return text;
#include "compiler/ast/binary_op.def"
#undef BINARY_OP
  }
  return {};
}

std::string_view effect_text(EffectKind kind) {
  switch (kind) {
#define EFFECT(name, text) \
  case EffectKind::name:   \
    return text;
#include "compiler/ast/effect_kind.def"
#undef EFFECT
  }
  return {};
}

std::string_view cell_test_text(CellTestKind kind) {
  switch (kind) {
#define CELL_TEST(name, text) \
  case CellTestKind::name:    \
    return text;
#include "compiler/ast/cell_test.def"
#undef CELL_TEST
  }
  return {};
}

std::string_view route_clause_text(RouteClauseKind kind) {
  switch (kind) {
#define ROUTE_CLAUSE(name, text) \
  case RouteClauseKind::name:    \
    return text;
#include "compiler/ast/route_clause.def"
#undef ROUTE_CLAUSE
  }
  return {};
}

}  // namespace catalyst::ast
