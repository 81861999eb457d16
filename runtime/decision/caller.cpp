#include "runtime/decision/caller.h"

#include "runtime/abi/frame.h"
#include "runtime/decision/trace_collector.h"
#include "runtime/value/json_text.h"
#include "runtime/value/ops.h"

namespace catalyst::decision {

using value::Status;
using value::Value;

struct Caller::Impl {
  explicit Impl(const Limits& call_limits) : limits(call_limits), arena(call_limits.arena_bytes) {}

  Limits limits;
  Arena arena;
  std::vector<Value> slots;
};

Caller::Caller(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {}
Caller::~Caller() = default;
Caller::Caller(Caller&&) noexcept = default;

std::optional<uint32_t> find_decision(const Pack& pack, std::string_view name) {
  const std::vector<abi::DecisionInfo>& decisions = pack.unit().decisions;
  for (uint32_t i = 0; i < decisions.size(); ++i) {
    if (decisions[i].name == name) {
      return i;
    }
  }
  return std::nullopt;
}

namespace {

/// What a decision reads: its arguments alone. It has neither facts nor symbols, which belong to hooks.
abi::Frame frame_of(const Limits& limits, const std::vector<Value>& slots, Arena& arena) {
  abi::Frame frame;
  frame.slots = slots.data();
  frame.arena = &arena;
  frame.fuel = limits.fuel_per_rule;
  frame.fuel_limit = limits.fuel_per_rule;
  return frame;
}

/// Runs the decision once more in the interpreter, which reports what it evaluates.
void explain_call(const abi::Unit& unit, const abi::DecisionInfo& decision, abi::Frame frame,
                  CallResult& out) {
  struct RowCollector : TraceCollector {
    RowCollector(const abi::Unit& u, const abi::DecisionInfo& d)
        : TraceCollector(u), decision(d), inner(record) {
      record = &RowCollector::take_row;
    }
    static void take_row(abi::TraceSink* self, uint32_t expr, Status status, const Value* v) noexcept {
      auto* collector = static_cast<RowCollector*>(self);
      if (expr == collector->decision.chooser && status == Status::Ok) {
        collector->rows = row_names(collector->decision, *v);
      }
      collector->inner(self, expr, status, v);
    }
    const abi::DecisionInfo& decision;
    void (*inner)(abi::TraceSink*, uint32_t, Status, const Value*) noexcept;
    std::vector<std::string> rows;
  };
  RowCollector collector(unit, decision);
  frame.trace = &collector;
  Value ignored;
  [[maybe_unused]] const Status same =
      unit.interpreter.evaluate(unit.interpreter.self, &frame, decision.call, &ignored);
  out.rows = std::move(collector.rows);
  out.conditions = std::move(collector.conditions);
}

}  // namespace

CallResult Caller::call(const Pack& pack, uint32_t decision_index, std::string_view arguments,
                        Explain explain) {
  const abi::Unit& unit = pack.unit();
  const abi::DecisionInfo& decision = unit.decisions[decision_index];
  CallResult out;
  impl_->arena.reset();
  impl_->slots.assign(unit.slots.size(), Value::absent());
  out.problems =
      read_arguments(unit, decision, arguments, impl_->limits.json_depth, impl_->arena, impl_->slots);
  if (!out.problems.empty()) {
    return out;
  }
  abi::Frame frame = frame_of(impl_->limits, impl_->slots, impl_->arena);
  Value answer;
  out.status = unit.evaluator.evaluate(unit.evaluator.self, &frame, decision.call, &answer);
  if (out.status == Status::Ok) {
    out.outcome = CallResult::Outcome::Decided;
    if (answer.is_absent()) {
      out.json = "null";
    } else {
      value::append_json(out.json, answer);
    }
  } else {
    out.outcome = CallResult::Outcome::Failed;
    out.place = frame.error_expr < unit.places.size() ? unit.places[frame.error_expr] : abi::SourcePlace();
  }
  if (explain == Explain::Yes) {
    explain_call(unit, decision, frame_of(impl_->limits, impl_->slots, impl_->arena), out);
  }
  return out;
}

std::string explanation_json(const Pack& pack, const CallResult& result) {
  std::string out = "{\"rows\":[";
  for (const std::string& row : result.rows) {
    out += (out.back() == '[' ? "" : ",") + value::json_string(row);
  }
  return out + "],\"conditions\":" + conditions_json(result.conditions, file_names(pack)) + "}";
}

std::string explanation_text(const Pack& pack, const CallResult& result) {
  std::string out = "by ";
  for (const std::string& row : result.rows) {
    out += (out.size() == 3 ? "" : ", ") + row;
  }
  return (result.rows.empty() ? std::string() : out + "\n") +
         conditions_text(result.conditions, file_names(pack));
}

}  // namespace catalyst::decision
