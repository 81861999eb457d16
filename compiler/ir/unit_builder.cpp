#include "compiler/ir/unit_builder.h"

#include "compiler/ir/interpreter.h"
#include "compiler/ir/passes/plan.h"
#include "compiler/ir/passes/slot_use.h"

namespace catalyst::ir {

namespace {

using abi::Shape;
using types::TypeKind;

class Builder {
 public:
  Builder(const Module& module, const source::SourceMap& sources, abi::Unit& unit)
      : module_(module), sources_(sources), unit_(unit), shape_of_type_(module.types.size(), kUnset) {}

  void run() {
    unit_.pack_name = module_.pack_name;
    unit_.pack_version = module_.pack_version;
    for (size_t hook = 0; hook < abi::kHookCount; ++hook) {
      unit_.default_deny[hook] = module_.default_deny[hook];
    }
    add_sources();
    for (const Slot& slot : module_.slots) {
      unit_.slots.push_back({slot.root, slot.path, shape(slot.type), module_.types.is_optional(slot.type)});
    }
    unit_.fact_count = static_cast<uint32_t>(module_.facts.size());
    for (const Fact& fact : module_.facts) {
      unit_.fact_names.push_back(fact.name);
    }
    for (const Target& target : module_.targets) {
      std::vector<abi::TargetPattern>& patterns = unit_.targets.emplace_back();
      for (const TargetPattern& p : target.patterns) {
        patterns.push_back({p.server, p.tool});
      }
    }
    for (const Redaction& redaction : module_.redactions) {
      unit_.redactions.push_back({redaction.name, redaction.pattern, check(redaction.check)});
    }
    for (const Rule& rule : module_.rules) {
      add_rule(rule);
    }
    for (const Decision& decision : module_.decisions) {
      add_decision(decision);
    }
    for (const Route& route : module_.routes) {
      add_route(route);
    }
    for (const Window& window : module_.windows) {
      unit_.windows.push_back({window.name, window.kind, window.hook, window.target.index,
                               index_of(window.key), index_of(window.value), window.within_us});
    }
    for (const WindowRead& read : module_.window_reads) {
      unit_.window_reads.push_back({read.window.index, read.slot.index, index_of(read.key)});
    }
  }

 private:
  static constexpr uint32_t kUnset = UINT32_MAX;

  static uint32_t index_of(ExprId id) { return id.valid() ? id.index : abi::RuleInfo::kNone; }

  static abi::Redaction::Check check(RedactionCheck c) {
    switch (c) {
      case RedactionCheck::None:
        return abi::Redaction::Check::None;
      case RedactionCheck::Luhn:
        return abi::Redaction::Check::Luhn;
      case RedactionCheck::Iban:
        return abi::Redaction::Check::Iban;
    }
    return abi::Redaction::Check::None;
  }

  static abi::RuleVerdict verdict(VerdictKind v) {
    switch (v) {
      case VerdictKind::None:
        return abi::RuleVerdict::None;
      case VerdictKind::Allow:
        return abi::RuleVerdict::Allow;
      case VerdictKind::Deny:
        return abi::RuleVerdict::Deny;
    }
    return abi::RuleVerdict::None;
  }

  static abi::RuleEffect::Kind effect_kind(EffectKind kind) {
    switch (kind) {
      case EffectKind::Hide:
        return abi::RuleEffect::Kind::Hide;
      case EffectKind::Set:
        return abi::RuleEffect::Kind::Set;
      case EffectKind::Redact:
        return abi::RuleEffect::Kind::Redact;
      case EffectKind::Audit:
        return abi::RuleEffect::Kind::Audit;
      case EffectKind::Tag:
        return abi::RuleEffect::Kind::Tag;
      case EffectKind::Limit:
        return abi::RuleEffect::Kind::Limit;
      case EffectKind::Require:
        return abi::RuleEffect::Kind::Require;
      case EffectKind::Emit:
        return abi::RuleEffect::Kind::Emit;
      case EffectKind::Start:
        return abi::RuleEffect::Kind::Start;
      case EffectKind::Route:
        return abi::RuleEffect::Kind::Route;
      case EffectKind::Label:
        return abi::RuleEffect::Kind::Label;
      case EffectKind::Describe:
        return abi::RuleEffect::Kind::Describe;
    }
    return abi::RuleEffect::Kind::Audit;
  }

  void add_sources() {
    for (uint32_t file = 0; file < sources_.size(); ++file) {
      unit_.files.push_back({std::string(sources_.path(source::FileId{file})),
                             std::string(sources_.text(source::FileId{file}))});
    }
    unit_.places.reserve(module_.expr_spans.size());
    for (const Span& span : module_.expr_spans) {
      unit_.places.push_back(place(span));
    }
    for (size_t i = 0; i < module_.expr_spans.size(); ++i) {
      const Expr& expr = module_.exprs[i];
      if (expr.op != Op::Not || !module_.expr_spans[i].valid()) {
        continue;
      }
      const uint32_t inside = module_.operand(expr, 0).index;
      unit_.places[inside].negated = module_.expr_spans[inside] == module_.expr_spans[i];
    }
  }

  abi::SourcePlace place(const Span& span) const {
    if (!span.valid() || span.file.index >= sources_.size()) {
      return {};
    }
    const source::LineColumn at = sources_.position(span.file, span.begin);
    return {span.file.index, at.line, at.column, span.end - span.begin, span.begin};
  }

  void add_rule(const Rule& rule) {
    abi::RuleInfo& out = unit_.rules.emplace_back();
    out.name = rule.name;
    out.hook = rule.hook;
    out.verdict = verdict(rule.verdict);
    out.target = rule.target.index;
    out.condition = index_of(rule.condition);
    out.message = index_of(rule.message);
    out.place = place(rule.span);
    out.shadow = rule.shadow;
    out.owner = rule.owner;
    out.ticket = rule.ticket;
    out.guidance = rule.guidance;
    out.on_error = rule.on_error;
    for (const Effect& effect : rule.effects) {
      abi::RuleEffect& e = out.effects.emplace_back();
      e.kind = effect_kind(effect.kind);
      e.target = effect.target.valid() ? effect.target.index : abi::RuleEffect::kNone;
      e.path = effect.path;
      e.value = index_of(effect.value);
      e.redactions = effect.redactions;
      e.place = effect.place;
      e.audit_level = effect.audit_level;
      e.tag = effect.tag;
      e.role = effect.role;
      e.count = effect.count;
      e.burst = effect.burst;
      e.duration_us = effect.duration_us;
    }
  }

  void add_decision(const Decision& decision) {
    abi::DecisionInfo& out = unit_.decisions.emplace_back();
    const Expr& call = module_.expr(decision.call);
    out.name = decision.name;
    out.doc = decision.doc;
    out.place = place(decision.span);
    for (uint32_t i = 0; i < call.operand_count; ++i) {
      out.parameters.push_back({decision.parameters[i], module_.expr(module_.operand(call, i)).payload});
    }
    out.result = shape(call.type);
    out.result_optional = module_.types.is_optional(call.type);
    out.call = decision.call.index;
    out.chooser = decision.chooser.index;
    for (const Decision::Row& row : decision.rows) {
      out.rows.push_back({row.name, place(row.span)});
    }
  }

  void add_route(const Route& route) {
    abi::Route& out = unit_.routes.emplace_back();
    out.name = route.name;
    out.targets = route.targets;
    out.balance = route.balance;
    out.timeout_ms = route.timeout_ms;
    out.retry = route.retry;
    out.breaker = route.breaker;
    out.hedge_after_ms = route.hedge_after_ms;
    out.cache = route.cache;
    out.shadow = route.shadow;
    out.repeatable = route.repeatable;
    out.calls = route.calls.index;
    for (const RoutePrefer& prefer : route.prefers) {
      out.prefers.push_back({prefer.target, prefer.condition.index});
    }
    out.hash = index_of(route.hash);
    for (const ExprId part : route.key) {
      out.key.push_back(index_of(part));
    }
    out.slots = find_route_slots(module_, route);
    out.place = place(route.span);
  }

  /// The shape of a type; an optional has the shape of what it holds. Types are finite trees, so this ends.
  uint32_t shape(types::TypeId type) {
    type = module_.types.strip_optional(type);
    if (shape_of_type_[type.index] != kUnset) {
      return shape_of_type_[type.index];
    }
    const auto index = static_cast<uint32_t>(unit_.shapes.size());
    shape_of_type_[type.index] = index;
    unit_.shapes.emplace_back();
    Shape out = make_shape(module_.types.get(type));
    unit_.shapes[index] = std::move(out);
    return index;
  }

  Shape make_shape(const types::Type& type) {
    Shape out;
    out.kind = shape_kind(type.kind);
    out.members = type.members;
    if (type.element.valid()) {
      out.element = shape(type.element);
    }
    for (const types::Field& field : type.fields) {
      out.fields.push_back({field.name, shape(field.type), module_.types.is_optional(field.type)});
    }
    return out;
  }

  static Shape::Kind shape_kind(TypeKind kind) {
    switch (kind) {
      case TypeKind::Bool:
        return Shape::Kind::Bool;
      case TypeKind::Int:
        return Shape::Kind::Int;
      case TypeKind::Decimal:
        return Shape::Kind::Decimal;
      case TypeKind::Float:
        return Shape::Kind::Float;
      case TypeKind::String:
        return Shape::Kind::String;
      case TypeKind::Bytes:
        return Shape::Kind::Bytes;
      case TypeKind::Time:
        return Shape::Kind::Time;
      case TypeKind::Duration:
        return Shape::Kind::Duration;
      case TypeKind::Ip:
        return Shape::Kind::Ip;
      case TypeKind::Enum:
        return Shape::Kind::Enum;
      case TypeKind::Record:
        return Shape::Kind::Record;
      case TypeKind::List:
        return Shape::Kind::List;
      case TypeKind::Set:
        return Shape::Kind::Set;
      case TypeKind::Map:
        return Shape::Kind::Map;
      case TypeKind::Error:
      case TypeKind::Json:
      case TypeKind::Optional:
        return Shape::Kind::Json;
    }
    return Shape::Kind::Json;
  }

  const Module& module_;
  const source::SourceMap& sources_;
  abi::Unit& unit_;
  std::vector<uint32_t> shape_of_type_;
};

/// What the evaluator's pointers need.
struct Kept {
  std::shared_ptr<const Module> module;
  Interpreter interpreter;
};

}  // namespace

std::shared_ptr<abi::Unit> build_unit(std::shared_ptr<const Module> module,
                                      const source::SourceMap& sources) {
  auto unit = std::make_shared<abi::Unit>();
  Builder(*module, sources, *unit).run();
  auto kept = std::make_shared<Kept>(Kept{module, Interpreter(module)});
  build_plans(*module, kept->interpreter.partial(), *unit);
  unit->interpreter = kept->interpreter.evaluator();
  unit->evaluator = unit->interpreter;
  unit->keep_alive = kept;
  return unit;
}

}  // namespace catalyst::ir
