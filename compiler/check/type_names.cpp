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

std::string key_of(uint32_t space, std::string_view name) {
  return std::to_string(space) + ":" + std::string(name);
}

}  // namespace

void TypeNames::declare(Names& names, EnumIndex& enums) {
  names_ = &names;
  const auto enter = [&](const ast::Decl& decl) -> Declared& {
    return declared_[key_of(names.space_of(decl.span.file), name_of(decl).text)] = {&decl, TypeId()};
  };
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
    const TypeId type = types_.enum_type(names.qualified(decl->name), members, false);
    enums.add(std::move(members), type);
    enter(*decl).type = type;
  }
  for (const ast::RecordDecl* decl : names.records) {
    enter(*decl);
  }
  for (const ast::RecordDecl* decl : names.records) {
    Declared& entry = declared_[key_of(names.space_of(decl->span.file), decl->name.text)];
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
  entry.type = types_.record_type(names_->qualified(record.name), std::move(fields), false);
}

TypeNames::Declared* TypeNames::find(std::string_view name, source::FileId file) {
  uint32_t space = names_->space_of(file);
  const size_t dot = name.find('.');
  if (dot != std::string_view::npos) {
    Import* import = names_->find_import(name.substr(0, dot), file);
    if (import == nullptr || import->space == Import::kUnreadable) {
      return nullptr;
    }
    import->used = true;
    space = import->space;
    name.remove_prefix(dot + 1);
  }
  const auto found = declared_.find(key_of(space, name));
  return found == declared_.end() ? nullptr : &found->second;
}

std::vector<std::string> TypeNames::visible(std::string_view alias, source::FileId file) const {
  std::vector<std::string> out;
  const Import* import = alias.empty() ? nullptr : names_->find_import(alias, file);
  const uint32_t space = import == nullptr ? names_->space_of(file) : import->space;
  if (import == nullptr) {
    out = {"bool", "int", "decimal", "float", "string", "bytes", "time", "duration", "ip", "json"};
  }
  for (const auto& [key, entry] : declared_) {
    if (names_->space_of(entry.decl->span.file) == space && (import == nullptr || entry.decl->exported)) {
      out.push_back((import == nullptr ? "" : std::string(alias) + ".") + name_of(*entry.decl).text);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

TypeId TypeNames::unknown(std::string_view name, Span span) {
  const size_t dot = name.find('.');
  const std::string_view alias = dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
  const Import* import = alias.empty() ? nullptr : names_->find_import(alias, span.file);
  if (import != nullptr && import->space == Import::kUnreadable) {
    return TypeTable::kError;
  }
  auto& diagnostic = sink_.report(Kind::UnknownType, span, {std::string(name)});
  const std::vector<std::string> candidates = visible(alias, span.file);
  suggest(diagnostic, span, name, {candidates.begin(), candidates.end()});
  return TypeTable::kError;
}

TypeId TypeNames::use(Declared& entry, std::string_view name, Span span) {
  if (names_->space_of(entry.decl->span.file) != names_->space_of(span.file) && !entry.decl->exported) {
    report_not_exported(*names_, *entry.decl, {std::string(name), span}, sink_);
    return TypeTable::kError;
  }
  entry.used = true;
  if (const std::string* instead = deprecation(*entry.decl);
      instead != nullptr && names_->space_of(span.file) == 0) {
    sink_.report(Kind::Deprecated, span, {"type", std::string(name), *instead})
        .notes.push_back({name_of(*entry.decl).span, "declared here"});
  }
  if (entry.open) {
    std::string circle;
    const auto first = std::find(path_.begin(), path_.end(), name);
    for (auto each = first; each != path_.end(); ++each) {
      circle += std::string(*each) + " -> ";
    }
    sink_.report(Kind::RecordCycle, span, {std::string(name), circle + std::string(name)});
    return TypeTable::kError;
  }
  if (!entry.type.valid()) {
    resolve_record(entry, static_cast<const ast::RecordDecl&>(*entry.decl));
  }
  return entry.type;
}

TypeId TypeNames::declared(std::string_view name, Span span) {
  Declared* entry = find(name, span.file);
  return entry == nullptr ? unknown(name, span) : use(*entry, name, span);
}

TypeId TypeNames::resolve(const ast::TypeExpr& type) {
  switch (type.kind) {
    case ast::TypeExprKind::Named: {
      const TypeId builtin = builtin_type(type.name);
      return builtin.valid() ? builtin : declared(type.name, type.span);
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

TypeId TypeNames::find_enum(std::string_view name, source::FileId file) {
  Declared* entry = find(name, file);
  if (entry == nullptr || entry->decl->kind != ast::DeclKind::Enum ||
      (name.find('.') != std::string_view::npos && !entry->decl->exported)) {
    return {};
  }
  entry->used = true;
  return entry->type;
}

TypeId TypeNames::record(const ast::Name& name) {
  Declared* entry = find(name.text, name.span.file);
  const bool found = entry != nullptr && entry->decl->kind == ast::DeclKind::Record;
  const TypeId type = found ? use(*entry, name.text, name.span) : unknown(name.text, name.span);
  return type == TypeTable::kError ? TypeId() : type;
}

void TypeNames::report_unused(const EnumIndex& enums) {
  const auto report = [&](const ast::Decl& decl, std::string_view what) {
    const Declared& entry = declared_[key_of(0, name_of(decl).text)];
    if (names_->is_own(decl) && !decl.exported && !entry.used && !enums.used(entry.type)) {
      sink_.report(Kind::Unused, name_of(decl).span, {std::string(what), name_of(decl).text});
    }
  };
  for (const ast::EnumDecl* decl : names_->enums) {
    report(*decl, "enum");
  }
  for (const ast::RecordDecl* decl : names_->records) {
    report(*decl, "record");
  }
}

}  // namespace catalyst::check
