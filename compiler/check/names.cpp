#include "compiler/check/names.h"

#include <algorithm>

#include "compiler/check/builtins.h"
#include "compiler/check/inputs.h"

namespace catalyst::check {
namespace {

using diagnostics::Kind;

constexpr std::string_view kTypeWords[] = {"bool",     "int", "decimal", "float", "string", "bytes", "time",
                                           "duration", "ip",  "json",    "list",  "set",    "map"};

class Collector {
 public:
  Collector(Names& names, diagnostics::Sink& sink) : names_(names), sink_(sink) {}

  void add(const ast::Decl& decl) {
    switch (decl.kind) {
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
    names_.symbols.emplace(name.text, Symbol{kind, static_cast<uint32_t>(index)});
    return true;
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
  Seen servers_;
  Seen types_;
  Seen symbols_;
  Seen rules_;
};

}  // namespace

Names collect_names(std::span<const ast::Ast> files, diagnostics::Sink& sink) {
  Names names;
  Collector collector(names, sink);
  for (const ast::Ast& file : files) {
    for (const ast::Decl* decl : file.declarations) {
      collector.add(*decl);
    }
  }
  return names;
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
