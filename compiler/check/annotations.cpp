#include "compiler/check/annotations.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "compiler/check/expr.h"
#include "compiler/check/literal.h"
#include "runtime/value/builtin.h"
#include "runtime/value/decimal.h"

namespace catalyst::check {
namespace {

using ast::AnnotationForm;
using diagnostics::Kind;
using types::TypeTable;

enum class AnnotationKind : uint8_t {
#define ANNOTATION(kind, name, form) kind,
#include "compiler/ast/annotation_kind.def"
#undef ANNOTATION
};

struct Row {
  AnnotationKind kind;
  std::string_view name;
  AnnotationForm form;
};

constexpr Row kRows[] = {
#define ANNOTATION(kind, name, form) {AnnotationKind::kind, name, AnnotationForm::form},
#include "compiler/ast/annotation_kind.def"
#undef ANNOTATION
};

const Row* find_row(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& row) { return row.name == name; });
  return found == std::end(kRows) ? nullptr : found;
}

std::string_view form_text(AnnotationForm form) {
  switch (form) {
    case AnnotationForm::Nothing:
      return "nothing";
    case AnnotationForm::Text:
      return "a text: `(\"...\")`";
    case AnnotationForm::Date:
      return "a date: `(2027-01-01)`";
    case AnnotationForm::Share:
      return "a share of keys: `(5% by principal.id)`";
  }
  return {};
}

const ast::Annotation* find(const ast::RuleDecl& rule, std::string_view name, AnnotationForm form) {
  for (const ast::Annotation& each : rule.annotations) {
    if (each.name.text == name && each.form == form) {
      return &each;
    }
  }
  return nullptr;
}

int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Shares count in steps of this.
constexpr int64_t kSteps = 10'000;

std::optional<int64_t> steps_of(const ast::Annotation& rollout) {
  if (rollout.share->kind != ast::ExprKind::Number) {
    return std::nullopt;
  }
  const auto& number = static_cast<const ast::NumberExpr&>(*rollout.share);
  const Number read = read_number(number.digits, number.unit, false);
  value::Value product;
  if (number.unit != "%" || read.form != NumberForm::Decimal ||
      value::decimal::multiply(read.value, value::decimal::from_int(kSteps), &product) != value::Status::Ok ||
      product.scale != 0 || product.coefficient() > kSteps) {
    return std::nullopt;
  }
  return static_cast<int64_t>(product.coefficient());
}

/// Told when it was read.
bool has_unknown_unit(const ast::Expr& expr) {
  if (expr.kind != ast::ExprKind::Number) {
    return false;
  }
  const auto& number = static_cast<const ast::NumberExpr&>(expr);
  return read_number(number.digits, number.unit, false).form == NumberForm::UnknownUnit;
}

void form_error(Pack& pack, const ast::Annotation& annotation, const Row& row) {
  pack.sink.report(Kind::AnnotationForm, annotation.span,
                   {std::string(row.name), std::string(form_text(row.form))});
}

/// nullptr after a diagnostic.
const Row* known_row(Pack& pack, const ast::Annotation& annotation) {
  const Row* row = find_row(annotation.name.text);
  if (row == nullptr) {
    std::vector<std::string_view> names;
    for (const Row& each : kRows) {
      names.push_back(each.name);
    }
    auto& diagnostic =
        pack.sink.report(Kind::UnknownAnnotation, annotation.name.span, {annotation.name.text});
    suggest(diagnostic, annotation.name.span, annotation.name.text, names);
  }
  return row;
}

void check_one(Pack& pack, const ast::RuleDecl& rule, const ast::Annotation& annotation, ir::Rule& out) {
  const Row* row = known_row(pack, annotation);
  if (row == nullptr) {
    return;
  }
  if (annotation.form != row->form ||
      (annotation.form == AnnotationForm::Share && annotation.by == nullptr)) {
    return form_error(pack, annotation, *row);
  }
  switch (row->kind) {
    case AnnotationKind::Owner:
      out.owner = annotation.text.text;
      return;
    case AnnotationKind::Ticket:
      out.ticket = annotation.text.text;
      return;
    case AnnotationKind::Guidance:
      out.guidance = annotation.text.text;
      return;
    case AnnotationKind::Shadow:
      out.shadow = true;
      return;
    case AnnotationKind::Deprecated:
      pack.sink.report(Kind::AnnotationNotHere, annotation.span, {annotation.name.text, "a rule"});
      return;
    case AnnotationKind::Rollout:
      if (!steps_of(annotation) && !has_unknown_unit(*annotation.share)) {
        form_error(pack, annotation, *row);
      }
      return;
    case AnnotationKind::Expires: {
      const std::optional<value::Value> date = read_time(annotation.text.text + "T00:00:00Z");
      if (!date) {
        form_error(pack, annotation, *row);
      } else if (date->a.integer <= now_us()) {
        pack.sink.report(Kind::Expired, annotation.span, {rule.name.text});
      }
      return;
    }
  }
}

uint32_t bucket_index() {
  const auto all = value::builtins();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [](const value::BuiltinInfo& info) { return info.name == "bucket"; });
  return static_cast<uint32_t>(found - all.begin());
}

/// What carries no `@deprecated`, as a sentence names it; "" of what does.
std::string_view undeprecated(ast::DeclKind kind) {
  switch (kind) {
    case ast::DeclKind::Enum:
    case ast::DeclKind::Record:
    case ast::DeclKind::List:
    case ast::DeclKind::Fact:
    case ast::DeclKind::Fn:
    case ast::DeclKind::Decision:
      return {};
    case ast::DeclKind::Pack:
      return "the name of the pack";
    case ast::DeclKind::Import:
      return "an import";
    case ast::DeclKind::Default:
      return "a default";
    case ast::DeclKind::Server:
      return "a server";
    case ast::DeclKind::Agent:
      return "an agent";
    case ast::DeclKind::Rule:
      return "a rule";
    case ast::DeclKind::Route:
      return "a route";
    case ast::DeclKind::Fixture:
      return "a fixture";
    case ast::DeclKind::Property:
      return "a property";
    case ast::DeclKind::Test:
      return "a test";
  }
  return {};
}

std::string_view used_by_others(ast::DeclKind kind) {
  const std::string_view what = undeprecated(kind);
  return what.empty() ? std::string_view("a declaration that is no rule") : what;
}

}  // namespace

void check_annotations(Pack& pack, const ast::Decl& decl) {
  for (const ast::Annotation& each : decl.annotations) {
    const Row* row = known_row(pack, each);
    if (row == nullptr) {
      continue;
    }
    if (row->kind != AnnotationKind::Deprecated || !undeprecated(decl.kind).empty()) {
      pack.sink.report(Kind::AnnotationNotHere, each.span,
                       {each.name.text, std::string(used_by_others(decl.kind))});
    } else if (each.form != row->form) {
      form_error(pack, each, *row);
    }
  }
}

void check_annotations(Pack& pack, const ast::RuleDecl& rule, ir::Rule& out) {
  for (size_t i = 0; i < rule.annotations.size(); ++i) {
    const ast::Annotation& each = rule.annotations[i];
    const bool again =
        std::any_of(rule.annotations.begin(), rule.annotations.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const ast::Annotation& other) { return other.name.text == each.name.text; });
    if (again) {
      pack.sink.report(Kind::DuplicateEffect, each.span, {"@" + each.name.text, rule.name.text});
      continue;
    }
    check_one(pack, rule, each, out);
  }
}

ir::ExprId annotated_condition(Pack& pack, const ast::RuleDecl& rule, Scope& scope, ir::ExprId condition) {
  Emitter& emit = pack.emitter;
  const auto guard = [&](ir::ExprId first, Span span) {
    condition = condition.valid() ? emit.emit(Op::And, TypeTable::kBool, span, {first, condition}) : first;
  };
  if (const ast::Annotation* rollout = find(rule, "rollout", AnnotationForm::Share);
      rollout != nullptr && rollout->by != nullptr && steps_of(*rollout)) {
    // The rule's name goes in, so that different rules begin with different keys.
    ExprChecker checker(pack, scope);
    const ir::ExprId salt = emit.string(rule.name.text + ":", TypeTable::kString, rollout->span);
    const ir::ExprId key = checker.text(*rollout->by);
    const ir::ExprId text = emit.emit(Op::Interpolate, TypeTable::kString, rollout->span, {salt, key});
    const ir::ExprId steps = emit.constant(value::Value::of_int(kSteps), TypeTable::kInt, rollout->span);
    const ir::ExprId bucket =
        emit.emit(Op::Builtin, TypeTable::kInt, rollout->span, {text, steps}, bucket_index());
    const ir::ExprId share =
        emit.constant(value::Value::of_int(*steps_of(*rollout)), TypeTable::kInt, rollout->span);
    guard(emit.emit(Op::Lt, TypeTable::kBool, rollout->span, {bucket, share}), rollout->span);
  }
  if (const ast::Annotation* expires = find(rule, "expires", AnnotationForm::Date)) {
    if (const std::optional<value::Value> date = read_time(expires->text.text + "T00:00:00Z")) {
      const ir::ExprId now = emit.slot(abi::InputRoot::Now, {}, TypeTable::kTime, expires->span);
      const ir::ExprId end = emit.constant(*date, TypeTable::kTime, expires->span);
      guard(emit.emit(Op::Lt, TypeTable::kBool, expires->span, {now, end}), expires->span);
    }
  }
  return condition;
}

}  // namespace catalyst::check
