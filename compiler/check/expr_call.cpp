#include <algorithm>

#include "compiler/check/expr.h"
#include "runtime/value/zone.h"

namespace catalyst::check {

using diagnostics::Kind;
using types::TypeTable;

namespace {

std::string count_text(size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace

Typed ExprChecker::infer_call(const ast::CallExpr& expr) {
  std::vector<const ast::Expr*> arguments = expr.arguments;
  ast::Name name;
  if (expr.callee->kind == ast::ExprKind::Member) {
    const auto& qualified = static_cast<const ast::MemberExpr&>(*expr.callee);
    if (Import* import = module_of(*qualified.object)) {
      const Symbol* symbol = pack_.find_exported(*import, qualified.member);
      return symbol == nullptr ? bad(expr.span)
                               : call_symbol(*symbol, qualified.member, arguments, expr.span);
    }
    const auto& member = static_cast<const ast::MemberExpr&>(*expr.callee);
    arguments.insert(arguments.begin(), member.object);
    name = member.member;
  } else if (expr.callee->kind == ast::ExprKind::Name) {
    name = {static_cast<const ast::NameExpr&>(*expr.callee).name, expr.callee->span};
  } else {
    return report(Kind::NotAValue, expr.callee->span, {pack_.quote(expr.callee->span), "not a function"});
  }
  if (const Symbol* symbol = pack_.names.find(name.text, name.span.file);
      symbol != nullptr && symbol->kind == SymbolKind::Function) {
    return call_symbol(*symbol, name, arguments, expr.span);
  }
  if (is_builtin(name.text)) {
    return call_builtin(name.text, name.span, arguments, expr.span);
  }
  std::vector<std::string_view> candidates = builtin_names();
  for (const ast::FnDecl* function : pack_.names.functions) {
    if (pack_.names.space_of(function->span.file) == pack_.names.space_of(name.span.file)) {
      candidates.push_back(function->name.text);
    }
  }
  auto& diagnostic = pack_.sink.report(Kind::UnknownFunction, name.span, {name.text});
  suggest(diagnostic, name.span, name.text, candidates);
  if (expr.callee->kind == ast::ExprKind::Member) {
    const ast::Expr& object = *static_cast<const ast::MemberExpr&>(*expr.callee).object;
    hint_module(diagnostic, object.kind == ast::ExprKind::Name
                                ? static_cast<const ast::NameExpr&>(object).name
                                : std::string_view());
  }
  return bad(expr.span);
}

Import* ExprChecker::module_of(const ast::Expr& expr) const {
  if (expr.kind != ast::ExprKind::Name) {
    return nullptr;
  }
  const std::string& name = static_cast<const ast::NameExpr&>(expr).name;
  const bool taken = scope_.find_local(name) != nullptr || pack_.names.find(name, expr.span.file) != nullptr;
  return taken ? nullptr : pack_.names.find_import(name, expr.span.file);
}

void ExprChecker::hint_module(diagnostics::Diagnostic& diagnostic, std::string_view name) const {
  const std::vector<std::string>& modules = pack_.names.modules;
  if (std::find(modules.begin(), modules.end(), name) != modules.end()) {
    diagnostic.notes.push_back(
        {{}, "`" + std::string(name) + "` is a module of the library: `import " + std::string(name) + "`"});
  }
}

Typed ExprChecker::call_symbol(const Symbol& symbol, const ast::Name& name,
                               std::span<const ast::Expr* const> arguments, Span span) {
  if (symbol.kind != SymbolKind::Function) {
    auto& diagnostic = pack_.sink.report(Kind::UnknownFunction, name.span, {name.text});
    diagnostic.notes.push_back({name_of(pack_.declaration(symbol)).span, "this is what has the name"});
    return bad(span);
  }
  const std::string host = pack_.host_name(symbol.index);
  if (host.empty()) {
    return call_function(symbol.index, name, arguments, span);
  }
  pack_.count_use(symbol.index);
  return call_builtin(host, name.span, arguments, span);
}

Typed ExprChecker::call_function(uint32_t index, const ast::Name& name,
                                 std::span<const ast::Expr* const> arguments, Span span) {
  if (scope_.kind == ScopeKind::Constant) {
    return report(Kind::NotConstant, span, {pack_.quote(span)});
  }
  const std::vector<TypeId> parameters = pack_.parameters(index);
  if (parameters.size() != arguments.size()) {
    auto& diagnostic = pack_.sink.report(
        Kind::WrongArguments, span,
        {name.text, count_text(parameters.size(), "argument"), std::to_string(arguments.size())});
    diagnostic.notes.push_back({pack_.names.functions[index]->name.span, "declared here"});
    return bad(span);
  }
  std::vector<ExprId> ids;
  for (size_t i = 0; i < arguments.size(); ++i) {
    ids.push_back(expect(*arguments[i], parameters[i]));
  }
  const ir::FnId function = pack_.use_function(index, name.span);
  const TypeId result = pack_.result(index);
  if (!function.valid() || result == TypeTable::kError) {
    return bad(span);
  }
  return {emit_.emit(Op::CallFn, result, span, ids, function.index), result};
}

/// The number of a regular expression that stands in the program: what host functions get.
Typed ExprChecker::pattern_number(std::string_view function, const ast::Expr& argument) {
  if (argument.kind != ast::ExprKind::String || !static_cast<const ast::StringExpr&>(argument).is_plain()) {
    return report(Kind::PatternNotLiteral, argument.span, {"the pattern of `" + std::string(function) + "`"});
  }
  const std::string pattern = static_cast<const ast::StringExpr&>(argument).plain();
  if (const std::string problem = pack_.regex_problem(pattern); !problem.empty()) {
    return report(Kind::InvalidRegex, argument.span, {problem});
  }
  return {emit_.constant(value::Value::of_int(emit_.regex(pattern)), TypeTable::kInt, argument.span),
          TypeTable::kInt};
}

bool ExprChecker::known_zone(const Typed& zone, const ast::Expr& at) {
  const value::Value* constant = emit_.constant_value(zone.id);
  if (constant == nullptr) {
    return true;  // known when it runs
  }
  const value::ZoneDatabase& zones = value::zone_database();
  if (zones.find(constant->text()) != nullptr) {
    return true;
  }
  auto& diagnostic = pack_.sink.report(Kind::UnknownZone, at.span, {std::string(constant->text())});
  if (zones.names().empty()) {
    diagnostic.notes.push_back(
        {{}, "there is no time zone database in " + zones.folder() + ": install `tzdata`, or set TZDIR"});
  }
  const std::string_view near = diagnostics::did_you_mean(constant->text(), zones.names());
  if (!near.empty()) {
    diagnostic.fixes.push_back(
        {at.span, "\"" + std::string(near) + "\"", "did you mean `" + std::string(near) + "`?"});
  }
  return false;
}

Typed ExprChecker::call_builtin(std::string_view name, Span name_span,
                                std::span<const ast::Expr* const> arguments, Span span) {
  std::vector<Typed> values;
  std::vector<TypeId> types;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const TypeId hint = builtin_hint(name, i, types_);
    const Accepted accepted = builtin_accepts(name, i);
    values.push_back(accepted.optional ? infer(*arguments[i], hint) : definite(*arguments[i], hint));
    if (is_bad(values.back()) || (!accepted.json && reject_json(values.back(), *arguments[i]))) {
      return bad(span);
    }
    types.push_back(values.back().type);
  }
  const std::optional<BuiltinCall> call = resolve_builtin(name, types, types_);
  if (!call) {
    std::string wanted;
    for (const Overload& overload : builtin_overloads(name)) {
      wanted += (wanted.empty() ? "`" : " or `") + std::string(overload.signature) + "`";
    }
    std::string found;
    for (const TypeId type : types) {
      found += (found.empty() ? "`(" : ", ") + types_.text(type);
    }
    return report(Kind::WrongArguments, name_span,
                  {std::string(name), wanted, found.empty() ? "nothing" : found + ")`"});
  }
  std::vector<ExprId> ids;
  for (size_t i = 0; i < values.size(); ++i) {
    const SignatureType::Form form = call->overload->parameters[i].form;
    const Typed value = form == SignatureType::Form::Pattern
                            ? pattern_number(name, *arguments[i])
                            : convert(values[i], call->parameters[i], *arguments[i]);
    if (is_bad(value) || (form == SignatureType::Form::Zone && !known_zone(value, *arguments[i]))) {
      return bad(span);
    }
    ids.push_back(value.id);
  }
  return {emit_.emit(Op::Builtin, call->result, span, ids, call->overload->index), call->result};
}

}  // namespace catalyst::check
