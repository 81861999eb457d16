#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/source/source.h"

// The syntax tree as the author wrote it: no types, no resolution. Nodes live in the Ast that made them and
// are addressed by plain pointers; lists are vectors; a missing optional child is nullptr. Error recovery
// leaves ErrorExpr nodes, never null where a child is required.

namespace catalyst::ast {

using source::Span;

struct Name {
  std::string text;
  Span span;
};

/// "db.*", "*.delete_*", "github.create_issue": glob over server and thing. Both may hold `*`. What the
/// halves stand for depends on the hook (abi::HookTarget): "file:///x" from files, the agent reviewer, an
/// event.
struct TargetPattern {
  std::string server;
  std::string tool;
  Span span;
};

enum class TypeExprKind : uint8_t { Named, List, Set, Map, Optional };

/// `int`, `Order`, `list<T>`, `map<string, T>`, `T?`.
struct TypeExpr {
  TypeExprKind kind = TypeExprKind::Named;
  Span span;
  std::string name;                   // Named
  const TypeExpr* element = nullptr;  // List, Set, Map (the value type), Optional
};

// ---- expressions ----
enum class ExprKind : uint8_t {
#define EXPR(name) name,
#include "compiler/ast/node_kind.def"
};

struct Expr {
  ExprKind kind;
  Span span;
};

/// What recovery puts where an expression could not be read.
struct ErrorExpr : Expr {};

struct BoolExpr : Expr {
  bool value;
};

/// A number with an optional unit, as written: "60", "0.15", "30s", "10KiB", "5%". Underscores are removed.
struct NumberExpr : Expr {
  std::string digits;   // "0.15"
  std::string unit;     // "", "ms" "s" "m" "h" "d" "w", "B" "KiB" "MiB" "GiB" "KB" "MB" "GB", "%"
  std::string written;  // with its underscores, for the formatter; empty: digits and unit
};

/// A string literal; escapes are resolved in `parts`. With interpolation, text parts and expressions
/// alternate in order.
struct StringPart {
  std::string text;  // when value is nullptr
  const Expr* value = nullptr;
};
struct StringExpr : Expr {
  std::vector<StringPart> parts;  // empty for ""
  [[nodiscard]] bool is_plain() const {
    return parts.empty() || (parts.size() == 1 && parts[0].value == nullptr);
  }
  [[nodiscard]] std::string plain() const { return parts.empty() ? std::string() : parts[0].text; }
};

struct NameExpr : Expr {
  std::string name;
};

/// `a.b`, `a?.b`
struct MemberExpr : Expr {
  const Expr* object;
  Name member;
  bool optional;  // written `?.`
};

/// `a[i]`, `a?[i]`
struct IndexExpr : Expr {
  const Expr* object;
  const Expr* index;
  bool optional;
};

/// `f(x, y)`; `x.f(y)` is a CallExpr whose callee is a MemberExpr.
struct CallExpr : Expr {
  const Expr* callee;
  std::vector<const Expr*> arguments;
};

enum class UnaryOp : uint8_t { Not, Negate };
struct UnaryExpr : Expr {
  UnaryOp op;
  const Expr* operand;
};

enum class BinaryOp : uint8_t {
#define BINARY_OP(name, text) name,
#include "compiler/ast/binary_op.def"
#undef BINARY_OP
};
std::string_view binary_op_text(BinaryOp op);

struct BinaryExpr : Expr {
  BinaryOp op;
  Span op_span;
  const Expr* left;
  const Expr* right;
};

/// `x is present`, `x is absent`
struct PresenceExpr : Expr {
  const Expr* operand;
  bool present;
};

/// `x as T?`
struct CastExpr : Expr {
  const Expr* operand;
  const TypeExpr* type;
};

/// `if c then a else b`
struct IfExpr : Expr {
  const Expr* condition;
  const Expr* then_value;
  const Expr* else_value;
};

enum class Quantifier : uint8_t { Any, All, None };
/// `any x in xs satisfies cond`, `all ...`, `none ...`. Over a map, two names: `any k, v in m satisfies ...`.
struct QuantifierExpr : Expr {
  Quantifier quantifier;
  Name variable;
  Name value_variable;  // text empty unless two names
  const Expr* collection;
  const Expr* condition;
};

/// `[x.id for x in xs if cond]`; `condition` may be nullptr.
struct ComprehensionExpr : Expr {
  const Expr* element;
  Name variable;
  Name value_variable;
  const Expr* collection;
  const Expr* condition;
};

/// `count(call db.* by principal.id within 1h)`, `sum(call pay.* of call.args.amount by ... within ...)`,
/// `distinct(call db.* of call.args.table by ... within ...)`: what happened in the past.
struct WindowExpr : Expr {
  Name function;
  Name hook;
  std::vector<TargetPattern> targets;
  const Expr* value = nullptr;   // behind `of`; nullptr: none
  const Expr* key = nullptr;     // behind `by`; nullptr: one for all
  const Expr* within = nullptr;  // NumberExpr
};

/// `[a, b, c]`: a list or set, by what is expected.
struct ListExpr : Expr {
  std::vector<const Expr*> items;
};

struct FieldInit {
  Name name;  // identifier or string key
  const Expr* value;
};
/// `{ a: 1, "b": 2 }`, or `Order { id: "x" }` when `type_name` is not empty.
struct RecordExpr : Expr {
  Name type_name;
  std::vector<FieldInit> fields;
};

// ---- effects ----
enum class EffectKind : uint8_t {
#define EFFECT(name, text) name,
#include "compiler/ast/effect_kind.def"
#undef EFFECT
};
inline constexpr size_t kEffectCount = 0
#define EFFECT(name, text) +1
#include "compiler/ast/effect_kind.def"
#undef EFFECT
    ;
std::string_view effect_text(EffectKind kind);

struct Effect {
  EffectKind kind;
  Span span;
  const Expr* message = nullptr;        // allow, deny: optional text; describe: the text
  std::vector<TargetPattern> patterns;  // hide tool PATTERN, ...; empty: the tool at hand
  const Expr* path = nullptr;           // set, redact: where (member chain)
  const Expr* value = nullptr;          // set: new value; tag: value (optional)
  std::vector<const Expr*> redactions;  // redact: patterns before `in` (names like pii.email, or regex
                                        // strings); empty: whole value
  Name level;                           // audit: "metadata" or "full"; empty text: metadata
  Name tag;                     // tag: key (identifier or string); emit, start, route, label, require: what
  const Expr* count = nullptr;  // limit: NumberExpr, how many
  const Expr* duration = nullptr;      // limit: NumberExpr, per what; require: within what, optional
  const Expr* burst = nullptr;         // limit: NumberExpr, optional. Its `by` is `value`
  Name role;                           // require ... from role "x": text empty: nobody in particular
  std::vector<const Expr*> arguments;  // start
};

/// `@owner("x")`, `@expires(2027-01-01)`, `@rollout(5% by principal.id)`, `@shadow`.
enum class AnnotationForm : uint8_t { Nothing, Text, Date, Share };
struct Annotation {
  Name name;
  AnnotationForm form = AnnotationForm::Nothing;
  Name text;                    // Text, Date ("2027-01-01")
  const Expr* share = nullptr;  // Share: NumberExpr
  const Expr* by = nullptr;     // Share
  Span span;
};

// ---- declarations ----
enum class DeclKind : uint8_t {
#define DECL(name) name,
#include "compiler/ast/node_kind.def"
};

struct Decl {
  DeclKind kind;
  Span span;
  std::string doc;        // text of the /// lines in front
  bool exported = false;  // written `export`: packs that import this one may use it
  std::vector<Annotation> annotations;
};

/// `pack acme.gateway 1.4.0`
struct PackDecl : Decl {
  Name name;  // dotted
  Name version;
};

/// `import text`, `import acme.common from "../common" as shared`
struct ImportDecl : Decl {
  Name name;   // dotted
  Name from;   // a folder or file, relative to this one; text empty: a module of the library
  Name alias;  // what the file calls it; without `as` the last part of the name
};

/// `default deny` / `default allow`, or for one hook: `default deny on call`
struct DefaultDecl : Decl {
  bool deny;
  Name hook;  // "call", "list tools"...; text empty: every hook with a default but `session`
};

/// `server github schema "schemas/github.json"`; schema text empty: arguments are json
struct ServerDecl : Decl {
  Name name;
  Name schema;
};

/// `agent reviewer card "schemas/reviewer.json"`; card text empty: nothing is known of it
struct AgentDecl : Decl {
  Name name;
  Name card;
};

struct EnumDecl : Decl {
  Name name;
  std::vector<Name> members;
};

struct FieldDecl {
  Name name;
  const TypeExpr* type;
};
struct RecordDecl : Decl {
  Name name;
  std::vector<FieldDecl> fields;
};

/// `list operators: set<string> = [...]`
struct ListDecl : Decl {
  Name name;
  const TypeExpr* type;
  const Expr* value;
};

/// `fact is_operator = ...`; type optional: `fact x: bool = ...`
struct FactDecl : Decl {
  Name name;
  const TypeExpr* type;  // nullptr: inferred
  const Expr* value;
};

struct Parameter {
  Name name;
  const TypeExpr* type;
};
/// `fn overlaps(a: int, b: int) -> bool = a < b`; also the head of a decision
struct FnDecl : Decl {
  Name name;
  std::vector<Parameter> parameters;
  const TypeExpr* result;
  const Expr* body;
};

/// `rule NAME on HOOK [TARGET, ...] [when COND] [on error WORD] EFFECT...`
struct RuleDecl : Decl {
  Name name;
  Name hook;                           // name of an abi::Hook: "call", "list tools", ...
  std::vector<TargetPattern> targets;  // empty: everything
  const Expr* condition = nullptr;     // nullptr: always
  Name on_error;                       // "deny" or "skip"; text empty: as its verdict wants
  std::vector<Effect> effects;
};

/// `rule NAME when COND => VALUE` inside a decision.
struct DecisionRule {
  Name name;
  const Expr* condition = nullptr;
  const Expr* value = nullptr;
  Span span;
};

enum class CellTestKind : uint8_t {
#define CELL_TEST(name, text) name,
#include "compiler/ast/cell_test.def"
#undef CELL_TEST
};
/// "" for Any, Is and the ranges: those are not words in front of a value.
std::string_view cell_test_text(CellTestKind kind);

/// `>= 100`, `gold`, `1..5`, `starts with "a"`, `any`: one test of a cell.
struct CellTest {
  CellTestKind kind = CellTestKind::Any;
  const Expr* value = nullptr;  // ranges: where they begin
  const Expr* high = nullptr;   // ranges: where they end
  Span span;
};
/// `gold, silver`: one of the tests holds; `not gold, silver`: none does.
struct Cell {
  bool negated = false;
  std::vector<CellTest> tests;
  Span span;
};
struct TableRow {
  Name label;  // text empty: none
  std::vector<Cell> cells;
  const Expr* value = nullptr;
  const NumberExpr* priority = nullptr;  // nullptr: none
  Span span;
};

/// `decision NAME(params) -> T { rule ... otherwise => V }`, or `= table POLICY { headers => rows }`. `body`
/// is nullptr.
struct DecisionDecl : FnDecl {
  bool is_table = false;
  std::vector<DecisionRule> rules;
  Name policy;                       // table: "unique", "first", "any" or "collect"
  std::vector<const Expr*> headers;  // table
  std::vector<TableRow> rows;        // table
  const Expr* otherwise = nullptr;   // nullptr: none
  Span otherwise_span;               // of `otherwise => VALUE`
};

enum class RouteClauseKind : uint8_t {
#define ROUTE_CLAUSE(name, text) name,
#include "compiler/ast/route_clause.def"
#undef ROUTE_CLAUSE
};
std::string_view route_clause_text(RouteClauseKind kind);

/// `search_eu weight 3`
struct RouteTarget {
  Name server;
  const Expr* weight = nullptr;  // NumberExpr
};

/// One clause of a route. Numbers are NumberExpr, or ErrorExpr where they could not be read.
struct RouteClause {
  RouteClauseKind kind = RouteClauseKind::To;
  Span span;
  std::vector<RouteTarget> targets;  // to
  Name server;                       // prefer, shadow
  Name word;                         // balance: "hash", "least_loaded", ...
  const Expr* value = nullptr;       // prefer: the condition; balance hash: of what
  const Expr* count = nullptr;       // retry, breaker; shadow: the share
  const Expr* duration = nullptr;    // timeout, hedge, cache; breaker: within what; retry: least backoff
  const Expr* longest = nullptr;     // breaker: how long open; retry: most backoff
  std::vector<Name> causes;          // retry: on what; empty: what is usual
  bool shared = false;               // cache: one answer for all callers
  std::vector<const Expr*> key;      // cache: by what; empty: everything
};

/// `route NAME for call TARGET, ... CLAUSE...`
struct RouteDecl : Decl {
  Name name;
  std::vector<TargetPattern> targets;
  std::vector<RouteClause> clauses;
};

/// `fixture order = { ... }`: a value for tests; without a type it takes the one that is expected where it is
/// used
struct FixtureDecl : Decl {
  Name name;
  const TypeExpr* type = nullptr;
  const Expr* value = nullptr;
};

/// `property NAME { for any HOOK [TARGET, ...] [where COND] expect [not] allow|deny }`
struct PropertyDecl : Decl {
  Name name;
  Name hook;
  std::vector<TargetPattern> targets;
  const Expr* condition = nullptr;  // nullptr: all of them
  bool allowed = false;             // what is expected: `allow` and `not deny`
  Span expectation;
};

/// `given principal { ... }`, `given session {...}`, `given now "2026-01-01T00:00:00Z"`, and `given past call
/// db.query { ... } 21 times 30m ago`
struct TestGiven {
  Name subject;                 // "principal", "session", "client", "now", "labels", "past"
  const Expr* value = nullptr;  // past: nullptr when it has no arguments
  Span span;
  Name hook;  // past
  TargetPattern target;
  const Expr* times = nullptr;  // NumberExpr; nullptr: once
  const Expr* ago = nullptr;    // NumberExpr; nullptr: a moment ago
};
/// `then deny by NAME`, `then allow`, `then hidden`, `then listed`, `then set call.args.x = v`, `then
/// redacted`, `then audit full`, `then tag key = "v"`, `then error overflow by NAME`; `then 5.00 by NAME` of
/// a decision
struct TestExpectation {
  Name what;  // "allow" "deny" "hidden" "listed" "set" "redact" "audit" "tag" "error" "message" "describe"
              // "result"
  Name by;    // rule name, of a decision also "row 3" or "otherwise"; text empty: any
  const Expr* path = nullptr;   // set, redact
  const Expr* value = nullptr;  // set, tag (nullptr: any), message, describe, result
  Name word;             // audit level, tag key, error name; of require, emit, start, route, label: what
  Name role;             // require: string; text empty: any
  Name to;               // route: the server that it goes to first; text empty: any
  bool negated = false;  // `not limit`
  Span span;
};
/// A row of `cases { ... }`: what the names of its columns stand for in one run of the test.
struct TestCase {
  std::vector<TestExpectation> cells;
  Span span;
};
struct TestDecl : Decl {
  Name title;                        // string
  std::vector<const Expr*> expects;  // conditions on functions and lists; then there is nothing below
  std::vector<Name> case_names;      // columns of `cases`
  std::vector<TestCase> cases;
  Span cases_span;
  std::vector<TestGiven> givens;
  Name hook;  // of `when`; text empty: `call` is a decision
  TargetPattern target;
  const Expr* call = nullptr;  // `when shipping_fee(...)`
  /// RecordExpr after the target: arguments, or members of the hook's input; nullptr: {}
  const Expr* input = nullptr;
  const Expr* result = nullptr;  // hooks result and reply: `returning { ... }`
  std::vector<TestExpectation> expectations;
};

/// One parsed file and the memory of its nodes. Move-only.
class Ast {
 public:
  Ast() = default;
  Ast(Ast&&) noexcept = default;
  Ast& operator=(Ast&&) noexcept = default;

  /// Makes a node that lives as long as the Ast. `kind` must be the one that belongs to T.
  template <class T>
  T* make() {
    auto node = std::make_shared<T>();
    nodes_.push_back(node);
    return node.get();
  }

  source::FileId file;
  std::vector<const Decl*> declarations;  // in source order

 private:
  std::deque<std::shared_ptr<void>> nodes_;
};

}  // namespace catalyst::ast
