#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/analysis/texts.h"
#include "runtime/base/ids.h"

// What is asked about requests, as formulas over typed variables: truths, numbers, texts, collections of
// texts and the nodes of JSON inputs. Several packs may be asked about at once: equal inputs are equal
// variables.

namespace catalyst::analysis {

using FormulaId = Id<struct FormulaTag>;
using BoolVar = Id<struct BoolVarTag>;
using NumVar = Id<struct NumVarTag>;
using TextVar = Id<struct TextVarTag>;
using CollVar = Id<struct CollVarTag>;
using NodeId = Id<struct NodeTag>;

enum class FormulaOp : uint8_t {
  // truth
  True,
  False,
  BoolVar,   // a: BoolVar
  Not,       // a
  And,       // a, b
  Or,        // a, b
  TagIs,     // a: NodeId, b: Tag
  Readable,  // a: NodeId: no member of it or below is repeated
  TextIn,    // a: text, b: text set
  TextEq,    // a, b: texts
  Less,      // a, b: numbers
  LessEq,    // a, b: numbers
  NumEq,     // a, b: numbers
  IsInt,     // a: number
  Member,    // a: CollVar, b: text
  SomeOf,    // a: CollVar, b: TextVar bound in c; true when c is for some element
  // numbers; whole numbers and reals mix freely
  Number,    // a: string, a decimal numeral
  NumVar,    // a: NumVar
  Add,       // a, b
  Sub,       // a, b
  Mul,       // a, b
  FloorDiv,  // a, b: whole numbers, b a positive constant; rounded down
  FloorMod,  // a, b
  Floor,     // a
  NumIf,     // a: truth, b, c
  Size,      // a: CollVar
  // texts
  Text,     // a: string
  TextVar,  // a: TextVar
  TextIf,   // a: truth, b, c
};

/// What stands at a place in a JSON input.
enum class Tag : uint8_t { Absent, Bool, Number, Text, List, Object, Repeated };
inline constexpr uint32_t kTagCount = 7;

struct Formula {
  FormulaOp op;
  uint32_t a = 0;
  uint32_t b = 0;
  uint32_t c = 0;
  bool operator==(const Formula&) const = default;
};

/// Which of a, b, c are formulas, as bits 1, 2, 4.
uint32_t formula_parts(FormulaOp op);

/// Formulas, hash-consed: equal formulas have equal ids, trivial ones are simplified away.
class Formulas {
 public:
  Formulas();

  [[nodiscard]] const Formula& get(FormulaId id) const { return nodes_[id.index]; }
  [[nodiscard]] size_t size() const { return nodes_.size(); }
  /// Levels, its own included: what a recursive walk needs stack for.
  [[nodiscard]] uint32_t depth(FormulaId id) const { return depths_[id.index]; }
  [[nodiscard]] const std::string& string(uint32_t index) const { return strings_[index]; }
  [[nodiscard]] const TextSet& set(uint32_t index) const { return *sets_[index]; }

  FormulaId truth(bool value) const { return FormulaId(value ? 1u : 0u); }
  [[nodiscard]] bool is_true(FormulaId id) const { return id.index == 1; }
  [[nodiscard]] bool is_false(FormulaId id) const { return id.index == 0; }
  FormulaId negate(FormulaId a);
  FormulaId both(FormulaId a, FormulaId b);
  FormulaId either(FormulaId a, FormulaId b);
  /// Of many: trees of little depth, for whoever walks them recursively.
  FormulaId all_of(std::span<const FormulaId> parts);
  FormulaId any_of(std::span<const FormulaId> parts);
  FormulaId implies(FormulaId a, FormulaId b) { return either(negate(a), b); }
  FormulaId same_truth(FormulaId a, FormulaId b) { return both(implies(a, b), implies(b, a)); }
  /// if c then a else b, of truths
  FormulaId choose(FormulaId c, FormulaId a, FormulaId b) { return both(implies(c, a), either(c, b)); }

  FormulaId variable(BoolVar v) { return make({FormulaOp::BoolVar, v.index}); }
  FormulaId variable(NumVar v) { return make({FormulaOp::NumVar, v.index}); }
  FormulaId variable(TextVar v) { return make({FormulaOp::TextVar, v.index}); }
  FormulaId tag_is(NodeId node, Tag tag) {
    return make({FormulaOp::TagIs, node.index, static_cast<uint32_t>(tag)});
  }
  FormulaId readable(NodeId node) { return make({FormulaOp::Readable, node.index}); }

  FormulaId number(std::string_view numeral) { return make({FormulaOp::Number, intern(numeral)}); }
  FormulaId number(int64_t value) { return number(std::to_string(value)); }
  FormulaId arithmetic(FormulaOp op, FormulaId a, FormulaId b) { return make({op, a.index, b.index}); }
  FormulaId compare(FormulaOp op, FormulaId a, FormulaId b);
  FormulaId is_int(FormulaId a) { return make({FormulaOp::IsInt, a.index}); }
  FormulaId floor(FormulaId a) { return make({FormulaOp::Floor, a.index}); }
  FormulaId choose_number(FormulaId c, FormulaId a, FormulaId b) {
    return choose_value(FormulaOp::NumIf, c, a, b);
  }

  FormulaId text(std::string_view value) { return make({FormulaOp::Text, intern(value)}); }
  FormulaId choose_text(FormulaId c, FormulaId a, FormulaId b) {
    return choose_value(FormulaOp::TextIf, c, a, b);
  }
  FormulaId text_equal(FormulaId a, FormulaId b);
  FormulaId text_in(FormulaId text, uint32_t set);
  FormulaId text_in(FormulaId text, std::vector<std::string> literals);
  uint32_t literal_set(std::vector<std::string> literals);
  /// `key` names the automaton: the same key, the same set.
  uint32_t automaton_set(const std::string& key, Automaton automaton);
  /// The set that was made for `key`, or UINT32_MAX.
  [[nodiscard]] uint32_t find_set(const std::string& key) const;

  FormulaId member(CollVar coll, FormulaId text) { return make({FormulaOp::Member, coll.index, text.index}); }
  FormulaId some_of(CollVar coll, TextVar bound, FormulaId body);
  /// `body` with `text` for every `bound`.
  FormulaId substitute(FormulaId body, TextVar bound, std::string_view text);
  FormulaId size_of(CollVar coll) { return make({FormulaOp::Size, coll.index}); }

 private:
  struct Hash {
    size_t operator()(const Formula& f) const;
  };
  FormulaId make(Formula f);
  FormulaId choose_value(FormulaOp op, FormulaId c, FormulaId a, FormulaId b);
  uint32_t intern(std::string_view text);

  std::vector<Formula> nodes_;
  std::vector<uint32_t> depths_;  // by node
  std::unordered_map<Formula, uint32_t, Hash> index_;
  std::vector<std::string> strings_;
  std::unordered_map<std::string, uint32_t> string_index_;
  std::vector<std::unique_ptr<TextSet>> sets_;
  std::unordered_map<std::string, uint32_t> set_index_;
};

}  // namespace catalyst::analysis
