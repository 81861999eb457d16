#include <algorithm>
#include <unordered_set>

#include "compiler/check/names.h"

namespace catalyst::check {
namespace {

using diagnostics::Kind;
using types::TypeTable;

TypeId builtin_type(std::string_view name) {
  constexpr std::pair<std::string_view, TypeId> kTypes[] = {
      {"bool", TypeTable::kBool},   {"int", TypeTable::kInt},           {"decimal", TypeTable::kDecimal},
      {"float", TypeTable::kFloat}, {"string", TypeTable::kString},     {"bytes", TypeTable::kBytes},
      {"time", TypeTable::kTime},   {"duration", TypeTable::kDuration}, {"ip", TypeTable::kIp},
      {"json", TypeTable::kJson},
  };
  for (const auto& [text, type] : kTypes) {
    if (text == name) {
      return type;
    }
  }
  return {};
}

}  // namespace

void TypeNames::declare(const Names& names, EnumIndex& enums) {
  for (const ast::EnumDecl* decl : names.enums) {
    std::vector<std::string> members;
    std::unordered_set<std::string_view> seen;
    for (const ast::Name& member : decl->members) {
      if (seen.insert(member.text).second) {
        members.push_back(member.text);
      } else {
        sink_.report(Kind::DuplicateField, member.span, {member.text});
      }
    }
    const TypeId type = types_.enum_type(decl->name.text, members, false);
    enum_ids_.push_back(type);
    enums.add(std::move(members), type);
    declared_[decl->name.text] = {decl, type};
  }
  for (const ast::RecordDecl* decl : names.records) {
    declared_[decl->name.text] = {decl, TypeId()};
  }
  for (const ast::RecordDecl* decl : names.records) {
    Declared& entry = declared_[decl->name.text];
    if (!entry.type.valid()) {
      resolve_record(entry, *decl);
    }
  }
}

void TypeNames::resolve_record(Declared& entry, const ast::RecordDecl& record) {
  entry.open = true;
  path_.push_back(record.name.text);
  std::vector<types::Field> fields;
  std::unordered_set<std::string_view> seen;
  for (const ast::FieldDecl& field : record.fields) {
    if (!seen.insert(field.name.text).second) {
      sink_.report(Kind::DuplicateField, field.name.span, {field.name.text});
      continue;
    }
    fields.push_back({field.name.text, resolve(*field.type)});
  }
  path_.pop_back();
  entry.open = false;
  entry.type = types_.record_type(record.name.text, std::move(fields), false);
}

TypeId TypeNames::declared(std::string_view name, const ast::TypeExpr& at) {
  const auto found = declared_.find(name);
  if (found == declared_.end()) {
    auto& diagnostic = sink_.report(Kind::UnknownType, at.span, {std::string(name)});
    suggest(diagnostic, at.span, name, names());
    return TypeTable::kError;
  }
  Declared& entry = found->second;
  entry.used = true;
  if (entry.open) {
    std::string circle;
    const auto first = std::find(path_.begin(), path_.end(), name);
    for (auto each = first; each != path_.end(); ++each) {
      circle += std::string(*each) + " -> ";
    }
    sink_.report(Kind::RecordCycle, at.span, {std::string(name), circle + std::string(name)});
    return TypeTable::kError;
  }
  if (!entry.type.valid()) {
    resolve_record(entry, static_cast<const ast::RecordDecl&>(*entry.decl));
  }
  return entry.type;
}

TypeId TypeNames::resolve(const ast::TypeExpr& type) {
  switch (type.kind) {
    case ast::TypeExprKind::Named: {
      const TypeId builtin = builtin_type(type.name);
      return builtin.valid() ? builtin : declared(type.name, type);
    }
    case ast::TypeExprKind::List:
    case ast::TypeExprKind::Set:
    case ast::TypeExprKind::Map: {
      const TypeId element = resolve(*type.element);
      if (element == TypeTable::kError) {
        return element;
      }
      if (type.kind == ast::TypeExprKind::Map) {
        return types_.map_of(element);
      }
      return type.kind == ast::TypeExprKind::List ? types_.list_of(element) : types_.set_of(element);
    }
    case ast::TypeExprKind::Optional:
      return types_.optional_of(resolve(*type.element));
  }
  return TypeTable::kError;
}

TypeId TypeNames::find_enum(std::string_view name) {
  const auto found = declared_.find(name);
  if (found == declared_.end() || found->second.decl->kind != ast::DeclKind::Enum) {
    return {};
  }
  found->second.used = true;
  return found->second.type;
}

TypeId TypeNames::find_record(std::string_view name) {
  const auto found = declared_.find(name);
  if (found == declared_.end() || found->second.decl->kind != ast::DeclKind::Record) {
    return {};
  }
  found->second.used = true;
  return found->second.type;
}

std::vector<std::string_view> TypeNames::names() const {
  std::vector<std::string_view> out = {"bool",  "int",  "decimal",  "float", "string",
                                       "bytes", "time", "duration", "ip",    "json"};
  for (const auto& [name, entry] : declared_) {
    out.push_back(name);
  }
  std::sort(out.begin() + 10, out.end());
  return out;
}

void TypeNames::report_unused(const Names& names, const EnumIndex& enums) {
  for (size_t i = 0; i < names.enums.size(); ++i) {
    if (!declared_[names.enums[i]->name.text].used && !enums.used(enum_ids_[i])) {
      sink_.report(Kind::Unused, names.enums[i]->name.span, {"enum", names.enums[i]->name.text});
    }
  }
  for (const ast::RecordDecl* record : names.records) {
    if (!declared_[record->name.text].used) {
      sink_.report(Kind::Unused, record->name.span, {"record", record->name.text});
    }
  }
}

}  // namespace catalyst::check
