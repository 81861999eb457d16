#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/check/schema.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/types/type.h"

namespace catalyst::check {

/// What an expression can call by name. Facts, lists, functions, decisions and fixtures share one space of
/// names.
enum class SymbolKind : uint8_t { Fact, List, Function, Fixture };
struct Symbol {
  SymbolKind kind = SymbolKind::Fact;
  uint32_t index = 0;  // in Names::facts, lists, functions or fixtures
};

/// The declarations of a pack by kind, over all of its files, in the order in which they stand. A name that
/// is declared twice keeps its first declaration.
struct Names {
  const ast::PackDecl* pack = nullptr;
  std::vector<const ast::DefaultDecl*> defaults;
  std::vector<const ast::ServerDecl*> servers;
  std::vector<const ast::EnumDecl*> enums;
  std::vector<const ast::RecordDecl*> records;
  std::vector<const ast::ListDecl*> lists;
  std::vector<const ast::FactDecl*> facts;
  std::vector<const ast::FnDecl*> functions;  // and decisions
  std::vector<const ast::FixtureDecl*> fixtures;
  std::vector<const ast::RuleDecl*> rules;
  std::vector<const ast::TestDecl*> tests;
  std::unordered_map<std::string_view, Symbol> symbols;
  std::unordered_map<std::string_view, size_t> rule_index;

  [[nodiscard]] const Symbol* find(std::string_view name) const {
    const auto found = symbols.find(name);
    return found == symbols.end() ? nullptr : &found->second;
  }
};

/// Sorts declarations by kind; reports names that are declared twice or reserved.
Names collect_names(std::span<const ast::Ast> files, diagnostics::Sink& sink);

/// Adds "did you mean" with the edit, when a candidate is near.
void suggest(diagnostics::Diagnostic& diagnostic, const source::Span& span, std::string_view word,
             const std::vector<std::string_view>& candidates);
/// "`a`, `b`, `c`" of at most `limit` words.
std::string quote_list(const std::vector<std::string_view>& words, size_t limit = 8);

/// The declared types and the way from their written form to their id.
class TypeNames {
 public:
  TypeNames(types::TypeTable& types, diagnostics::Sink& sink) : types_(types), sink_(sink) {}

  /// Makes all declared enums and records; `enums` learns the enums.
  void declare(const Names& names, EnumIndex& enums);
  /// kError after a diagnostic.
  TypeId resolve(const ast::TypeExpr& type);
  /// The declared enum of that name, or invalid. Counts as a use.
  TypeId find_enum(std::string_view name);
  /// The declared record of that name, or invalid. Counts as a use.
  TypeId find_record(std::string_view name);
  [[nodiscard]] std::vector<std::string_view> names() const;
  /// Declared types that nothing mentions.
  void report_unused(const Names& names, const EnumIndex& enums);

 private:
  struct Declared {
    const ast::Decl* decl = nullptr;
    TypeId type;
    bool open = false;  // being resolved: a record that is met again contains itself
    bool used = false;
  };
  TypeId declared(std::string_view name, const ast::TypeExpr& at);
  void resolve_record(Declared& entry, const ast::RecordDecl& record);

  types::TypeTable& types_;
  diagnostics::Sink& sink_;
  std::unordered_map<std::string_view, Declared> declared_;
  std::vector<std::string_view> path_;  // records being resolved
  std::vector<TypeId> enum_ids_;
};

}  // namespace catalyst::check
