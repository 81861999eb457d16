#include <algorithm>

#include "compiler/check/effects.h"
#include "compiler/check/inputs.h"

// The places that `set` and `redact` change.

namespace catalyst::check {

using diagnostics::Kind;
using types::TypeKind;
using types::TypeTable;

std::vector<PathStep> path_steps(const ast::Expr& expr) {
  std::vector<PathStep> out;
  const ast::Expr* at = &expr;
  while (at->kind == ast::ExprKind::Member || at->kind == ast::ExprKind::Index) {
    if (at->kind == ast::ExprKind::Member) {
      const auto& member = static_cast<const ast::MemberExpr&>(*at);
      out.push_back({member.member.text, member.member.span});
      at = member.object;
      continue;
    }
    const auto& index = static_cast<const ast::IndexExpr&>(*at);
    if (index.index->kind != ast::ExprKind::String ||
        !static_cast<const ast::StringExpr&>(*index.index).is_plain()) {
      return {};
    }
    out.push_back({static_cast<const ast::StringExpr&>(*index.index).plain(), index.index->span});
    at = index.object;
  }
  if (at->kind != ast::ExprKind::Name) {
    return {};
  }
  out.push_back({static_cast<const ast::NameExpr&>(*at).name, at->span});
  std::reverse(out.begin(), out.end());
  return out;
}

namespace {

enum class Lists : uint8_t { Cross, Refuse };

void unknown_field(Pack& pack, const PathStep& step, TypeId record, const ToolSet& tools) {
  std::vector<std::string_view> fields;
  for (const types::Field& field : pack.types.get(record).fields) {
    fields.push_back(field.name);
  }
  auto& diagnostic =
      record == tools.args
          ? pack.sink.report(Kind::UnknownArgument, step.span,
                             {step.name, "the arguments of `" + tools.text + "`"})
          : pack.sink.report(Kind::UnknownField, step.span, {step.name, "`" + pack.types.text(record) + "`"});
  suggest(diagnostic, step.span, step.name, fields);
}

/// Goes down from `type`; kError when a step does not exist.
TypeId walk_down(Pack& pack, const std::vector<PathStep>& steps, size_t first, TypeId type,
                 const ToolSet& tools, Lists lists, std::vector<std::string>& out) {
  for (size_t i = first; i < steps.size(); ++i) {
    type = pack.types.strip_optional(type);
    while (lists == Lists::Cross && pack.types.kind(type) == TypeKind::List) {
      out.emplace_back("*");
      type = pack.types.strip_optional(pack.types.get(type).element);
    }
    const TypeKind kind = pack.types.kind(type);
    if (kind == TypeKind::Record) {
      const types::Field* field = pack.types.field(type, steps[i].name);
      if (field == nullptr) {
        unknown_field(pack, steps[i], type, tools);
        return TypeTable::kError;
      }
      type = field->type;
    } else if (kind == TypeKind::Map) {
      type = pack.types.get(type).element;
    } else if (kind != TypeKind::Json) {
      pack.sink.report(Kind::UnknownField, steps[i].span, {steps[i].name, "`" + pack.types.text(type) + "`"});
      return TypeTable::kError;
    }
    out.push_back(steps[i].name);
  }
  return pack.types.strip_optional(type);
}

}  // namespace

bool resolve_set_path(Pack& pack, const ast::Expr& path, const ToolSet& tools, std::vector<std::string>& out,
                      TypeId& type) {
  const std::vector<PathStep> steps = path_steps(path);
  if (steps.size() < 3 || steps[0].name != "call" || steps[1].name != "args") {
    pack.sink.report(Kind::SetPath, path.span, {pack.quote(path.span)});
    return false;
  }
  type = walk_down(pack, steps, 2, tools.args, tools, Lists::Refuse, out);
  return type != TypeTable::kError;
}

bool resolve_redact_path(Pack& pack, const ast::Expr& path, const ToolSet& tools,
                         std::vector<std::string>& out) {
  const std::vector<PathStep> steps = path_steps(path);
  if (steps.empty() || steps[0].name != "result") {
    auto& diagnostic = pack.sink.report(Kind::RedactPath, path.span, {pack.quote(path.span)});
    if (steps.size() == 2 && (steps[0].name == "pii" || steps[0].name == "secrets")) {
      const std::string text = pack.quote(path.span) + " in result";
      diagnostic.fixes.push_back({path.span, text, "say where: `redact " + text + "`"});
    }
    return false;
  }
  if (steps.size() == 1) {
    return true;
  }
  const InputMember* member = find_input("result", steps[1].name);
  if (member == nullptr) {
    auto& diagnostic = pack.sink.report(Kind::UnknownField, steps[1].span, {steps[1].name, "`result`"});
    suggest(diagnostic, steps[1].span, steps[1].name, input_members("result"));
    return false;
  }
  out.emplace_back(member->path);
  TypeId type = TypeTable::kJson;
  if (member->type == InputType::Structured) {
    type = tools.structured;
  } else if (member->type == InputType::JsonList) {
    type = pack.types.list_of(TypeTable::kJson);
  } else if (member->type == InputType::OptionalBool) {
    type = TypeTable::kBool;
  }
  return walk_down(pack, steps, 2, type, tools, Lists::Cross, out) != TypeTable::kError;
}

}  // namespace catalyst::check
