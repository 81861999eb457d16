#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "compiler/check/catalogue.h"
#include "compiler/check/emitter.h"
#include "compiler/check/names.h"
#include "compiler/check/scope.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/source/source.h"
#include "runtime/value/regex_set.h"

namespace catalyst::check {

/// A checked expression.
struct Typed {
  ExprId id;
  TypeId type;
};

/// What the parts of checking share while one pack is checked. One thread.
class Pack {
 public:
  Pack(const source::SourceMap& source_map, diagnostics::Sink& diagnostics, ir::Module& ir);

  const source::SourceMap& sources;
  diagnostics::Sink& sink;
  ir::Module& module;
  types::TypeTable& types;
  Emitter emitter;
  EnumIndex enums;
  Catalogue catalogue;
  Names names;
  TypeNames type_names;
  std::unordered_map<std::string, ir::WindowId> windows;  // by name
  const bool well_formed;  // every file could be read; if not, what covers everything is not to be judged

  /// The value of a fact in the context of `user`. Checks it there when no rule with the same context did
  /// before.
  Typed use_fact(uint32_t index, Scope& user, Span span);
  /// The input that a window is read from; contexts in which its key means the same share it.
  ir::ExprId window_slot(ir::WindowRead read, const Scope& scope, TypeId type, Span span);
  Typed use_list(uint32_t index, Span span);
  /// Checks the function if need be; its id is invalid when it calls itself.
  ir::FnId use_function(uint32_t index, Span span);
  const ast::FixtureDecl& use_fixture(uint32_t index);
  [[nodiscard]] const std::vector<TypeId>& parameters(uint32_t function);
  TypeId result(uint32_t function);

  [[nodiscard]] const ast::Decl& declaration(const Symbol& symbol) const;
  /// What an import offers under that name; nullptr after a diagnostic.
  const Symbol* find_exported(Import& import, const ast::Name& name);
  /// "text.pad_left" of a function of the library that the host provides (its body is `host`), else "".
  [[nodiscard]] std::string host_name(uint32_t function) const;
  void count_use(uint32_t function) { functions_[function].used = true; }

  /// Makes room for the names and resolves signatures; call once, when names and types are known.
  void prepare();
  /// Checks what no rule has used.
  void check_rest();
  /// Warns about what nothing uses. Only of use when everything else is right: a misspelt use is no use.
  void report_unused();

  /// Levels of expressions inside expressions, through facts and functions. Both checking and evaluation
  /// recurse over them, so this bounds their stacks (a level of checking takes about 2 KiB, one of evaluation
  /// less).
  static constexpr uint32_t kMaxDepth = 1'000;
  /// Entered for every expression. False, after a diagnostic, when it is too deep to look at, or when the
  /// budget is used up.
  bool enter(Span span) { return reach(++depth_, span) && afford(span); }
  void leave() { --depth_; }

  /// Reports a scope with more variables than evaluators have room for.
  void check_locals(const Scope& scope, Span span);

  /// Why a regular expression cannot stand in this pack, or empty.
  std::string regex_problem(const std::string& pattern) { return regexes_.problem(pattern); }

  /// The source text of a span, shortened to one line for a message.
  [[nodiscard]] std::string quote(Span span) const;

 private:
  struct FactInstance {
    ir::FactId id;
    TypeId type = types::TypeTable::kError;
    Dependence dependence = Dependence::None;
    uint32_t height = 0;  // levels below it
  };
  struct FactState {
    bool checking = false;
    bool used = false;
    std::unordered_map<std::string, FactInstance> instances;
  };
  struct ListState {
    bool done = false;
    bool used = false;
    TypeId type = types::TypeTable::kError;
    ir::ConstId value;
  };
  struct FunctionState {
    bool resolved = false;
    bool checking = false;
    bool done = false;
    bool used = false;
    uint32_t height = 0;
    std::vector<TypeId> parameters;
    TypeId result = types::TypeTable::kError;
    ir::FnId id;
  };
  FactInstance check_fact(uint32_t index, const Scope& user);
  void check_list(uint32_t index);
  void check_function(uint32_t index);
  void add_decision(uint32_t index, ir::Decision decision);
  void resolve_signature(uint32_t index);
  void warn_deprecated(const ast::Decl& decl, std::string_view what, Span span);
  std::unordered_set<uint64_t>
      deprecated_uses_;  // places that were warned about: facts are checked repeatedly
  bool reach(uint32_t depth, Span span);
  bool afford(Span span);
  std::string circle(const std::vector<std::string_view>& path, std::string_view name) const;

  value::RegexAdmission regexes_;
  std::vector<FactState> facts_;
  std::vector<ListState> lists_;
  std::vector<FunctionState> functions_;
  std::vector<bool> fixtures_;  // used
  std::unordered_map<std::string, std::vector<std::string>>
      window_slots_;        // their paths, by window and context
  bool exhausted_ = false;  // the budget, and it has been said
  uint32_t depth_ = 0;
  uint32_t peak_ = 0;  // deepest level reached since the fact or function at hand began
  std::vector<std::string_view> fact_path_;
  std::vector<std::string_view> function_path_;
};

}  // namespace catalyst::check
