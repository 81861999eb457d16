#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/frame.h"
#include "runtime/abi/hook.h"
#include "runtime/abi/input.h"
#include "runtime/abi/plan.h"
#include "runtime/abi/route.h"
#include "runtime/abi/rule_terms.h"
#include "runtime/abi/source_place.h"
#include "runtime/value/value.h"

namespace catalyst::abi {

/// The run-time shape of a type: what input JSON must look like. Indexes refer to Unit::shapes.
struct Shape {
  enum class Kind : uint8_t {
    Bool,
    Int,
    Decimal,
    Float,
    String,
    Bytes,
    Time,
    Duration,
    Ip,
    Json,
    Enum,
    Record,
    List,
    Set,
    Map
  };
  struct Field {
    std::string name;
    uint32_t shape;
    bool optional;
  };
  Kind kind = Kind::Json;
  uint32_t element = 0;
  std::vector<std::string> members;  // Enum
  std::vector<Field> fields;         // Record
};

/// An input the unit reads (see compiler/ir Slot).
struct Slot {
  InputRoot root;
  std::vector<std::string> path;
  uint32_t shape = 0;
  bool optional = false;
};

struct SourceText {
  std::string path;
  std::string text;
};

enum class RuleVerdict : uint8_t { None, Allow, Deny };

struct RuleEffect {
  enum class Kind : uint8_t {
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
  static constexpr uint32_t kNone = UINT32_MAX;
  Kind kind;
  uint32_t target = kNone;        // Hide: index in Unit::targets
  std::vector<std::string> path;  // Set, Redact
  uint32_t value = kNone;  // Set, Tag, Limit (key), Emit (data), Start (arguments), Describe: expression
  std::vector<uint32_t> redactions;  // Redact
  RedactPlace place = RedactPlace::Result;
  uint8_t audit_level = 0;
  std::string tag;          // Tag: key; Require, Emit, Start, Route, Label: what
  std::string role;         // Require
  int64_t count = 0;        // Limit
  int64_t burst = 0;        // Limit
  int64_t duration_us = 0;  // Limit, Require
};

struct RuleInfo {
  static constexpr uint32_t kNone = UINT32_MAX;
  std::string name;
  Hook hook = Hook::Call;
  RuleVerdict verdict = RuleVerdict::None;
  uint32_t target = 0;
  uint32_t condition = kNone;  // expression; kNone: always
  uint32_t message = kNone;    // expression
  std::vector<RuleEffect> effects;
  SourcePlace place;
  bool shadow = false;  // evaluated and reported, never enforced
  std::string owner;
  std::string ticket;
  std::string guidance;
  OnError on_error = OnError::Usual;

  /// It has a say besides its verdict, so it is asked even when another rule has decided.
  [[nodiscard]] bool collects() const {
    return !effects.empty() || (on_error == OnError::Deny && verdict != RuleVerdict::Deny);
  }
  /// Whether it matches although its condition failed.
  [[nodiscard]] bool matches_failed() const {
    return on_error == OnError::Deny || (on_error == OnError::Usual && verdict != RuleVerdict::Allow);
  }
};

/// See ir::Window.
struct WindowInfo {
  static constexpr uint32_t kNone = UINT32_MAX;
  std::string name;
  WindowKind kind = WindowKind::Count;
  Hook hook = Hook::Call;
  uint32_t target = 0;
  uint32_t key = kNone;    // expression
  uint32_t value = kNone;  // expression
  int64_t within_us = 0;
};
/// See ir::WindowRead.
struct WindowRead {
  uint32_t window = 0;
  uint32_t slot = 0;
  uint32_t key = WindowInfo::kNone;  // expression
};

/// A decision as callers from outside see it.
struct DecisionInfo {
  struct Parameter {
    std::string name;
    uint32_t slot = 0;  // in Unit::slots: where its value is put
  };
  struct Row {
    std::string name;
    SourcePlace place;
  };
  std::string name;
  std::string doc;
  SourcePlace place;
  std::vector<Parameter> parameters;
  uint32_t result = 0;  // in Unit::shapes
  bool result_optional = false;
  uint32_t call = 0;      // expression: evaluates the decision
  uint32_t chooser = 0;   // expression: index of the row that decides, of a collecting table a list of them
  std::vector<Row> rows;  // as the chooser counts; one more means `otherwise`
};

struct TargetPattern {
  std::string server;
  std::string tool;
};

struct Redaction {
  enum class Check : uint8_t { None, Luhn, Iban };
  std::string name;
  std::string pattern;
  Check check = Check::None;
};

/// A compiled pack as the runtime sees it: tables, an evaluator for its expressions, and the decision plan of
/// each hook. Immutable after it is built; `keep_alive` owns whatever the function pointers need (interpreter
/// module, machine code).
struct Unit {
  std::string pack_name;
  std::string pack_version;
  bool default_deny[kHookCount] = {};

  std::vector<Shape> shapes;
  std::vector<Slot> slots;
  uint32_t fact_count = 0;
  std::vector<std::string> fact_names;
  std::vector<std::vector<TargetPattern>> targets;  // empty list: everything
  std::vector<RuleInfo> rules;                      // declaration order
  std::vector<WindowInfo> windows;
  std::vector<WindowRead> window_reads;
  std::vector<DecisionInfo> decisions;  // declaration order
  std::vector<Route> routes;            // declaration order: a call takes the first whose target matches
  std::vector<Redaction> redactions;
  std::vector<SourceText> files;
  std::vector<SourcePlace> places;  // one per expression

  ExprEvaluator evaluator;    // what decisions use: interpreter first, native when ready
  ExprEvaluator interpreter;  // the reference, always there: explanations and cross-checks
  HookPlan plans[kHookCount];
  std::vector<SymbolFeature> symbol_features;  // at least kTool and kServer
  std::vector<MaskFeature> mask_features;
  uint32_t mask_words = 0;      // of all mask features together
  const char* tier = "packed";  // "packed" or "native"
  std::shared_ptr<const void> keep_alive;
};

}  // namespace catalyst::abi
