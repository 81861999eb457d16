#include "runtime/decision/trace_collector.h"

#include <algorithm>

#include "runtime/value/json_text.h"
#include "runtime/value/ops.h"

namespace catalyst::decision {
namespace {

using value::Status;
using value::Value;

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// The text from `begin` to `end` with the parentheses whose partner is in it: those around an operand are
/// not part of its expression, so that of `(a ?? 1) > 2` begins at `a`.
std::string_view with_partners(std::string_view text, size_t begin, size_t end) {
  size_t open = 0;     // their partner stands behind the end
  size_t missing = 0;  // in front of the beginning
  bool quoted = false;
  for (size_t i = begin; i < end; ++i) {
    if (text[i] == '"' && (i == begin || text[i - 1] != '\\')) {
      quoted = !quoted;
    } else if (!quoted && text[i] == '(') {
      ++open;
    } else if (!quoted && text[i] == ')') {
      open > 0 ? --open : ++missing;
    }
  }
  const size_t first = begin;
  const size_t last = end;
  for (; missing > 0; --missing) {
    while (begin > 0 && is_blank(text[begin - 1])) {
      --begin;
    }
    if (begin == 0 || text[begin - 1] != '(') {
      return text.substr(first, last - first);
    }
    --begin;
  }
  for (; open > 0; --open) {
    while (end < text.size() && is_blank(text[end])) {
      ++end;
    }
    if (end == text.size() || text[end] != ')') {
      return text.substr(first, last - first);
    }
    ++end;
  }
  return text.substr(begin, end - begin);
}

std::string_view source_of(const abi::Unit& unit, const abi::SourcePlace& place) {
  if (place.file >= unit.files.size() || place.offset > unit.files[place.file].text.size()) {
    return {};
  }
  const std::string_view text = unit.files[place.file].text;
  return with_partners(text, place.offset,
                       std::min<size_t>(text.size(), size_t{place.offset} + place.length));
}

const std::string& row_name(const abi::DecisionInfo& decision, const Value& index) {
  static const std::string kOtherwise = "otherwise";
  const auto row = static_cast<uint64_t>(index.a.integer);
  return row < decision.rows.size() ? decision.rows[row].name : kOtherwise;
}

}  // namespace

TraceCollector::TraceCollector(const abi::Unit& unit_to_explain) : unit(unit_to_explain) {
  record = &TraceCollector::take;
  for (const abi::DecisionInfo& decision : unit.decisions) {
    choosers_.emplace(decision.chooser, &decision);
  }
}

void TraceCollector::take(abi::TraceSink* self, uint32_t expr, Status status, const Value* v) noexcept {
  auto* collector = static_cast<TraceCollector*>(self);
  ExplainedCondition& c = collector->conditions.emplace_back();
  c.expr = expr;
  if (expr < collector->unit.places.size()) {
    c.place = collector->unit.places[expr];
    c.source = source_of(collector->unit, c.place);
  }
  c.status = status;
  if (status != Status::Ok) {
    return;
  }
  const auto chooser = collector->choosers_.find(expr);
  if (chooser == collector->choosers_.end()) {
    value::append_json(c.value, c.place.negated ? value::Value::of_bool(v->a.integer == 0) : *v);
    return;
  }
  const abi::DecisionInfo& decision = *chooser->second;
  if (v->kind != value::Kind::List && static_cast<uint64_t>(v->a.integer) < decision.rows.size()) {
    c.place = decision.rows[static_cast<size_t>(v->a.integer)].place;
  }
  const std::vector<std::string> rows = row_names(decision, *v);
  c.value = v->kind == value::Kind::List ? "[" : "";
  for (const std::string& row : rows) {
    c.value += (c.value.size() > 1 ? "," : "") + value::json_string(row);
  }
  c.value += v->kind == value::Kind::List ? "]" : "";
}

std::vector<std::string> row_names(const abi::DecisionInfo& decision, const Value& chosen) {
  std::vector<std::string> out;
  if (chosen.kind != value::Kind::List) {
    out.push_back(row_name(decision, chosen));
    return out;
  }
  for (uint32_t i = 0; i < chosen.length; ++i) {
    out.push_back(row_name(decision, chosen.a.items[i]));
  }
  return out;
}

}  // namespace catalyst::decision
