#include "compiler/check/expr.h"
#include "compiler/check/literal.h"
#include "compiler/check/servers.h"

// Windows over the past. What is counted is another request than the one that asks: key and value are checked
// in its context, the key once more in the context that asks.

namespace catalyst::check {

using diagnostics::Kind;
using ir::WindowKind;
using types::TypeTable;

namespace {

std::optional<WindowKind> kind_of(std::string_view name) {
  if (name == "count") {
    return WindowKind::Count;
  }
  if (name == "sum") {
    return WindowKind::Sum;
  }
  return name == "distinct" ? std::optional(WindowKind::Distinct) : std::nullopt;
}

/// The hooks whose requests are sent on when they are allowed.
bool is_counted(abi::Hook hook) {
  return hook == abi::Hook::Call || hook == abi::Hook::Read || hook == abi::Hook::Prompt ||
         hook == abi::Hook::Complete || hook == abi::Hook::Message;
}

/// A text on one line: what windows are called by.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank || (!out.empty() && out.back() != ' ')) {
      out += blank ? ' ' : c;
    }
  }
  return out;
}

}  // namespace

ExprId ExprChecker::window_value(const ast::WindowExpr& expr, WindowKind kind, ExprChecker& event) {
  const std::string function = "`" + expr.function.text + "`";
  if (kind == WindowKind::Count) {
    if (expr.value != nullptr) {
      report(Kind::WindowForm, expr.value->span, {function + " counts requests: it takes no `of`"});
    }
    return {};
  }
  if (expr.value == nullptr) {
    report(Kind::WindowForm, expr.span,
           {function + " needs " + (kind == WindowKind::Sum ? "a number" : "a text") +
            " of each request: `of call.args...` behind the target"});
    return {};
  }
  return kind == WindowKind::Sum ? event.expect(*expr.value, TypeTable::kDecimal) : event.text(*expr.value);
}

ir::WindowId ExprChecker::window(const ast::WindowExpr& expr, Span span) {
  const WindowKind kind = kind_of(expr.function.text).value_or(WindowKind::Count);
  const std::optional<abi::Hook> hook = abi::find_hook(expr.hook.text);
  if (!hook || !is_counted(*hook)) {
    report(Kind::WindowForm, expr.hook.span,
           {"`" + expr.hook.text +
            "` is nothing that is sent: windows count `call`, `read`, `prompt`, "
            "`complete` and `message`"});
    return {};
  }
  ir::Window out;
  const uint32_t space = pack_.names.space_of(expr.span.file);
  out.name =
      (space == 0 ? "" : pack_.names.spaces[space].name + ": ") + one_line(pack_.sources.text(expr.span));
  if (const auto known = pack_.windows.find(out.name); known != pack_.windows.end()) {
    return known->second;
  }
  const size_t errors = pack_.sink.error_count();
  out.span = span;
  out.kind = kind;
  out.hook = *hook;
  const std::vector<ir::TargetPattern> patterns = check_targets(pack_, *hook, expr.targets);
  out.target = emit_.target(patterns);
  Scope scope;
  scope.kind = ScopeKind::Rule;
  scope.hook = *hook;
  scope.tools = &tools_of(pack_, *hook, patterns);
  scope.in_window = true;
  ExprChecker event(pack_, scope);
  out.key = expr.key == nullptr ? ExprId() : event.text(*expr.key);
  out.value = window_value(expr, kind, event);
  pack_.check_locals(scope, span);
  out.local_count = scope.local_peak;
  const auto& number = static_cast<const ast::NumberExpr&>(*expr.within);
  const Number within = read_number(number.digits, number.unit, false);
  if (within.form == NumberForm::UnknownUnit) {
    return {};
  }
  if (within.form != NumberForm::Duration) {
    report(Kind::TypeMismatch, expr.within->span,
           {type_text(TypeTable::kDuration), "`" + pack_.quote(expr.within->span) + "`"});
  } else if (within.value.a.integer <= 0) {
    report(Kind::NumberOutOfRange, expr.within->span, {pack_.quote(expr.within->span), "a window"});
  } else if (pack_.module.windows.size() >= ir::kMaxWindows) {
    report(Kind::TooManyWindows, span, {std::to_string(ir::kMaxWindows)});
  }
  if (pack_.sink.error_count() != errors) {
    return {};
  }
  out.within_us = within.value.a.integer;
  const ir::WindowId id(pack_.module.windows.size());
  pack_.windows.emplace(out.name, id);
  pack_.module.windows.push_back(std::move(out));
  return id;
}

Typed ExprChecker::infer_window(const ast::WindowExpr& expr) {
  if (scope_.in_window || (scope_.kind != ScopeKind::Rule && scope_.kind != ScopeKind::Fact)) {
    return report(
        Kind::WindowNotHere, expr.span,
        {expr.function.text, scope_.in_window ? "what is counted cannot depend on that itself"
                                              : "that is not known here: rules and facts may ask for it"});
  }
  if (expr.within->kind != ast::ExprKind::Number) {
    return bad(expr.span);  // diagnosed when it was read
  }
  const ir::WindowId id = window(expr, expr.span);
  if (!id.valid()) {
    return bad(expr.span);
  }
  const TypeId type =
      pack_.module.windows[id.index].kind == WindowKind::Sum ? TypeTable::kDecimal : TypeTable::kInt;
  ir::WindowRead read{id, {}, {}, 0};
  Scope asking;
  asking.kind = scope_.kind;
  asking.hook = scope_.hook;
  asking.tools = scope_.tools;
  asking.user = scope_.user;
  asking.user_text = scope_.user_text;
  asking.in_window = true;
  if (expr.key != nullptr) {
    const size_t errors = pack_.sink.error_count();
    read.key = ExprChecker(pack_, asking).text(*expr.key);
    if (pack_.sink.error_count() != errors) {
      return bad(expr.span);
    }
  }
  scope_.depends(asking.dependence);
  pack_.check_locals(asking, expr.span);
  read.local_count = asking.local_peak;
  return {pack_.window_slot(read, asking, type, expr.span), type};
}

}  // namespace catalyst::check
