#include "compiler/check/pack.h"

#include <algorithm>
#include <utility>

#include "compiler/check/decisions.h"
#include "compiler/check/expr.h"
#include "compiler/check/inputs.h"
#include "compiler/check/walk.h"
#include "runtime/base/budget.h"
#include "runtime/base/check.h"

namespace catalyst::check {

using diagnostics::Kind;
using types::TypeTable;

Pack::Pack(const source::SourceMap& source_map, diagnostics::Sink& diagnostics, ir::Module& ir)
    : sources(source_map),
      sink(diagnostics),
      module(ir),
      types(ir.types),
      emitter(ir),
      catalogue(ir.types),
      type_names(ir.types, diagnostics),
      well_formed(!diagnostics.has_errors()) {}

void Pack::prepare() {
  facts_.resize(names.facts.size());
  lists_.resize(names.lists.size());
  functions_.resize(names.functions.size());
  fixtures_.resize(names.fixtures.size());
}

std::string Pack::quote(Span span) const {
  constexpr size_t kShown = 60;
  std::string out;
  for (const char c : sources.text(span)) {
    const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank || (!out.empty() && out.back() != ' ')) {
      out += blank ? ' ' : c;
    }
    if (out.size() > kShown) {
      return out + "...";
    }
  }
  return out;
}

std::string Pack::circle(const std::vector<std::string_view>& path, std::string_view name) const {
  std::string out;
  for (auto each = std::find(path.begin(), path.end(), name); each != path.end(); ++each) {
    out += std::string(*each) + " -> ";
  }
  return out + std::string(name);
}

bool Pack::reach(uint32_t depth, Span span) {
  peak_ = std::max(peak_, depth);
  if (depth > kMaxDepth) {
    sink.report(Kind::TooDeep, span, {std::to_string(kMaxDepth)});
    return false;
  }
  return true;
}

bool Pack::afford(Span span) {
  constexpr uint64_t kExpressionSteps = 30;
  if (Budget::spend(kExpressionSteps)) {
    return true;
  }
  if (!exhausted_) {
    exhausted_ = true;
    sink.report(Kind::TooCostly, span, {diagnostics::quantity(*Budget::current())});
  }
  return false;
}

void Pack::check_locals(const Scope& scope, Span span) {
  // Loops reserve two variables whatever they go through.
  if (scope.local_peak + 1 >= ir::kMaxLocals) {
    sink.report(Kind::TooManyVariables, span, {std::to_string(ir::kMaxLocals - 2)});
  }
}

void Pack::warn_deprecated(const ast::Decl& decl, std::string_view what, Span span) {
  const std::string* instead = deprecation(decl);
  if (instead != nullptr && names.space_of(span.file) == 0 &&
      deprecated_uses_.insert(uint64_t{span.file.index} << 32 | span.begin).second) {
    sink.report(Kind::Deprecated, span, {std::string(what), name_of(decl).text, *instead})
        .notes.push_back({name_of(decl).span, "declared here"});
  }
}

// ---- facts ----

namespace {

std::string instance_key(Dependence dependence, const Scope& scope) {
  switch (dependence) {
    case Dependence::None:
      return "";
    case Dependence::Hook:
      return std::to_string(static_cast<int>(scope.hook));
    case Dependence::Tools:
      return std::to_string(static_cast<int>(scope.hook)) + ":" + std::to_string(scope.tools->args.index) +
             ":" + std::to_string(scope.tools->structured.index);
  }
  return "";
}

}  // namespace

Typed Pack::use_fact(uint32_t index, Scope& user, Span span) {
  FactState& state = facts_[index];
  const std::string& name = names.facts[index]->name.text;
  state.used = true;
  warn_deprecated(*names.facts[index], "fact", span);
  if (state.checking) {
    auto& diagnostic = sink.report(Kind::FactCycle, span, {name, circle(fact_path_, name)});
    diagnostic.notes.push_back({names.facts[index]->name.span, "declared here"});
    return {emitter.boolean(false, span), TypeTable::kError};
  }
  const FactInstance* instance = nullptr;
  for (const Dependence dependence : {Dependence::None, Dependence::Hook, Dependence::Tools}) {
    const auto found = state.instances.find(instance_key(dependence, user));
    if (found != state.instances.end()) {
      instance = &found->second;
      break;
    }
  }
  const FactInstance used = instance != nullptr ? *instance : check_fact(index, user);
  user.depends(used.dependence);
  if (used.type == TypeTable::kError || !reach(depth_ + used.height, span)) {
    return {emitter.boolean(false, span), TypeTable::kError};
  }
  return {emitter.emit(Op::Fact, used.type, span, {}, used.id.index), used.type};
}

ir::ExprId Pack::window_slot(ir::WindowRead read, const Scope& scope, TypeId type, Span span) {
  const std::string key = std::to_string(read.window.index) + "|" + instance_key(scope.dependence, scope);
  const auto [found, fresh] = window_slots_.try_emplace(key);
  if (fresh) {
    const auto readers =
        std::count_if(module.window_reads.begin(), module.window_reads.end(),
                      [&](const ir::WindowRead& other) { return other.window == read.window; });
    found->second = {module.windows[read.window.index].name};
    if (readers > 0) {
      found->second.push_back(std::to_string(readers + 1));
    }
  }
  const ir::ExprId out = emitter.slot(abi::InputRoot::Window, found->second, type, span);
  if (fresh) {
    read.slot = ir::SlotId(module.expr(out).payload);
    module.window_reads.push_back(read);
  }
  return out;
}

Pack::FactInstance Pack::check_fact(uint32_t index, const Scope& user) {
  const ast::FactDecl& fact = *names.facts[index];
  facts_[index].checking = true;
  fact_path_.push_back(fact.name.text);
  const uint32_t outer_peak = std::exchange(peak_, depth_);

  Scope scope;
  scope.kind = ScopeKind::Fact;
  scope.hook = user.hook;
  scope.tools = user.tools;
  scope.user = user.user;
  scope.user_text = user.user_text;
  ExprChecker checker(*this, scope);
  FactInstance instance;
  ir::ExprId value;
  const size_t errors = sink.error_count();
  if (fact.type != nullptr) {
    instance.type = type_names.resolve(*fact.type);
    value = checker.expect(*fact.value, instance.type);
  } else {
    const Typed inferred = checker.infer(*fact.value);
    instance.type = inferred.type;
    value = inferred.id;
  }
  if (sink.error_count() != errors) {
    instance.type = TypeTable::kError;  // whoever uses it has nothing to add
  }
  instance.dependence = scope.dependence;
  instance.height = peak_ - depth_;
  peak_ = std::max(peak_, outer_peak);
  if (instance.type != TypeTable::kError) {
    instance.id = ir::FactId(module.facts.size());
    check_locals(scope, fact.name.span);
    module.facts.push_back({names.qualified(fact.name), value, scope.local_peak});
  }
  fact_path_.pop_back();
  facts_[index].checking = false;
  facts_[index].instances.emplace(instance_key(instance.dependence, scope), instance);
  return instance;
}

// ---- lists ----

Typed Pack::use_list(uint32_t index, Span span) {
  check_list(index);
  const ListState& state = lists_[index];
  lists_[index].used = true;
  warn_deprecated(*names.lists[index], "list", span);
  if (state.type == TypeTable::kError) {
    return {emitter.boolean(false, span), TypeTable::kError};
  }
  return {emitter.constant(state.value, span), state.type};
}

void Pack::check_list(uint32_t index) {
  ListState& state = lists_[index];
  if (state.done) {
    return;
  }
  state.done = true;
  const ast::ListDecl& list = *names.lists[index];
  Scope scope;
  scope.kind = ScopeKind::Constant;
  ExprChecker checker(*this, scope);
  const TypeId type = type_names.resolve(*list.type);
  const Typed value = checker.convert(checker.infer(*list.value, type), type, *list.value);
  if (value.type == TypeTable::kError || type == TypeTable::kError) {
    return;
  }
  const value::Value* constant = emitter.constant_value(value.id);
  if (constant == nullptr) {
    sink.report(Kind::NotConstant, list.value->span, {quote(list.value->span)});
    return;
  }
  state.value = emitter.constant_id(*constant, type);
  state.type = type;
}

// ---- functions ----

void Pack::resolve_signature(uint32_t index) {
  FunctionState& state = functions_[index];
  if (state.resolved) {
    return;
  }
  state.resolved = true;
  for (const ast::Parameter& parameter : names.functions[index]->parameters) {
    state.parameters.push_back(type_names.resolve(*parameter.type));
  }
  state.result = type_names.resolve(*names.functions[index]->result);
}

const std::vector<TypeId>& Pack::parameters(uint32_t function) {
  resolve_signature(function);
  return functions_[function].parameters;
}

TypeId Pack::result(uint32_t function) {
  resolve_signature(function);
  return functions_[function].result;
}

ir::FnId Pack::use_function(uint32_t index, Span span) {
  FunctionState& state = functions_[index];
  state.used = true;
  warn_deprecated(*names.functions[index],
                  names.functions[index]->kind == ast::DeclKind::Decision ? "decision" : "function", span);
  if (state.checking) {
    const std::string& name = names.functions[index]->name.text;
    const bool decides = names.functions[index]->kind == ast::DeclKind::Decision;
    auto& diagnostic = sink.report(Kind::FunctionCycle, span,
                                   {decides ? "decision" : "function", name, circle(function_path_, name)});
    diagnostic.notes.push_back({names.functions[index]->name.span, "declared here"});
    return {};
  }
  check_function(index);
  return reach(depth_ + functions_[index].height, span) ? functions_[index].id : ir::FnId();
}

void Pack::check_function(uint32_t index) {
  if (functions_[index].done) {
    return;
  }
  functions_[index].done = true;
  functions_[index].checking = true;
  resolve_signature(index);
  const ast::FnDecl& function = *names.functions[index];
  function_path_.push_back(function.name.text);
  Scope scope;
  scope.kind = ScopeKind::Function;
  for (size_t i = 0; i < function.parameters.size(); ++i) {
    const ast::Name& name = function.parameters[i].name;
    if (scope.find_local(name.text) != nullptr) {
      sink.report(Kind::DuplicateName, name.span, {"parameter", name.text});
    }
    if (is_input_root(name.text)) {
      sink.report(Kind::ReservedName, name.span, {name.text, "an input"});
    }
    scope.locals.push_back({name.text, functions_[index].parameters[i], scope.take_locals(1)});
  }
  ExprChecker checker(*this, scope);
  const TypeId result = functions_[index].result;
  const uint32_t outer_peak = std::exchange(peak_, depth_);
  CheckedDecision checked;
  if (function.kind == ast::DeclKind::Decision) {
    checked = check_decision(*this, static_cast<const ast::DecisionDecl&>(function), scope, result);
  } else {
    checked.body = checker.expect(*function.body, result);
  }
  function_path_.pop_back();
  check_locals(scope, function.name.span);
  FunctionState& state = functions_[index];
  state.height = peak_ - depth_;
  peak_ = std::max(peak_, outer_peak);
  state.checking = false;
  state.id = ir::FnId(module.functions.size());
  module.functions.push_back(
      {names.qualified(function.name), state.parameters, result, checked.body, scope.local_peak});
  if (function.kind == ast::DeclKind::Decision) {
    add_decision(index, std::move(checked.info));
  }
}

/// Makes the decision callable from outside: a root that reads each parameter from a slot.
void Pack::add_decision(uint32_t index, ir::Decision decision) {
  const ast::FnDecl& decl = *names.functions[index];
  const FunctionState& state = functions_[index];
  std::vector<ir::ExprId> arguments;
  for (size_t i = 0; i < decl.parameters.size(); ++i) {
    const ast::Name& name = decl.parameters[i].name;
    decision.parameters.push_back(name.text);
    arguments.push_back(emitter.slot(abi::InputRoot::Argument, {name.text}, state.parameters[i], name.span));
  }
  decision.name = names.qualified(decl.name);
  decision.doc = decl.doc;
  decision.span = decl.name.span;
  decision.function = state.id;
  decision.call = emitter.emit(Op::CallFn, state.result, decl.name.span, arguments, state.id.index);
  module.decisions.push_back(std::move(decision));
}

const ast::FixtureDecl& Pack::use_fixture(uint32_t index) {
  fixtures_[index] = true;
  return *names.fixtures[index];
}

// ---- what nothing uses ----

namespace {

/// The first hook that has every input that `expr` mentions; a fact that mixes inputs of several is about
/// calls.
abi::Hook hook_for(const ast::Expr& expr) {
  for (size_t i = 0; i < abi::kHookCount; ++i) {
    const auto hook = static_cast<abi::Hook>(i);
    const auto missing = [&](std::string_view root) {
      return !input_available(root, hook) && mentions(expr, root);
    };
    const std::vector<std::string_view> all = all_input_roots();
    if (std::none_of(all.begin(), all.end(), missing)) {
      return hook;
    }
  }
  return abi::Hook::Call;
}

}  // namespace

void Pack::check_rest() {
  for (uint32_t i = 0; i < facts_.size(); ++i) {
    if (!names.is_own(*names.facts[i]) || facts_[i].used || !facts_[i].instances.empty()) {
      continue;
    }
    Scope everything;
    everything.hook = hook_for(*names.facts[i]->value);
    everything.tools = &catalogue.everything_leniently();
    check_fact(i, everything);
  }
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    if (names.is_own(*names.functions[i]) && host_name(i).empty()) {
      check_function(i);
    }
  }
  for (uint32_t i = 0; i < lists_.size(); ++i) {
    if (names.is_own(*names.lists[i])) {
      check_list(i);
    }
  }
}

void Pack::report_unused() {
  const auto report = [&](const ast::Decl& decl, std::string_view what) {
    if (names.is_own(decl) && !decl.exported) {
      sink.report(Kind::Unused, name_of(decl).span, {std::string(what), name_of(decl).text});
    }
  };
  for (uint32_t i = 0; i < facts_.size(); ++i) {
    if (!facts_[i].used) {
      report(*names.facts[i], "fact");
    }
  }
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    if (!functions_[i].used && names.functions[i]->kind == ast::DeclKind::Fn) {
      report(*names.functions[i], "function");
    }
  }
  for (uint32_t i = 0; i < lists_.size(); ++i) {
    if (!lists_[i].used) {
      report(*names.lists[i], "list");
    }
  }
  for (const auto& [file, imports] : names.imports) {
    for (const auto& [alias, import] : imports) {
      if (!import.used) {
        report(*import.decl, "import");
      }
    }
  }
  for (size_t i = 0; i < fixtures_.size(); ++i) {
    if (!fixtures_[i]) {
      report(*names.fixtures[i], "fixture");
    }
  }
  type_names.report_unused(enums);
}

// ---- what other packs let us use ----

const ast::Decl& Pack::declaration(const Symbol& symbol) const {
  switch (symbol.kind) {
    case SymbolKind::Fact:
      return *names.facts[symbol.index];
    case SymbolKind::List:
      return *names.lists[symbol.index];
    case SymbolKind::Function:
      return *names.functions[symbol.index];
    case SymbolKind::Fixture:
      return *names.fixtures[symbol.index];
  }
  CHECK(false, "symbols have a kind");
}

const Symbol* Pack::find_exported(Import& import, const ast::Name& name) {
  import.used = true;
  if (import.space == Import::kUnreadable) {
    return nullptr;
  }
  const Space& space = names.spaces[import.space];
  const auto found = space.symbols.find(name.text);
  if (found != space.symbols.end()) {
    if (declaration(found->second).exported) {
      return &found->second;
    }
    report_not_exported(names, declaration(found->second), name, sink);
    return nullptr;
  }
  std::vector<std::string_view> candidates;
  for (const auto& [each, symbol] : space.symbols) {
    if (declaration(symbol).exported) {
      candidates.push_back(each);
    }
  }
  std::sort(candidates.begin(), candidates.end());
  auto& diagnostic = sink.report(Kind::UnknownImported, name.span, {name.text, space.name});
  suggest(diagnostic, name.span, name.text, candidates);
  return nullptr;
}

std::string Pack::host_name(uint32_t function) const {
  const ast::FnDecl& decl = *names.functions[function];
  const Space& space = names.spaces[names.space_of(decl.span.file)];
  const bool host = space.library && decl.kind == ast::DeclKind::Fn &&
                    decl.body->kind == ast::ExprKind::Name &&
                    static_cast<const ast::NameExpr&>(*decl.body).name == "host";
  return host ? space.name + "." + decl.name.text : std::string();
}

}  // namespace catalyst::check
