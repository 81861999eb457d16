#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/ir/ir.h"

namespace catalyst::analysis {

/// One small edit of one rule, decision, route or function.
struct Mutation {
  enum class Owner : uint8_t { Rule, Decision, Route, Function };
  enum class Kind : uint8_t {
    Operator,   // an instruction becomes another one
    Negate,     // a test becomes its opposite
    KeepLeft,   // `a and b` becomes `a`
    KeepRight,  // `a and b` becomes `b`
    NoCondition,
    OtherVerdict,  // allow becomes deny, deny allow
    DropEffect,
    DropRule,
    DropRow,     // of a decision: the row never matches
    OtherBound,  // a bound of a cell is in, or no longer in, what the cell matches
    DropPrefer,
  };
  Kind kind;
  Owner owner;  // the first that it changes (a fact may be in several rules); Function: of none of the others
  uint32_t index;       // of the owner in its list of the module
  ir::ExprId expr;      // Operator, Negate, Keep*
  ir::Op becomes{};     // Operator
  uint32_t part = 0;    // DropEffect, DropPrefer: which; DropRow, OtherBound: the row
  uint32_t column = 0;  // OtherBound
  bool high = false;    // OtherBound: the upper one
  ir::Span span;
  std::string text;  // "`==` becomes `!=`"
};

/// What is edited: "rule", "decision", "route", "function", and its name.
std::string_view owner_text(Mutation::Owner owner);
const std::string& owner_name(const ir::Module& module, const Mutation& mutation);

/// Every edit of the kinds above, by owner, smallest first within one. Decisions and functions of imported
/// packs are for the tests of those.
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
  void edit_rule(const Mutation& mutation, ir::Rule& rule);
  void edit_expr(const Mutation& mutation);
  void drop_row(const Mutation& mutation);
  void edit_cell(const Mutation& mutation);
  uint32_t add_expr(const ir::Expr& expr, ir::ExprId like);
  ir::TableColumn& save_column(uint32_t decision, uint32_t column);

  ir::Module& module_;
  ir::ExprId expr_;
  std::optional<std::pair<uint32_t, ir::Rule>> saved_rule_;
  std::optional<std::pair<uint32_t, std::vector<ir::RoutePrefer>>> saved_prefers_;
  std::optional<std::pair<uint32_t, ir::ExprId>> saved_operand_;
  struct SavedColumn {
    uint32_t table;
    uint32_t column;
    ir::TableColumn was;
  };
  std::optional<SavedColumn> saved_column_;
  ir::Expr saved_expr_{};
  size_t exprs_;
  size_t operands_;
  size_t consts_;
};

}  // namespace catalyst::analysis
