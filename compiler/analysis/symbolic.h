#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/analysis/world.h"
#include "compiler/ir/ir.h"

namespace catalyst::analysis {

/// Names a meaning: equal digests are equal expressions over equal inputs, in whatever pack.
struct Digest {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const Digest&) const = default;
  Digest& add(uint64_t word);
  Digest& add(std::string_view text);
  Digest& add(const Digest& other);
  [[nodiscard]] std::string text() const;
};

/// A collection of texts.
struct Collection {
  enum class Kind : uint8_t { Variable, Constant, Union, Intersect, Except, Guarded };
  Kind kind = Kind::Constant;
  CollVar variable;
  std::vector<std::string> constant;
  FormulaId guard;  // Guarded: `left` when this holds, else empty
  std::shared_ptr<const Collection> left;
  std::shared_ptr<const Collection> right;
};

/// What an expression may be: a value when `ok` and `present`, absent when `ok` and not `present`, an error
/// when not `ok`.
struct Sym {
  enum class Kind : uint8_t { Truth, Number, Text, Texts, Node, Opaque };
  enum class Map : uint8_t { None, Lower, Upper };
  Kind kind = Kind::Opaque;
  FormulaId ok;
  FormulaId present;
  FormulaId value;        // Truth, Number, Text
  Map map = Map::None;    // Text: value seen through this
  bool measures = false;  // Number: the length of the text `value`
  std::shared_ptr<const Collection> texts;
  NodeId node;
  const value::Value* constant = nullptr;
  ir::TypeId type;  // of the module, without `?`
  Digest digest;
};

/// Reads expressions of one module as formulas. What is not understood becomes a variable of its own, named
/// by its digest, so a proof stays a proof and an example must be tried.
///
/// Evaluation is taken to have fuel and memory enough, and texts to be UTF-8.
class Symbolic {
 public:
  static constexpr uint32_t kMaxSteps = 200'000;  // expressions of one root, each use of a function counted

  Symbolic(World& world, const ir::Module& module);

  struct Condition {
    FormulaId yes;
    FormulaId no;
  };
  /// Of a boolean expression; an invalid id is always true.
  Condition condition(ir::ExprId id);
  Sym value(ir::ExprId id);
  /// Digest of an expression; of an invalid id, of nothing.
  Digest digest(ir::ExprId id);
  /// Equality as the language has it, both present and ok.
  FormulaId equal(const Sym& a, const Sym& b);

  [[nodiscard]] const ir::Module& module() const { return module_; }

 private:
  using ExprId = ir::ExprId;
  using Expr = ir::Expr;

  Sym eval(ExprId id);
  Sym dispatch(ExprId id, const Expr& e);
  /// Of what has variables of its own and depends on none around it.
  Sym apart(ExprId id);
  Sym operand(const Expr& e, uint32_t i) { return eval(module_.operand(e, i)); }

  // symbolic_value.cpp
  Sym constant(const value::Value& v, ir::TypeId type);
  Sym slot(const ir::Slot& slot);
  Sym read(NodeId node, ir::TypeId type, bool optional);
  Sym node_value(NodeId node, ir::TypeId type);
  enum class Reading : uint8_t { Slot, Cast };
  FormulaId readable(NodeId node);
  FormulaId fits(NodeId node, ir::TypeId type, Reading how);
  FormulaId parsed(NodeId node, const char* as, NumVar* number);
  CollVar elements(NodeId node, ir::TypeId type);
  Sym field(ExprId id, const Expr& e, const Sym& of, const std::string& name);
  Sym cast(ExprId id, const Expr& e);
  Sym opaque(ExprId id, const Expr& e, const std::vector<Sym>& operands, std::string what);
  Sym free_value(ir::TypeId type, const Digest& digest);
  Digest expression_digest(const Expr& e, const std::vector<Sym>& operands);
  void digest_type(Digest& d, ir::TypeId type);
  void digest_table(Digest& d, const ir::Table& table);

  // symbolic_window.cpp
  Sym window(ExprId id, const Expr& e);
  Digest window_family(const ir::Window& window, const ir::WindowRead& read);

  // symbolic_logic.cpp
  Sym connective(const Expr& e);
  Sym choice(ExprId id, const Expr& e);
  Sym coalesce(ExprId id, const Expr& e);
  Sym call(ExprId id, const Expr& e);
  Sym first_true(const Expr& e);
  Sym select(ExprId id, const Expr& e);
  std::optional<Sym> merge(FormulaId c, const Sym& a, const Sym& b);
  Sym quantifier(ExprId id, const Expr& e);
  /// True for some element of `c`; `body` speaks about `bound`.
  FormulaId some(const Collection& c, TextVar bound, FormulaId body);
  Sym comparison(ExprId id, const Expr& e);
  std::optional<FormulaId> compare(ir::Op op, const Sym& a, const Sym& b);
  std::optional<FormulaId> order_text(ir::Op op, const Sym& a, const Sym& b);
  std::optional<FormulaId> compare_length(ir::Op op, const Sym& a, const Sym& b);
  std::optional<FormulaId> maybe_equal(const Sym& a, const Sym& b);

  // symbolic_text.cpp
  Sym pattern(ExprId id, const Expr& e);
  Sym membership(ExprId id, const Expr& e);
  std::optional<FormulaId> has(const Sym& collection, const Sym& element);
  std::optional<FormulaId> ip_inside(const Sym& ip, const Sym& network);
  FormulaId member(const Collection& c, FormulaId text);
  std::optional<FormulaId> in_set(const Sym& text, const std::string& key,
                                  std::optional<Automaton> automaton);
  FormulaId in_literals(const Sym& text, std::vector<std::string> literals);
  TextVar bound_text(const Digest& of);
  std::optional<FormulaId> plain_text(const Sym& s);

  // symbolic_number.cpp
  Sym arithmetic(ExprId id, const Expr& e);
  Sym builtin(ExprId id, const Expr& e);
  std::optional<Sym> time_part(const Expr& e, const Sym& time);
  FormulaId in_int_range(FormulaId number);

  /// A value that is there whenever all of `from` are ok.
  Sym derived(Sym::Kind kind, FormulaId value, ir::TypeId type, std::initializer_list<const Sym*> from);
  Sym with_digest(Sym s, const Expr& e, const std::vector<Sym>& operands);
  [[nodiscard]] types::TypeKind kind(ir::TypeId type) const { return module_.types.kind(type); }

  World& world_;
  Formulas& f_;
  const ir::Module& module_;
  std::vector<std::optional<Sym>> locals_;
  uint32_t scopes_ = 0;  // around the expression at hand: inside, results depend on locals
  uint32_t steps_ = 0;
  uint32_t opaque_count_ = 0;
  std::vector<std::optional<Sym>> memo_;
};

/// The texts of a constant list or set of strings.
std::optional<std::vector<std::string>> texts_of(const value::Value& list);

}  // namespace catalyst::analysis
