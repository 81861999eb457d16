#include "compiler/check/expr.h"

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
    const auto& member = static_cast<const ast::MemberExpr&>(*expr.callee);
    arguments.insert(arguments.begin(), member.object);
    name = member.member;
  } else if (expr.callee->kind == ast::ExprKind::Name) {
    name = {static_cast<const ast::NameExpr&>(*expr.callee).name, expr.callee->span};
  } else {
    return report(Kind::NotAValue, expr.callee->span, {pack_.quote(expr.callee->span), "not a function"});
  }
  if (const Symbol* symbol = pack_.names.find(name.text);
      symbol != nullptr && symbol->kind == SymbolKind::Function) {
    return call_function(symbol->index, name, arguments, expr.span);
  }
  if (is_builtin(name.text)) {
    return call_builtin(name.text, name.span, arguments, expr.span);
  }
  std::vector<std::string_view> candidates = builtin_names();
  for (const ast::FnDecl* function : pack_.names.functions) {
    candidates.push_back(function->name.text);
  }
  auto& diagnostic = pack_.sink.report(Kind::UnknownFunction, name.span, {name.text});
  suggest(diagnostic, name.span, name.text, candidates);
  return bad(expr.span);
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

Typed ExprChecker::call_builtin(std::string_view name, Span name_span,
                                std::span<const ast::Expr* const> arguments, Span span) {
  std::vector<Typed> values;
  std::vector<TypeId> types;
  for (size_t i = 0; i < arguments.size(); ++i) {
    values.push_back(definite(*arguments[i], builtin_hint(name, i, types_)));
    if (is_bad(values.back()) || reject_json(values.back(), *arguments[i])) {
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
    ids.push_back(convert(values[i], call->parameters[i], *arguments[i]).id);
  }
  return {emit_.emit(Op::Builtin, call->result, span, ids, call->overload->index), call->result};
}

}  // namespace catalyst::check
