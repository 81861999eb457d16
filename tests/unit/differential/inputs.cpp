#include "tests/unit/differential/inputs.h"

#include <cmath>
#include <cstring>

#include "runtime/value/ip.h"

namespace catalyst::differential {
namespace {

using types::TypeId;
using types::TypeKind;
using value::Entry;
using value::Kind;
using value::Status;
using value::Value;

class Inputs {
 public:
  Inputs(const ir::Module& module, Random& random, Arena& arena)
      : types_(module.types), random_(random), arena_(arena) {}

  Value of(TypeId type) {
    const types::Type& t = types_.get(type);
    switch (t.kind) {
      case TypeKind::Optional:
        return one_in(random_, 3) ? Value::absent() : of(t.element);
      case TypeKind::Bool:
        return Value::of_bool(one_in(random_, 2));
      case TypeKind::Int:
        return Value::of_int(integer());
      case TypeKind::Time:
        return Value::of_int(integer(), Kind::Time);
      case TypeKind::Duration:
        return Value::of_int(integer(), Kind::Duration);
      case TypeKind::Decimal:
        return decimal();
      case TypeKind::Float: {
        static constexpr double kFloats[] = {0.0,   -0.0,   1.0,      1.5,       -2.25,
                                             1e308, 5e-324, INFINITY, -INFINITY, NAN};
        return Value::of_float(kFloats[below(random_, std::size(kFloats))]);
      }
      case TypeKind::String:
        return text();
      case TypeKind::Enum:
        return Value::of_string(t.members[below(random_, static_cast<uint32_t>(t.members.size()))]);
      case TypeKind::Ip: {
        static constexpr std::string_view kIps[] = {"10.1.2.3", "192.168.1.1", "8.8.8.8",
                                                    "::1",      "2001:db8::1", "10.0.0.0/8"};
        return *value::parse_ip(kIps[below(random_, std::size(kIps))]);
      }
      case TypeKind::List:
      case TypeKind::Set:
        return list(t);
      case TypeKind::Map:
        return map(t);
      case TypeKind::Record:
        return record(t);
      case TypeKind::Json:
        return json(3);
      case TypeKind::Bytes:
      case TypeKind::Error:
        return Value::absent();
    }
    return Value::absent();
  }

 private:
  int64_t integer() {
    static constexpr int64_t kInts[] = {
        0, 1, -1, 2, 5, 10, 60, 100, INT64_MAX, INT64_MIN, INT64_MAX - 1, 1'700'000'000'000'000};
    return one_in(random_, 2) ? kInts[below(random_, std::size(kInts))]
                              : static_cast<int64_t>(below(random_, 200)) - 100;
  }

  Value decimal() {
    __int128 c = integer();
    auto scale = static_cast<uint8_t>(below(random_, 6));
    if (one_in(random_, 6)) {
      c *= INT64_MAX;
    }
    while (scale > 0 && c % 10 == 0) {
      c /= 10;
      scale--;
    }
    return Value::of_decimal(c, scale);
  }

  Value text() {
    static constexpr std::string_view kTexts[] = {"",
                                                  "a",
                                                  "b",
                                                  "aab",
                                                  "x",
                                                  "xy",
                                                  "prod",
                                                  "dev",
                                                  "12",
                                                  "1234",
                                                  "é",
                                                  "zé",
                                                  "12.50",
                                                  "2026-01-01T00:00:00Z",
                                                  "日本語",
                                                  "10.1.2.3",
                                                  "a much longer text that is no small string"};
    return Value::of_string(kTexts[below(random_, std::size(kTexts))]);
  }

  uint32_t length() { return one_in(random_, 10) ? below(random_, 200) : below(random_, 5); }

  Value list(const types::Type& t) {
    const uint32_t n = length();
    Value* items = arena_.alloc_array<Value>(n);
    uint32_t used = 0;
    for (uint32_t i = 0; i < n; i++) {
      const Value v = of(t.element);
      bool repeated = false;
      for (uint32_t j = 0; t.kind == TypeKind::Set && j < used; j++) {
        repeated = repeated || exact(items[j]) == exact(v);
      }
      if (!repeated) {
        items[used++] = v;
      }
    }
    return Value::of_list(items, used);
  }

  Value map(const types::Type& t) {
    static constexpr std::string_view kKeys[] = {"a", "b", "x", "prod", "é"};
    const uint32_t n = below(random_, std::size(kKeys) + 1);
    Entry* entries = arena_.alloc_array<Entry>(n);
    for (uint32_t i = 0; i < n; i++) {
      entries[i] = {kKeys[i], of(t.element)};
    }
    return Value::of_map(entries, n);
  }

  Value record(const types::Type& t) {
    Entry* entries = arena_.alloc_array<Entry>(t.fields.size());
    for (size_t i = 0; i < t.fields.size(); i++) {
      entries[i] = {t.fields[i].name, of(t.fields[i].type)};
    }
    return Value::of_map(entries, static_cast<uint32_t>(t.fields.size()));
  }

  Value json(int depth) {
    switch (below(random_, depth > 0 ? 8 : 5)) {
      case 0:
        return Value::of_bool(one_in(random_, 2));
      case 1:
        return Value::of_int(integer());
      case 2:
        return decimal();
      case 3:
      case 4:
        return text();
      case 5: {
        const uint32_t n = below(random_, 4);
        Value* items = arena_.alloc_array<Value>(n);
        for (uint32_t i = 0; i < n; i++) {
          items[i] = json(depth - 1);
        }
        return Value::of_list(items, n);
      }
      default: {
        static constexpr std::string_view kKeys[] = {"a", "b", "c"};
        const uint32_t n = below(random_, 4);
        Entry* entries = arena_.alloc_array<Entry>(n);
        for (uint32_t i = 0; i < n; i++) {
          entries[i] = {kKeys[i], json(depth - 1)};
        }
        return Value::of_map(entries, n);
      }
    }
  }

  const types::TypeTable& types_;
  Random& random_;
  Arena& arena_;
};

struct Recorder : abi::TraceSink {
  std::vector<std::string> lines;
};

void record_line(abi::TraceSink* sink, uint32_t expr, Status status, const Value* value) noexcept {
  static_cast<Recorder*>(sink)->lines.push_back(
      "%" + std::to_string(expr) + " " + std::string(value::status_name(status)) + " " + exact(*value));
}

}  // namespace

std::string exact(const Value& v) {
  std::string out = std::to_string(static_cast<int>(v.kind));
  switch (v.kind) {
    case Kind::Absent:
    case Kind::Invalid:
      break;
    case Kind::String:
    case Kind::Bytes:
      out.append("'").append(v.text()).append("'");
      break;
    case Kind::Float:
      out.append(std::isnan(v.a.real) ? ":nan" : ":" + std::to_string(v.a.low));
      break;
    case Kind::Bool:
    case Kind::Int:
    case Kind::Time:
    case Kind::Duration:
      out.append(":" + std::to_string(v.a.integer));
      break;
    case Kind::Decimal:
    case Kind::Ip:
      out.append(":" + std::to_string(v.scale) + ":" + std::to_string(v.a.low) + ":" +
                 std::to_string(v.b.high));
      break;
    case Kind::List:
      for (uint32_t i = 0; i < v.length; i++) {
        out.append(" ").append(exact(v.a.items[i]));
      }
      out.append("]");
      break;
    case Kind::Map:
      for (uint32_t i = 0; i < v.length; i++) {
        out.append(" ").append(v.a.entries[i].key).append("=").append(exact(v.a.entries[i].value));
      }
      out.append("}");
      break;
  }
  return out;
}

std::vector<Value> generate_inputs(const ir::Module& module, Random& random, Arena& arena) {
  std::vector<Value> slots;
  Inputs inputs(module, random, arena);
  for (const ir::Slot& slot : module.slots) {
    slots.push_back(one_in(random, 20) ? Value::invalid()
                                       : (one_in(random, 20) ? Value::absent() : inputs.of(slot.type)));
  }
  return slots;
}

Outcome evaluate(const ir::Module& module, const abi::ExprEvaluator& evaluator, ir::ExprId root,
                 const std::vector<Value>& slots, uint32_t fuel, Tracing tracing) {
  static thread_local Arena arena;
  arena.reset();
  std::vector<Value> facts(module.facts.size());
  std::vector<int32_t> fact_status(module.facts.size(), abi::kFactUnset);
  std::vector<uint32_t> fact_error(module.facts.size(), 0);
  Recorder recorder;
  recorder.record = &record_line;
  abi::Frame frame;
  frame.slots = slots.data();
  frame.facts = facts.data();
  frame.fact_status = fact_status.data();
  frame.fact_error = fact_error.data();
  frame.arena = &arena;
  frame.trace = tracing == Tracing::On ? &recorder : nullptr;
  frame.fuel = fuel;
  frame.fuel_limit = fuel;

  Outcome outcome;
  bool failed = false;
  if (module.expr(root).type == types::TypeTable::kBool) {
    const abi::Truth truth = evaluator.condition(evaluator.self, &frame, root.index);
    failed = truth >= abi::kTruthError;
    outcome.result = "truth " + std::to_string(truth);
  } else {
    Value v;
    const Status status = evaluator.evaluate(evaluator.self, &frame, root.index, &v);
    failed = status != Status::Ok;
    outcome.result = std::string(value::status_name(status)) + " " + exact(v);
  }
  outcome.error_expr = failed ? frame.error_expr : 0;
  outcome.fuel = frame.fuel;
  outcome.trace = std::move(recorder.lines);
  return outcome;
}

}  // namespace catalyst::differential
