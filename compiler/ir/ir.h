#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/source/source.h"
#include "compiler/types/type.h"
#include "runtime/abi/hook.h"
#include "runtime/abi/input.h"
#include "runtime/abi/lookup_table.h"
#include "runtime/abi/route.h"
#include "runtime/abi/rule_terms.h"
#include "runtime/base/arena.h"
#include "runtime/base/ids.h"
#include "runtime/value/value.h"

// The typed form of a pack: what check produces, and what the interpreter, the planner, the code generator,
// analysis and packs read. Expressions are total and pure, in one vector, operands before users.

namespace catalyst::ir {

using source::Span;
using types::TypeId;

using ExprId = Id<struct ExprTag>;
using SlotId = Id<struct SlotTag>;
using ConstId = Id<struct ConstTag>;
using FactId = Id<struct FactTag>;
using FnId = Id<struct FnTag>;
using RuleId = Id<struct RuleTag>;
using TargetId = Id<struct TargetTag>;
using RegexId = Id<struct RegexTag>;
using TableId = Id<struct TableTag>;
using DecisionId = Id<struct DecisionTag>;
using WindowId = Id<struct WindowTag>;

inline constexpr int kVariadic = -1;

enum class Op : uint8_t {
#define OP(name, text, arity) name,
#include "compiler/ir/op.def"
#undef OP
};
std::string_view op_text(Op op);
/// kVariadic when it differs from use to use.
int op_arity(Op op);
/// Do both tiers report this expression to Frame::trace once it is evaluated? Inputs, facts, calls, and every
/// test: what a reader of an explanation wants to see; connectives and arithmetic follow from them.
bool is_traced(Op op);
/// Is equality on this type structural, and so charged by size?
bool is_composite(const types::TypeTable& table, TypeId type);

/// Limits that verify enforces, so that evaluation needs no checks of its own.
inline constexpr uint32_t kMaxLocals = 64;  // of one root or function
inline constexpr uint32_t kMaxDepth =
    4096;  // operands inside operands, facts and functions included: the evaluator's stack
inline constexpr uint32_t kCallLevels = 2;       // what a call or fact counts: it has locals of its own
inline constexpr uint32_t kMaxOperands = 65536;  // of one expression
inline constexpr uint32_t kMaxTree = 4'000'000;  // below one root, each use of a shared expression counted
inline constexpr uint64_t kMaxTrees = 16 * uint64_t{kMaxTree};  // below all roots together

inline constexpr uint32_t kMaxWindows = 256;

inline constexpr uint32_t kMaxTableRows = abi::LookupTable::kMaxRows;

struct Expr {
  Op op;
  TypeId type;
  uint32_t payload = 0;
  uint32_t operands_begin = 0;  // in Module::operands
  uint32_t operand_count = 0;
};

/// An input that rules read: a root (`principal.id`, `call.args`...) and, below JSON roots, a path of member
/// names. Rules that read the same path as different types have different slots.
struct Slot {
  abi::InputRoot root;
  std::vector<std::string> path;
  TypeId type;  // optional when the input may be missing without error
};

struct Fact {
  std::string name;
  ExprId value;
  uint32_t local_count = 0;
};

struct Function {
  std::string name;
  std::vector<TypeId> parameters;  // locals 0..n-1
  TypeId result;
  ExprId body;
  uint32_t local_count = 0;  // parameters included
};

/// What a cell asks of the value in its column. Between: bounds of the column's type, an invalid one is open.
/// The others: `low` is the text.
struct TableTest {
  using Kind = abi::LookupTable::TestKind;
  Kind kind = Kind::Between;
  ConstId low;
  ConstId high;
  bool low_included = true;
  bool high_included = true;
};
/// Matches an absent value when `absent`; one that is there when some test holds, or with `negated` when none
/// does. So `any` is {absent, negated, no tests}.
struct TableCell {
  bool absent = false;
  bool negated = false;
  std::vector<TableTest> tests;
};
struct TableColumn {
  TypeId type;
  std::vector<TableCell> cells;  // different ones
  std::vector<uint32_t> rows;    // each row's cell
};
/// Conditions of many rows over the same values, all tests against constants: evaluated together
/// (abi::LookupTable).
struct Table {
  std::vector<TableColumn> columns;
  uint32_t row_count = 0;
};

enum class HitPolicy : uint8_t { Rules, Unique, First, Any, Collect };

/// A decision is a function; this is what people and callers from outside know of it.
struct Decision {
  struct Row {
    std::string name;  // of a rule or a labelled row; "row 3" otherwise
    Span span;
  };
  std::string name;
  std::string doc;
  Span span;  // of the name
  FnId function;
  HitPolicy policy = HitPolicy::Rules;
  std::vector<std::string> parameters;
  ExprId chooser;         // FirstTrue, Lookup or LookupAll in the function's body: which row
  ExprId call;            // a root: the call with its parameters read from slots below InputRoot::Argument
  std::vector<Row> rows;  // as the chooser counts them
  bool has_otherwise = false;
};

/// What of the past is counted: requests of a hook that were allowed and sent. Key and value are read from
/// the request that is counted.
using WindowKind = abi::WindowKind;
struct Window {
  std::string name;  // how it is written; windows of one name share their counters, across packs too
  Span span;
  WindowKind kind = WindowKind::Count;
  abi::Hook hook = abi::Hook::Call;
  TargetId target;
  ExprId key;                // a string; invalid: one for all
  ExprId value;              // Sum: decimal; Distinct: string; Count: invalid
  uint32_t local_count = 0;  // of key and value together
  int64_t within_us = 0;
};
/// A window as a request asks for it, under a key that the asking request says. Its value is an input:
/// `slot`, below InputRoot::Window.
struct WindowRead {
  WindowId window;
  SlotId slot;
  ExprId key;  // a string; invalid: the window has none
  uint32_t local_count = 0;
};

/// A set of tools: any of the patterns. Globs over the configured server name and the upstream's tool name.
struct TargetPattern {
  std::string server;
  std::string tool;
  bool operator==(const TargetPattern&) const = default;
};
struct Target {
  std::vector<TargetPattern> patterns;  // empty: everything
};

enum class VerdictKind : uint8_t { None, Allow, Deny };

/// What a rule does whose condition fails. Usual: a deny denies, an allow does nothing, other effects happen.
using OnError = abi::OnError;

enum class EffectKind : uint8_t {
  Hide,
  Set,
  Redact,
  Audit,
  Tag,
  Limit,
  Require,
  Emit,
  Start,
  Route,
  Label,
  Describe
};

struct Effect {
  EffectKind kind;
  Span span;
  TargetId target;                // Hide: which tools (within the rule's target); invalid: all of them
  std::vector<std::string> path;  // Set: below what the hook's `set` changes; Redact: below `place` ("*" =
                                  // every element or member)
  abi::RedactPlace place = abi::RedactPlace::Result;  // Redact
  // Set: new value; Tag: text (string), invalid: "true"; Limit: key (string), invalid: one for all; Emit: the
  // data, Start: the arguments, invalid: none; Describe: the text
  ExprId value;
  std::vector<uint32_t> redactions;  // Redact: indexes into Module::redactions; empty: the whole value
  uint8_t audit_level = 0;           // Audit: decision::AuditLevel
  std::string tag;                   // Tag: key; Require, Emit, Start, Route, Label: what
  std::string role;                  // Require: of whom; "" when of nobody in particular
  int64_t count = 0;                 // Limit: how many
  int64_t burst = 0;                 // Limit: how many at once
  int64_t duration_us = 0;           // Limit: per what; Require: within what, 0: no limit
};

/// What a redaction finds in text: an RE2 pattern, and for cards and IBANs a checksum that must hold too.
enum class RedactionCheck : uint8_t { None, Luhn, Iban };
struct Redaction {
  std::string name;     // "pii.email", or the pattern itself
  std::string pattern;  // RE2
  RedactionCheck check = RedactionCheck::None;
};

struct Rule {
  std::string name;
  std::string doc;
  Span span;  // of the name
  abi::Hook hook;
  TargetId target;
  ExprId condition;          // invalid: always
  uint32_t local_count = 0;  // of condition, message and effect values together
  VerdictKind verdict = VerdictKind::None;
  ExprId message;  // string; invalid: none
  std::vector<Effect> effects;
  bool shadow = false;  // evaluated and reported, never enforced
  std::string owner;
  std::string ticket;
  std::string guidance;  // for whoever is denied
  OnError on_error = OnError::Usual;
};

/// `property NAME { for any ... where ... expect ... }`: what must be true of every request.
struct Property {
  std::string name;
  std::string doc;
  Span span;  // of the name
  abi::Hook hook = abi::Hook::Call;
  TargetId target;
  ExprId condition;  // invalid: all of them
  uint32_t local_count = 0;
  bool allowed = false;  // what is expected
};

/// `prefer SERVER when CONDITION`
struct RoutePrefer {
  uint32_t target = 0;  // in Route::targets
  ExprId condition;     // bool
  Span span;            // of the clause
};

/// A `route` declaration; what its parts mean is said where the runtime reads them (abi::Route).
struct Route {
  std::string name;
  std::string doc;
  Span span;       // of the name
  TargetId calls;  // what it is for
  std::vector<abi::RouteTarget> targets;
  std::vector<RoutePrefer> prefers;
  abi::Balance balance = abi::Balance::Weighted;
  ExprId hash;  // string; valid with Balance::Hash alone
  uint32_t timeout_ms = 0;
  std::optional<abi::RetryPolicy> retry;
  std::optional<abi::BreakerPolicy> breaker;
  std::optional<uint32_t> hedge_after_ms;
  std::optional<abi::CachePolicy> cache;
  std::vector<ExprId> key;  // of the cache; invalid: the arguments as they are sent, whole
  std::optional<abi::ShadowPolicy> shadow;
  bool repeatable = false;
  uint32_t local_count = 0;  // of all expressions together
};

/// A `test` block, reduced to data. JSON texts.
struct TestExpectation {
  enum class Kind : uint8_t {
    Allow,
    Deny,
    Hidden,
    Listed,
    Set,
    Redact,
    Audit,
    Tag,
    Error,
    Message,
    Limit,
    Require,
    Emit,
    Start,
    Route,
    Label,
    Describe,
    Result
  };
  Kind kind;
  Span span;
  std::string by;  // rule name (of a decision: row name or "otherwise"), or ""
  std::vector<std::string> path;
  abi::RedactPlace place = abi::RedactPlace::Result;  // Redact, when there is a path
  std::string text;      // Set: JSON; Tag: value; Audit: level; Error: status name; Message, Describe: text;
                         // Result: JSON; Require: role; Route: the server that it prefers. Of Set, Tag,
                         // Require and Route "": any
  std::string key;       // Tag; Require, Emit, Start, Route, Label: what
  bool negated = false;  // it must not happen
};
/// `expect CONDITION`: reads functions and lists alone, so it needs no request. Of an equality, both sides.
struct TestClaim {
  Span span;
  ExprId condition;
  ExprId left;
  ExprId right;
  uint32_t local_count = 0;  // of condition, left and right together
};
/// What was sent before the request that a test is about.
struct PastCall {
  abi::Hook hook = abi::Hook::Call;
  std::string server;
  std::string tool;
  std::string args;    // JSON object
  std::string params;  // JSON object
  uint32_t times = 1;
  int64_t ago_us = 0;
};
struct Test {
  std::string title;
  Span span;
  std::vector<TestClaim> claims;  // then there is no request and nothing below counts
  std::string decision;           // "": a test of a hook. Otherwise args hold its arguments by name
  abi::Hook hook = abi::Hook::Call;
  std::string server;
  std::string tool;       // or prompt, uri, event
  std::string principal;  // JSON object {id, tenant, roles, risk, mfa, claims}
  std::string session;    // JSON object
  std::string labels;     // JSON array
  std::string client;     // JSON object
  std::string args;
  std::string params;
  std::string result;
  std::string definition;
  int64_t now_us = 0;
  std::vector<PastCall> past;
  std::vector<TestExpectation> expectations;
};

/// Replaceable data: `list` declarations (constants until replaced at run time).
struct Module {
  std::string pack_name;
  std::string pack_version;
  bool default_deny[abi::kHookCount] = {};

  types::TypeTable types;
  std::vector<Expr> exprs;
  std::vector<Span> expr_spans;  // parallel to exprs
  std::vector<ExprId> operands;
  std::vector<value::Value> consts;  // point into const_arena
  std::vector<TypeId> const_types;
  std::vector<std::string> regexes;
  std::vector<Redaction> redactions;
  std::vector<Slot> slots;
  std::vector<Fact> facts;
  std::vector<Function> functions;
  std::vector<Table> tables;
  std::vector<Decision> decisions;
  std::vector<Target> targets;
  std::vector<Window> windows;
  std::vector<WindowRead> window_reads;
  std::vector<Rule> rules;    // declaration order
  std::vector<Route> routes;  // declaration order
  std::vector<Property> properties;
  std::vector<Test> tests;
  /// The tools that the schemas have, in the order of the servers.
  std::vector<TargetPattern> known_tools;
  Arena const_arena{256u * 1024 * 1024};

  [[nodiscard]] const Expr& expr(ExprId id) const { return exprs[id.index]; }
  [[nodiscard]] ExprId operand(const Expr& e, uint32_t i) const { return operands[e.operands_begin + i]; }
};

}  // namespace catalyst::ir
