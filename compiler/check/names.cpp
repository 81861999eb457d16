#include "compiler/check/names.h"

#include <algorithm>

#include "compiler/check/builtins.h"
#include "compiler/check/check.h"
#include "compiler/check/inputs.h"
#include "runtime/base/check.h"

namespace catalyst::check {
namespace {

using diagnostics::Kind;

constexpr std::string_view kTypeWords[] = {"bool",     "int", "decimal", "float", "string", "bytes", "time",
                                           "duration", "ip",  "json",    "list",  "set",    "map"};

class Collector {
 public:
  Collector(Names& names, diagnostics::Sink& sink) : names_(names), sink_(sink) {}

  /// What comes next belongs to `space`.
  void begin(uint32_t space) {
    space_ = space;
    types_.clear();
    symbols_.clear();
  }

  void add(const ast::Decl& decl) {
    switch (decl.kind) {
      case ast::DeclKind::Import:
        return;  // once all names are known
      case ast::DeclKind::Pack: {
        const auto& pack = static_cast<const ast::PackDecl&>(decl);
        if (names_.pack != nullptr) {
          twice("pack", pack.name, names_.pack->name.span);
        } else {
          names_.pack = &pack;
        }
        return;
      }
      case ast::DeclKind::Default:
        names_.defaults.push_back(&static_cast<const ast::DefaultDecl&>(decl));
        return;
      case ast::DeclKind::Server: {
        const auto& server = static_cast<const ast::ServerDecl&>(decl);
        if (fresh(servers_, "server", server.name)) {
          names_.servers.push_back(&server);
        }
        return;
      }
      case ast::DeclKind::Agent: {
        const auto& agent = static_cast<const ast::AgentDecl&>(decl);
        if (fresh(agents_, "agent", agent.name)) {
          names_.agents.push_back(&agent);
        }
        return;
      }
      case ast::DeclKind::Property: {
        const auto& property = static_cast<const ast::PropertyDecl&>(decl);
        if (fresh(properties_, "property", property.name)) {
          names_.properties.push_back(&property);
        }
        return;
      }
      case ast::DeclKind::Enum: {
        const auto& declared = static_cast<const ast::EnumDecl&>(decl);
        if (type_is_free(declared.name) && fresh(types_, "type", declared.name)) {
          names_.enums.push_back(&declared);
        }
        return;
      }
      case ast::DeclKind::Record: {
        const auto& record = static_cast<const ast::RecordDecl&>(decl);
        if (type_is_free(record.name) && fresh(types_, "type", record.name)) {
          names_.records.push_back(&record);
        }
        return;
      }
      case ast::DeclKind::List: {
        const auto& list = static_cast<const ast::ListDecl&>(decl);
        if (symbol(SymbolKind::List, "list", list.name, names_.lists.size())) {
          names_.lists.push_back(&list);
        }
        return;
      }
      case ast::DeclKind::Fact: {
        const auto& fact = static_cast<const ast::FactDecl&>(decl);
        if (symbol(SymbolKind::Fact, "fact", fact.name, names_.facts.size())) {
          names_.facts.push_back(&fact);
        }
        return;
      }
      case ast::DeclKind::Fn: {
        const auto& function = static_cast<const ast::FnDecl&>(decl);
        if (symbol(SymbolKind::Function, "function", function.name, names_.functions.size())) {
          names_.functions.push_back(&function);
        }
        return;
      }
      case ast::DeclKind::Rule: {
        const auto& rule = static_cast<const ast::RuleDecl&>(decl);
        if (fresh(rules_, "rule", rule.name)) {
          names_.rule_index.emplace(rule.name.text, names_.rules.size());
        }
        for (const ast::Effect& effect : rule.effects) {
          if (effect.kind == ast::EffectKind::Label) {
            names_.labels.insert(effect.tag.text);
          }
        }
        names_.rules.push_back(&rule);  // a second one of its name is checked all the same
        return;
      }
      case ast::DeclKind::Decision: {
        const auto& decision = static_cast<const ast::DecisionDecl&>(decl);
        if (symbol(SymbolKind::Function, "decision", decision.name, names_.functions.size())) {
          names_.functions.push_back(&decision);
        }
        return;
      }
      case ast::DeclKind::Route: {
        const auto& route = static_cast<const ast::RouteDecl&>(decl);
        if (fresh(routes_, "route", route.name)) {
          names_.routes.push_back(&route);
        }
        return;
      }
      case ast::DeclKind::Fixture: {
        const auto& fixture = static_cast<const ast::FixtureDecl&>(decl);
        if (symbol(SymbolKind::Fixture, "fixture", fixture.name, names_.fixtures.size())) {
          names_.fixtures.push_back(&fixture);
        }
        return;
      }
      case ast::DeclKind::Test:
        names_.tests.push_back(&static_cast<const ast::TestDecl&>(decl));
        return;
    }
  }

  /// Of an imported pack only what can be named counts.
  void add_imported(const ast::Decl& decl) {
    switch (decl.kind) {
      case ast::DeclKind::Enum:
      case ast::DeclKind::Record:
      case ast::DeclKind::List:
      case ast::DeclKind::Fact:
      case ast::DeclKind::Fn:
      case ast::DeclKind::Decision:
        add(decl);
        return;
      case ast::DeclKind::Pack:
      case ast::DeclKind::Import:
      case ast::DeclKind::Default:
      case ast::DeclKind::Server:
      case ast::DeclKind::Agent:
      case ast::DeclKind::Property:
      case ast::DeclKind::Rule:
      case ast::DeclKind::Route:
      case ast::DeclKind::Fixture:
      case ast::DeclKind::Test:
        return;
    }
  }

  void import(const ast::ImportDecl& decl, uint32_t space) {
    auto& of_file = names_.imports[decl.span.file.index];
    const std::string_view alias = decl.alias.text;
    if (is_input_root(alias)) {
      sink_.report(Kind::ReservedName, decl.alias.span, {decl.alias.text, "an input"});
      return;
    }
    if (const Symbol* taken = names_.find(alias, decl.span.file)) {
      twice("name", decl.alias, symbol_span(*taken));
      return;
    }
    const auto [found, added] = of_file.try_emplace(alias, Import{&decl, space, false});
    if (!added) {
      twice("import", decl.alias, found->second.decl->alias.span);
    }
  }

 private:
  using Seen = std::unordered_map<std::string_view, source::Span>;

  void twice(std::string_view what, const ast::Name& name, source::Span first) {
    auto& diagnostic = sink_.report(Kind::DuplicateName, name.span, {std::string(what), name.text});
    diagnostic.notes.push_back({first, "the first one is here"});
  }

  bool fresh(Seen& seen, std::string_view what, const ast::Name& name) {
    const auto [found, added] = seen.try_emplace(name.text, name.span);
    if (!added) {
      twice(what, name, found->second);
    }
    return added;
  }

  bool symbol(SymbolKind kind, std::string_view what, const ast::Name& name, size_t index) {
    if (is_input_root(name.text)) {
      sink_.report(Kind::ReservedName, name.span, {name.text, "an input"});
      return false;
    }
    if (is_builtin(name.text)) {
      sink_.report(Kind::ReservedName, name.span, {name.text, "a built-in function"});
      return false;
    }
    if (!fresh(symbols_, what, name)) {
      return false;
    }
    names_.spaces[space_].symbols.emplace(name.text, Symbol{kind, static_cast<uint32_t>(index)});
    return true;
  }

  source::Span symbol_span(const Symbol& symbol) const {
    switch (symbol.kind) {
      case SymbolKind::Fact:
        return names_.facts[symbol.index]->name.span;
      case SymbolKind::List:
        return names_.lists[symbol.index]->name.span;
      case SymbolKind::Function:
        return names_.functions[symbol.index]->name.span;
      case SymbolKind::Fixture:
        return names_.fixtures[symbol.index]->name.span;
    }
    return {};
  }

  bool type_is_free(const ast::Name& name) {
    const bool taken =
        std::find(std::begin(kTypeWords), std::end(kTypeWords), name.text) != std::end(kTypeWords);
    if (taken) {
      sink_.report(Kind::ReservedName, name.span, {name.text, "a built-in type"});
    }
    return !taken;
  }

  Names& names_;
  diagnostics::Sink& sink_;
  uint32_t space_ = 0;
  Seen servers_;
  Seen agents_;
  Seen properties_;
  Seen types_;
  Seen symbols_;
  Seen rules_;
  Seen routes_;
};

}  // namespace

std::string Names::qualified(const ast::Name& name) const {
  const uint32_t space = space_of(name.span.file);
  return space == 0 ? name.text : spaces[space].name + "." + name.text;
}

const Symbol* Names::find(std::string_view name, source::FileId file) const {
  const auto& symbols = spaces[space_of(file)].symbols;
  const auto found = symbols.find(name);
  return found == symbols.end() ? nullptr : &found->second;
}

Import* Names::find_import(std::string_view alias, source::FileId file) {
  const auto of_file = imports.find(file.index);
  if (of_file == imports.end()) {
    return nullptr;
  }
  const auto found = of_file->second.find(alias);
  return found == of_file->second.end() ? nullptr : &found->second;
}

Names collect_names(std::span<const ast::Ast> files, const Imports& imports, diagnostics::Sink& sink) {
  Names names;
  names.modules = imports.modules;
  names.spaces.resize(1 + imports.packs.size());
  const auto belongs = [&](source::FileId file, uint32_t space) {
    names.file_space.resize(std::max<size_t>(names.file_space.size(), file.index + 1));
    names.file_space[file.index] = space;
  };
  Collector collector(names, sink);
  std::vector<const ast::ImportDecl*> declared;
  const auto keep_imports = [&](const ast::Ast& file) {
    for (const ast::Decl* decl : file.declarations) {
      if (decl->kind == ast::DeclKind::Import) {
        declared.push_back(static_cast<const ast::ImportDecl*>(decl));
      }
    }
  };
  for (const ast::Ast& file : files) {
    belongs(file.file, 0);
    keep_imports(file);
    for (const ast::Decl* decl : file.declarations) {
      collector.add(*decl);
    }
  }
  names.spaces[0].library = imports.into_library;
  names.spaces[0].name = names.pack == nullptr ? "" : names.pack->name.text;
  for (uint32_t i = 0; i < imports.packs.size(); ++i) {
    const ImportedPack& pack = imports.packs[i];
    names.spaces[i + 1].name = pack.name;
    names.spaces[i + 1].library = pack.library;
    collector.begin(i + 1);
    for (const ast::Ast& file : pack.files) {
      belongs(file.file, i + 1);
      keep_imports(file);
      for (const ast::Decl* decl : file.declarations) {
        collector.add_imported(*decl);
      }
    }
  }
  for (const ast::ImportDecl* decl : declared) {
    const auto found = imports.resolved.find(decl);
    collector.import(*decl, found == imports.resolved.end() ? Import::kUnreadable : found->second + 1);
  }
  return names;
}

const ast::Name& name_of(const ast::Decl& decl) {
  switch (decl.kind) {
    case ast::DeclKind::Pack:
      return static_cast<const ast::PackDecl&>(decl).name;
    case ast::DeclKind::Import:
      return static_cast<const ast::ImportDecl&>(decl).alias;
    case ast::DeclKind::Default:
      return static_cast<const ast::DefaultDecl&>(decl).hook;
    case ast::DeclKind::Server:
      return static_cast<const ast::ServerDecl&>(decl).name;
    case ast::DeclKind::Agent:
      return static_cast<const ast::AgentDecl&>(decl).name;
    case ast::DeclKind::Property:
      return static_cast<const ast::PropertyDecl&>(decl).name;
    case ast::DeclKind::Enum:
      return static_cast<const ast::EnumDecl&>(decl).name;
    case ast::DeclKind::Record:
      return static_cast<const ast::RecordDecl&>(decl).name;
    case ast::DeclKind::List:
      return static_cast<const ast::ListDecl&>(decl).name;
    case ast::DeclKind::Fact:
      return static_cast<const ast::FactDecl&>(decl).name;
    case ast::DeclKind::Fn:
    case ast::DeclKind::Decision:
      return static_cast<const ast::FnDecl&>(decl).name;
    case ast::DeclKind::Fixture:
      return static_cast<const ast::FixtureDecl&>(decl).name;
    case ast::DeclKind::Rule:
      return static_cast<const ast::RuleDecl&>(decl).name;
    case ast::DeclKind::Route:
      return static_cast<const ast::RouteDecl&>(decl).name;
    case ast::DeclKind::Test:
      return static_cast<const ast::TestDecl&>(decl).title;
  }
  CHECK(false, "declarations have a kind");
}

const std::string* deprecation(const ast::Decl& decl) {
  for (const ast::Annotation& each : decl.annotations) {
    if (each.name.text == "deprecated" && each.form == ast::AnnotationForm::Text) {
      return &each.text.text;
    }
  }
  return nullptr;
}

void report_not_exported(const Names& names, const ast::Decl& decl, const ast::Name& name,
                         diagnostics::Sink& sink) {
  const Space& space = names.spaces[names.space_of(decl.span.file)];
  auto& diagnostic = sink.report(Kind::NotExported, name.span, {name_of(decl).text, space.name});
  if (space.library) {
    return;
  }
  diagnostic.notes.push_back({name_of(decl).span, "declared here"});
  diagnostic.fixes.push_back(
      {{decl.span.file, decl.span.begin, decl.span.begin}, "export ", "write `export` in front of it there"});
}

void suggest(diagnostics::Diagnostic& diagnostic, const source::Span& span, std::string_view word,
             const std::vector<std::string_view>& candidates) {
  const std::string_view near = diagnostics::did_you_mean(word, candidates);
  if (!near.empty()) {
    diagnostic.fixes.push_back({span, std::string(near), "did you mean `" + std::string(near) + "`?"});
  }
}

std::string quote_list(const std::vector<std::string_view>& words, size_t limit) {
  std::string out;
  for (size_t i = 0; i < words.size() && i < limit; ++i) {
    out += i == 0 ? "`" : ", `";
    out += words[i];
    out += '`';
  }
  return words.size() > limit ? out + ", ..." : out;
}

}  // namespace catalyst::check
