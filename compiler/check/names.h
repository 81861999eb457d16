#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/check/schema.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/types/type.h"

namespace catalyst::check {

using source::Span;

/// What an expression can call by name. Facts, lists, functions, decisions and fixtures share one space of
/// names.
enum class SymbolKind : uint8_t { Fact, List, Function, Fixture };
struct Symbol {
  SymbolKind kind = SymbolKind::Fact;
  uint32_t index = 0;  // in Names::facts, lists, functions or fixtures
};

/// A pack, or a module of the library: its declarations form one space of names.
struct Space {
  std::string name;  // as it calls itself
  bool library = false;
  std::unordered_map<std::string_view, Symbol> symbols;
};

/// What one file calls a space that it imports.
struct Import {
  static constexpr uint32_t kUnreadable = UINT32_MAX;
  const ast::ImportDecl* decl = nullptr;
  uint32_t space = kUnreadable;  // in Names::spaces; kUnreadable: why was reported, its uses are not
  bool used = false;
};

/// The declarations of a pack by kind, over all of its files, in the order in which they stand. A name that
/// is declared twice keeps its first declaration. Behind them stand the facts, lists, functions and types of
/// the packs that it imports; of those packs' rules, routes, defaults, servers and tests there is nothing
/// here.
///
/// A name means what it means in the file in which it is written: look-ups take that file.
struct Names {
  const ast::PackDecl* pack = nullptr;
  std::vector<const ast::DefaultDecl*> defaults;
  std::vector<const ast::ServerDecl*> servers;
  std::vector<const ast::AgentDecl*> agents;
  std::vector<const ast::EnumDecl*> enums;
  std::vector<const ast::RecordDecl*> records;
  std::vector<const ast::ListDecl*> lists;
  std::vector<const ast::FactDecl*> facts;
  std::vector<const ast::FnDecl*> functions;  // and decisions
  std::vector<const ast::FixtureDecl*> fixtures;
  std::vector<const ast::RuleDecl*> rules;
  std::vector<const ast::RouteDecl*> routes;
  std::vector<const ast::TestDecl*> tests;
  std::vector<const ast::PropertyDecl*> properties;
  std::unordered_map<std::string_view, size_t> rule_index;
  std::vector<Space> spaces;         // the pack that is checked, then what it imports
  std::vector<uint32_t> file_space;  // by file
  std::unordered_map<uint32_t, std::unordered_map<std::string_view, Import>> imports;  // by file
  std::vector<std::string> modules;                                                    // of the library
  std::unordered_set<std::string_view> labels;                                         // that some rule gives

  [[nodiscard]] uint32_t space_of(source::FileId file) const {
    return file.index < file_space.size() ? file_space[file.index] : 0;
  }
  [[nodiscard]] bool is_own(const ast::Decl& decl) const { return space_of(decl.span.file) == 0; }
  /// "shared.max_amount" of what is imported, the bare name of what is not.
  [[nodiscard]] std::string qualified(const ast::Name& name) const;
  [[nodiscard]] const Symbol* find(std::string_view name, source::FileId file) const;
  /// nullptr when the file imports nothing of that name.
  [[nodiscard]] Import* find_import(std::string_view alias, source::FileId file);
};

struct Imports;  // check.h
/// Sorts declarations by kind; reports names that are declared twice or reserved.
Names collect_names(std::span<const ast::Ast> files, const Imports& imports, diagnostics::Sink& sink);

/// The name of a declaration, of whatever kind that has one.
const ast::Name& name_of(const ast::Decl& decl);

/// What `@deprecated` says of a declaration; nullptr when it does not stand there.
const std::string* deprecation(const ast::Decl& decl);

/// Reports that `name` is declared, but not for other packs.
void report_not_exported(const Names& names, const ast::Decl& decl, const ast::Name& name,
                         diagnostics::Sink& sink);

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
  void declare(Names& names, EnumIndex& enums);
  /// kError after a diagnostic.
  TypeId resolve(const ast::TypeExpr& type);
  /// The declared enum of that name ("Env", "shared.Env"), or invalid. Counts as a use.
  TypeId find_enum(std::string_view name, source::FileId file);
  /// The declared record that `name` stands for; invalid after a diagnostic.
  TypeId record(const ast::Name& name);
  /// Declared types that nothing mentions.
  void report_unused(const EnumIndex& enums);

 private:
  struct Declared {
    const ast::Decl* decl = nullptr;
    TypeId type;
    bool open = false;  // being resolved: a record that is met again contains itself
    bool used = false;
  };
  /// nullptr when there is none, or when it is another pack's own.
  Declared* find(std::string_view name, source::FileId file);
  TypeId declared(std::string_view name, Span span);
  TypeId unknown(std::string_view name, Span span);
  TypeId use(Declared& entry, std::string_view name, Span span);
  [[nodiscard]] std::vector<std::string> visible(std::string_view alias, source::FileId file) const;
  void resolve_record(Declared& entry, const ast::RecordDecl& record);

  types::TypeTable& types_;
  diagnostics::Sink& sink_;
  Names* names_ = nullptr;
  std::unordered_map<std::string, Declared> declared_;  // by number of the space and name
  std::vector<std::string_view> path_;                  // records being resolved
};

}  // namespace catalyst::check
