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

namespace {

/// Appends the names of MCP that `path` holds, separated by '/'.
void append_path(std::string_view path, std::vector<std::string>& out) {
  while (!path.empty()) {
    const size_t slash = path.find('/');
    out.emplace_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
}

TypeId type_of(Pack& pack, InputType type, const ToolSet& tools) {
  switch (type) {
    case InputType::Structured:
      return tools.structured;
    case InputType::Arguments:
      return tools.args;
    case InputType::JsonList:
    case InputType::OptionalJsonList:
      return pack.types.list_of(TypeTable::kJson);
    case InputType::OptionalStringMap:
      return pack.types.map_of(TypeTable::kString);
    case InputType::StringSet:
      return pack.types.set_of(TypeTable::kString);
    case InputType::Bool:
    case InputType::OptionalBool:
      return TypeTable::kBool;
    case InputType::Int:
    case InputType::OptionalInt:
      return TypeTable::kInt;
    case InputType::OptionalDecimal:
      return TypeTable::kDecimal;
    case InputType::String:
    case InputType::OptionalString:
      return TypeTable::kString;
    case InputType::Ip:
      return TypeTable::kIp;
    case InputType::Time:
      return TypeTable::kTime;
    case InputType::Json:
    case InputType::OptionalJson:
      return TypeTable::kJson;
  }
  return TypeTable::kJson;
}

/// The member of `root` that the second step names, when it lies in the text `slot`; nullptr after a
/// diagnostic.
const InputMember* member_step(Pack& pack, const std::vector<PathStep>& steps, abi::InputRoot slot) {
  const InputMember* member = find_input(steps[0].name, steps[1].name);
  if (member != nullptr && member->slot == slot) {
    return member;
  }
  std::vector<std::string_view> names;
  for (const std::string_view name : input_members(steps[0].name)) {
    if (const InputMember* each = find_input(steps[0].name, name); each != nullptr && each->slot == slot) {
      names.push_back(name);
    }
  }
  auto& diagnostic =
      pack.sink.report(Kind::UnknownField, steps[1].span, {steps[1].name, "`" + steps[0].name + "`"});
  suggest(diagnostic, steps[1].span, steps[1].name, names);
  return nullptr;
}

struct RedactRoot {
  abi::Hook hook;
  std::string_view name;
  abi::RedactPlace place;
};

constexpr RedactRoot kRedactRoots[] = {
#define REDACT_PLACE(hook, root, place) {abi::Hook::hook, root, abi::RedactPlace::place},
#include "compiler/check/redact_place.def"
#undef REDACT_PLACE
};

}  // namespace

bool resolve_set_path(Pack& pack, const ast::Expr& path, abi::Hook hook, const ToolSet& tools,
                      std::vector<std::string>& out, TypeId& type) {
  const std::vector<PathStep> steps = path_steps(path);
  const std::string_view root = abi::hook_info(hook).set_root;
  const size_t dot = root.find('.');
  const size_t first = dot == std::string_view::npos ? 1 : 2;
  const bool inside = steps.size() > first && steps[0].name == root.substr(0, dot) &&
                      (first == 1 || steps[1].name == root.substr(dot + 1));
  if (!inside) {
    pack.sink.report(Kind::SetPath, path.span, {std::string(root), pack.quote(path.span)});
    return false;
  }
  if (first == 2) {
    type = type_of(pack, find_input(steps[0].name, steps[1].name)->type, tools);
    type = walk_down(pack, steps, first, type, tools, Lists::Refuse, out);
    return type != TypeTable::kError;
  }
  const InputMember* member = member_step(pack, steps, abi::InputRoot::Params);
  if (member == nullptr) {
    return false;
  }
  append_path(member->path, out);
  type = walk_down(pack, steps, 2, type_of(pack, member->type, tools), tools, Lists::Refuse, out);
  return type != TypeTable::kError;
}

bool resolve_redact_path(Pack& pack, const ast::Expr& path, abi::Hook hook, const ToolSet& tools,
                         std::vector<std::string>& out, abi::RedactPlace& place) {
  const std::vector<PathStep> steps = path_steps(path);
  const auto* root =
      std::find_if(std::begin(kRedactRoots), std::end(kRedactRoots), [&](const RedactRoot& each) {
        return each.hook == hook && !steps.empty() && steps[0].name == each.name;
      });
  if (root == std::end(kRedactRoots)) {
    auto& diagnostic = pack.sink.report(Kind::RedactPath, path.span, {pack.quote(path.span)});
    if (steps.size() == 2 && (steps[0].name == "pii" || steps[0].name == "secrets")) {
      const std::string text = pack.quote(path.span) + " in result";
      diagnostic.fixes.push_back({path.span, text, "say where: `redact " + text + "`"});
    }
    return false;
  }
  place = root->place;
  if (steps.size() == 1) {
    return true;
  }
  // What comes back from tools and agents, and what servers ask, has members that rules read by name; the
  // rest is written as the protocol has it.
  if (!input_available(root->name, hook)) {
    return walk_down(pack, steps, 1, TypeTable::kJson, tools, Lists::Cross, out) != TypeTable::kError;
  }
  const abi::InputRoot slot =
      place == abi::RedactPlace::Result ? abi::InputRoot::Result : abi::InputRoot::Params;
  const InputMember* member = member_step(pack, steps, slot);
  if (member == nullptr) {
    return false;
  }
  append_path(member->path, out);
  const TypeId type = type_of(pack, member->type, tools);
  return walk_down(pack, steps, 2, type, tools, Lists::Cross, out) != TypeTable::kError;
}

}  // namespace catalyst::check
