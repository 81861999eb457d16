#pragma once

#include <cstdint>

#include "runtime/base/arena.h"
#include "runtime/value/value.h"

namespace catalyst::abi {

struct Frame;

/// Receives the conditions of an explained evaluation, in evaluation order. Both tiers report the same
/// expressions: every comparison, membership, string test, presence test, quantifier, boolean slot, fact and
/// function call that a condition evaluates, after its value is known, and every slot that is read; with
/// `status` not Ok when it failed (`value` is then Absent).
struct TraceSink {
  void (*record)(TraceSink* self, uint32_t expr, value::Status status,
                 const value::Value* value) noexcept = nullptr;
};

/// State of one evaluation, owned by the evaluator's thread. Compiled code reads it by offset: the layout is
/// part of the ABI and frame.cpp asserts it.
struct Frame {
  const value::Value* slots =
      nullptr;  // one per unit slot: the input converted to the slot's type, Absent, or Invalid
  const int32_t* symbols =
      nullptr;  // one per symbol feature (plan.h): kSymbolUnknown, kSymbolAbsent, or the id in its table
  const uint64_t* masks =
      nullptr;  // bit sets of set-valued slots, at the offsets that the mask features assign
  value::Value* facts = nullptr;   // memo, one per fact
  int32_t* fact_status = nullptr;  // kFactUnset, or the Status of its evaluation
  uint32_t* fact_error = nullptr;  // the failing expression when fact_status is an error
  Arena* arena = nullptr;          // results of strings and collections made on the way
  TraceSink* trace = nullptr;      // nullptr unless explaining
  int64_t fuel = 0;         // what is left for the condition (or fact) at hand; loops, scans, calls charge it
  uint32_t fuel_limit = 0;  // what each condition and each fact starts with
  uint32_t error_expr = 0;  // set together with a Status that is not Ok: the innermost expression that failed
  const uint64_t* targets = nullptr;  // bit t: Unit::targets[t] matches the tool of the request
  /// Decides one rule of the current hook by its whole condition, errors included: what bucket functions call
  /// when atoms do not suffice. 1 when the rule matches. `rank` is its place in HookPlan::ranked.
  int32_t (*decide_rule)(Frame* self, uint32_t rank) noexcept = nullptr;
};

inline constexpr int32_t kSymbolUnknown = -1;
inline constexpr int32_t kSymbolAbsent = -2;
inline constexpr int32_t kFactUnset = -1;
inline constexpr int32_t kFactUnknown = -2;  // of ExprEvaluator::partial alone

/// Truth of a condition: 0 false, 1 true, kTruthError + Status when it failed (Frame::error_expr says where).
using Truth = int32_t;
inline constexpr Truth kFalse = 0;
inline constexpr Truth kTrue = 1;
inline constexpr Truth kTruthError = 2;
/// Of ExprEvaluator::partial: it depends on the content of the request.
inline constexpr Truth kUnknown = -1;

/// Evaluates expressions of one unit: the interpreter, or native code. Thread-safe and noexcept; state is in
/// the frame alone.
struct ExprEvaluator {
  const void* self = nullptr;
  /// A boolean root. Resets nothing: the caller sets frame->fuel.
  Truth (*condition)(const void* self, Frame* frame, uint32_t expr) noexcept = nullptr;
  /// Any root; `*out` is Absent when the status is not Ok.
  value::Status (*evaluate)(const void* self, Frame* frame, uint32_t expr,
                            value::Value* out) noexcept = nullptr;
  /// The truth of a boolean root whatever the request's content (CallArgs, Params) is, or kUnknown. Facts
  /// that it leaves in the frame are of no use to the others. nullptr in native code.
  Truth (*partial)(const void* self, Frame* frame, uint32_t expr) noexcept = nullptr;
};

}  // namespace catalyst::abi
