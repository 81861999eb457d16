#include "compiler/ir/verify.h"

#include <algorithm>
#include <utility>

#include "compiler/ir/depth.h"
#include "compiler/ir/fits.h"
#include "compiler/ir/input_types.h"
#include "compiler/ir/test_limits.h"
#include "compiler/ir/verify_decisions.h"
#include "compiler/ir/verify_operands.h"
#include "compiler/ir/verify_routes.h"
#include "compiler/ir/verify_windows.h"

namespace catalyst::ir {
namespace {

using types::TypeKind;

constexpr size_t kMessagesMax = 20;

class Verifier {
 public:
  explicit Verifier(const Module& module) : m_(module), operands_(module) {}

  std::vector<std::string> run() {
    if (m_.expr_spans.size() != m_.exprs.size() || m_.const_types.size() != m_.consts.size()) {
      return {"tables that belong together differ in length"};
    }
    for (uint32_t i = 0; i < m_.exprs.size() && messages_.size() < kMessagesMax; i++) {
      expression(i);
    }
    if (messages_.empty()) {
      consts();
      slots();
      facts_and_functions();
      rules();
      routes();
      windows();
      properties();
      tests();
    }
    for (const auto& problem_of : {decisions_problem, routes_problem}) {
      if (messages_.empty()) {
        if (const std::string problem = problem_of(m_); !problem.empty()) {
          say(problem);
        }
      }
    }
    if (messages_.empty()) {
      if (const std::string problem = depth_problem(m_); !problem.empty()) {
        say(problem);
      }
    }
    return std::move(messages_);
  }

 private:
  void say(std::string text) {
    if (messages_.size() < kMessagesMax) {
      messages_.push_back(std::move(text));
    }
  }
  void at(uint32_t expr, const std::string& text) {
    say("%" + std::to_string(expr) + " " + std::string(op_text(m_.exprs[expr].op)) + ": " + text);
  }

  [[nodiscard]] bool known_type(TypeId type) const {
    return type.index < m_.types.size() && type != types::TypeTable::kError;
  }
  [[nodiscard]] TypeKind kind(TypeId type) const { return m_.types.kind(type); }
  [[nodiscard]] TypeId operand_type(const Expr& e, uint32_t i) const {
    return m_.expr(m_.operand(e, i)).type;
  }
  [[nodiscard]] bool is_text(TypeKind k) const { return k == TypeKind::String || k == TypeKind::Enum; }

  /// Ids, counts and order; then types; then what it reads.
  void expression(uint32_t id) {
    const Expr& e = m_.exprs[id];
    if (static_cast<size_t>(e.op) >= static_cast<size_t>(Op::Builtin) + 1) {
      say("%" + std::to_string(id) + ": unknown instruction");
      return;
    }
    sizes_.push_back(1);
    locals_.push_back(0);
    reads_.emplace_back();
    if (!known_type(e.type)) {
      at(id, "has no type");
      return;
    }
    const int arity = op_arity(e.op);
    if (uint64_t{e.operands_begin} + e.operand_count > m_.operands.size() || e.operand_count > kMaxOperands ||
        (arity != kVariadic && e.operand_count != static_cast<uint32_t>(arity))) {
      at(id, "has the wrong number of operands");
      return;
    }
    for (uint32_t i = 0; i < e.operand_count; i++) {
      if (m_.operand(e, i).index >= id) {
        at(id, "uses an operand that does not stand before it");
        return;
      }
      sizes_[id] = std::min<uint64_t>(sizes_[id] + sizes_[m_.operand(e, i).index], kMaxTree + 1);
      locals_[id] = std::max(locals_[id], locals_[m_.operand(e, i).index]);
    }
    if (!messages_.empty()) {
      return;
    }
    if (!operands_.fit(e)) {
      at(id, "does not take operands of these types");
    } else if (!collect_reads(id, e)) {
      at(id, "reads a variable as a type that it does not have");
    }
  }

  using Reads = std::vector<std::pair<uint32_t, TypeId>>;  // locals from outside, with their types

  static bool add_read(Reads& reads, std::pair<uint32_t, TypeId> read) {
    const auto same =
        std::find_if(reads.begin(), reads.end(), [&](auto& r) { return r.first == read.first; });
    if (same != reads.end()) {
      return same->second == read.second;
    }
    reads.push_back(read);
    return true;
  }

  /// The variables that an expression needs from around it; a loop provides its own. False on a conflict of
  /// types.
  bool collect_reads(uint32_t id, const Expr& e) {
    if (e.op == Op::Local) {
      reads_[id].emplace_back(e.payload, e.type);
      locals_[id] = e.payload + 1;
      return true;
    }
    Reads bound;
    if (e.op == Op::Any || e.op == Op::All || e.op == Op::Comprehend) {
      const TypeId element = m_.types.get(operand_type(e, 0)).element;
      const bool map = kind(operand_type(e, 0)) == TypeKind::Map;
      bound.emplace_back(e.payload, map ? types::TypeTable::kString : element);
      if (map) {
        bound.emplace_back(e.payload + 1, element);
      }
      locals_[id] = std::max(locals_[id], bound.back().first + 1);
    }
    for (uint32_t i = 0; i < e.operand_count; i++) {
      for (const auto& read : reads_[m_.operand(e, i).index]) {
        const auto own =
            std::find_if(bound.begin(), bound.end(), [&](auto& b) { return b.first == read.first; });
        const bool is_own = i > 0 && own != bound.end();
        if (is_own ? own->second != read.second : !add_read(reads_[id], read)) {
          return false;
        }
      }
    }
    return true;
  }

  void consts() {
    for (size_t i = 0; i < m_.consts.size(); i++) {
      if (!known_type(m_.const_types[i]) || !fits(m_.types, m_.const_types[i], m_.consts[i])) {
        say("constant " + std::to_string(i) + " is not of its type");
      }
    }
    for (const Redaction& redaction : m_.redactions) {
      if (redaction.pattern.empty()) {
        say("a redaction without a pattern");
      }
    }
  }

  void slots() {
    for (const Slot& slot : m_.slots) {
      if (!known_type(slot.type) || !is_readable(m_.types, slot)) {
        say("an input is read as a type that it does not have");
      }
    }
  }

  bool known_root(ExprId root, const std::string& what) {
    if (root.index >= m_.exprs.size()) {
      say(what + " names an expression that does not exist");
      return false;
    }
    return true;
  }

  /// What a root reads must be its parameters: variables of loops are bound inside.
  void root(ExprId id, const std::vector<TypeId>& parameters, uint32_t local_count, const std::string& what) {
    if (!known_root(id, what)) {
      return;
    }
    for (const auto& [local, type] : reads_[id.index]) {
      if (local >= parameters.size() || parameters[local] != type) {
        say(what + " reads local " + std::to_string(local) + " outside its loop, or as another type");
      }
    }
    if (local_count > kMaxLocals || locals_[id.index] > local_count || parameters.size() > local_count) {
      say(what + " uses more locals than it has");
    }
    total_size_ += sizes_[id.index];
    if (sizes_[id.index] > kMaxTree || total_size_ > kMaxTrees) {
      say(what + " is too large");
    }
  }

  /// A root that only text can come from.
  void text_root(ExprId id, uint32_t local_count, const std::string& what) {
    root(id, {}, local_count, what);
    if (id.index < m_.exprs.size() && !is_text(kind(m_.types.strip_optional(m_.expr(id).type)))) {
      say(what + " says something that is not text");
    }
  }

  void facts_and_functions() {
    for (const Fact& fact : m_.facts) {
      root(fact.value, {}, fact.local_count, "fact " + fact.name);
    }
    for (const Function& f : m_.functions) {
      root(f.body, f.parameters, f.local_count, "function " + f.name);
      if (f.body.index < m_.exprs.size() && m_.expr(f.body).type != f.result) {
        say("function " + f.name + " does not answer its result type");
      }
    }
  }

  void rules() {
    for (const Rule& rule : m_.rules) {
      const std::string what = "rule " + rule.name;
      if (rule.target.index >= m_.targets.size() || static_cast<size_t>(rule.hook) >= abi::kHookCount) {
        say(what + " has no target or hook");
        continue;
      }
      if (rule.condition.valid()) {
        root(rule.condition, {}, rule.local_count, what);
        if (rule.condition.index < m_.exprs.size() && kind(m_.expr(rule.condition).type) != TypeKind::Bool) {
          say(what + " has a condition that is not a bool");
        }
      }
      if (rule.message.valid()) {
        text_root(rule.message, rule.local_count, what);
      }
      for (const Effect& effect : rule.effects) {
        if (effect.kind == EffectKind::Describe && !effect.value.valid()) {
          say(what + " describes without a text");
        }
        if (effect.value.valid() && (effect.kind == EffectKind::Tag || effect.kind == EffectKind::Limit ||
                                     effect.kind == EffectKind::Describe)) {
          text_root(effect.value, rule.local_count, what);
        } else if (effect.value.valid()) {
          root(effect.value, {}, rule.local_count, what);
        }
        if (effect.kind == EffectKind::Limit &&
            (effect.count <= 0 || effect.burst <= 0 || effect.duration_us <= 0)) {
          say(what + " has a limit that is none");
        }
        if (effect.target.valid() && effect.target.index >= m_.targets.size()) {
          say(what + " hides a target that does not exist");
        }
        if (std::any_of(effect.redactions.begin(), effect.redactions.end(),
                        [&](uint32_t r) { return r >= m_.redactions.size(); })) {
          say(what + " uses a redaction that does not exist");
        }
      }
    }
  }

  void routes() {
    for (const Route& route : m_.routes) {
      const std::string what = "route " + route.name;
      for (const RoutePrefer& prefer : route.prefers) {
        root(prefer.condition, {}, route.local_count, what);
        if (prefer.condition.index < m_.exprs.size() &&
            kind(m_.expr(prefer.condition).type) != TypeKind::Bool) {
          say(what + " prefers by what is not a bool");
        }
      }
      if (route.hash.valid()) {
        text_root(route.hash, route.local_count, what);
      }
      for (const ExprId part : route.key) {
        if (part.valid()) {
          root(part, {}, route.local_count, what);
        }
      }
    }
  }

  void windows() {
    for (const Window& window : m_.windows) {
      for (const ExprId id : {window.key, window.value}) {
        if (id.valid()) {
          root(id, {}, window.local_count, "window " + window.name);
        }
      }
    }
    for (const WindowRead& read : m_.window_reads) {
      if (read.key.valid()) {
        root(read.key, {}, read.local_count, "a window's key");
      }
    }
    if (messages_.empty()) {
      if (const std::string problem = windows_problem(m_); !problem.empty()) {
        say(problem);
      }
    }
  }

  void properties() {
    for (const Property& property : m_.properties) {
      const std::string what = "property " + property.name;
      if (property.target.index >= m_.targets.size() ||
          static_cast<size_t>(property.hook) >= abi::kHookCount) {
        say(what + " has no target or hook");
      } else if (property.condition.valid()) {
        root(property.condition, {}, property.local_count, what);
        if (property.condition.index < m_.exprs.size() &&
            kind(m_.expr(property.condition).type) != TypeKind::Bool) {
          say(what + " has a condition that is not a bool");
        }
      }
    }
  }

  /// What a test counts before it asks is bounded, and lies at times that there are.
  void past(const Test& test) {
    uint64_t count = 0;
    for (const PastCall& call : test.past) {
      int64_t at_us = 0;
      count += call.times;
      if (static_cast<size_t>(call.hook) >= abi::kHookCount || call.ago_us < 0 ||
          __builtin_sub_overflow(test.now_us, call.ago_us, &at_us)) {
        say("test " + test.title + " has a past that cannot have been");
      }
    }
    if (count > kMaxPastCalls) {
      say("test " + test.title + " counts more than " + std::to_string(kMaxPastCalls) +
          " requests of the past");
    }
  }

  void tests() {
    for (const Test& test : m_.tests) {
      past(test);
      for (const TestClaim& claim : test.claims) {
        const std::string what = "test " + test.title;
        root(claim.condition, {}, claim.local_count, what);
        if (claim.condition.index < m_.exprs.size() &&
            kind(m_.expr(claim.condition).type) != TypeKind::Bool) {
          say(what + " expects what is not a bool");
        }
        for (const ExprId side : {claim.left, claim.right}) {
          if (side.valid()) {
            root(side, {}, claim.local_count, what);
          }
        }
      }
    }
  }

  const Module& m_;
  std::vector<std::string> messages_;
  const OperandTypes operands_;
  uint64_t total_size_ = 0;  // of the trees below all roots
  // One per expression:
  std::vector<uint64_t> sizes_;   // of the tree below, saturating
  std::vector<uint32_t> locals_;  // that its tree reads or binds: one more than the highest
  std::vector<Reads> reads_;
};

}  // namespace

std::vector<std::string> verify(const Module& module) { return Verifier(module).run(); }

}  // namespace catalyst::ir
