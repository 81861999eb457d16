#include "compiler/driver/imports.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <unordered_map>
#include <utility>

#include "compiler/check/names.h"
#include "compiler/frontend/parse.h"
#include "stdlib/stdlib.h"

namespace catalyst::driver {
namespace {

using diagnostics::Kind;

const ast::Name* declared_name(const std::vector<ast::Ast>& files) {
  for (const ast::Ast& file : files) {
    for (const ast::Decl* decl : file.declarations) {
      if (decl->kind == ast::DeclKind::Pack) {
        return &static_cast<const ast::PackDecl*>(decl)->name;
      }
    }
  }
  return nullptr;
}

class Loader {
 public:
  Loader(Analysis& analysis, const AnalyzeOptions& options)
      : analysis_(analysis), sources_(analysis.sources), options_(options), sink_(analysis.diagnostics) {
    for (const stdlib::Module& module : stdlib::modules()) {
      out_.modules.emplace_back(module.name);
    }
  }

  void visit(std::span<const ast::Ast> files, const std::string& pack) {
    path_.push_back(pack);
    for (const ast::Ast& file : files) {
      for (const ast::Decl* decl : file.declarations) {
        if (decl->kind == ast::DeclKind::Import) {
          resolve(static_cast<const ast::ImportDecl&>(*decl));
        }
      }
    }
    path_.pop_back();
  }

  check::Imports take() { return std::move(out_); }

 private:
  void resolve(const ast::ImportDecl& decl) {
    const bool library = decl.from.text.empty();
    std::string key = library ? decl.name.text : located(decl);
    const auto known = by_key_.find({library, key});
    if (known != by_key_.end()) {
      use(decl, known->second);
      return;
    }
    if (out_.packs.size() == kImportsMax) {
      fail(decl, "more than " + std::to_string(kImportsMax) + " packs are imported");
      return;
    }
    std::optional<std::vector<ast::Ast>> files = library ? parse_module(decl) : parse_pack(decl, key);
    if (!files) {
      return;
    }
    const ast::Name* name = declared_name(*files);
    if (!library && !accept_name(decl, name, key)) {
      return;
    }
    const auto index = static_cast<uint32_t>(out_.packs.size());
    by_key_.emplace(std::pair(library, key), index);
    out_.packs.push_back({decl.name.text, library, std::move(*files)});
    use(decl, index);
    // What is imported next moves the packs, but not their trees.
    std::vector<ast::Ast> trees = std::move(out_.packs[index].files);
    visit(trees, decl.name.text);
    out_.packs[index].files = std::move(trees);
  }

  /// The path, relative to the file that names it.
  std::string located(const ast::ImportDecl& decl) const {
    const std::filesystem::path named(decl.from.text);
    const std::filesystem::path from(sources_.path(decl.span.file));
    std::string out = (named.is_absolute() ? named : from.parent_path() / named).lexically_normal().string();
    while (out.size() > 1 && out.back() == '/') {
      out.pop_back();
    }
    return out;
  }

  void use(const ast::ImportDecl& decl, uint32_t index) {
    const std::string& name = out_.packs[index].name;
    if (name != decl.name.text) {
      sink_.report(Kind::ImportedOther, decl.name.span, {decl.name.text, name});
    } else if (!circles(decl, name)) {
      out_.resolved.emplace(&decl, index);
    }
  }

  bool circles(const ast::ImportDecl& decl, const std::string& name) {
    const auto open = std::find(path_.begin(), path_.end(), name);
    if (open == path_.end() || decl.from.text.empty()) {
      return false;
    }
    std::string circle;
    for (auto each = open; each != path_.end(); ++each) {
      circle += *each + " -> ";
    }
    sink_.report(Kind::ImportCycle, decl.name.span, {name, circle + name});
    return true;
  }

  bool accept_name(const ast::ImportDecl& decl, const ast::Name* name, const std::string& key) {
    if (name == nullptr) {
      fail(decl, "its files declare no `pack`");
      return false;
    }
    if (name->text != decl.name.text) {
      sink_.report(Kind::ImportedOther, decl.name.span, {decl.name.text, name->text})
          .notes.push_back({name->span, "declared here"});
      return false;
    }
    if (circles(decl, name->text)) {
      return false;
    }
    const auto [taken, added] = by_name_.emplace(name->text, key);
    if (!added) {
      fail(decl, "another pack of that name is imported from " + taken->second);
    }
    return added;
  }

  void fail(const ast::ImportDecl& decl, const std::string& reason) {
    sink_.report(Kind::ImportNotFound, decl.from.text.empty() ? decl.name.span : decl.from.span,
                 {decl.from.text.empty() ? decl.name.text : decl.from.text, reason});
  }

  ast::Ast parse(std::string path, std::string text, std::string_view from) {
    analysis_.imported.emplace_back(from);
    const source::FileId id = sources_.add(std::move(path), std::move(text));
    return frontend::parse(sources_, id, sink_);
  }

  std::optional<std::vector<ast::Ast>> parse_module(const ast::ImportDecl& decl) {
    std::vector<std::string_view> names;
    for (const stdlib::Module& module : stdlib::modules()) {
      if (module.name == decl.name.text) {
        std::vector<ast::Ast> out;
        out.push_back(
            parse("stdlib/" + decl.name.text + ".cata", std::string(module.text), Analysis::kLibraryFile));
        return out;
      }
      names.push_back(module.name);
    }
    auto& report = sink_.report(Kind::UnknownModule, decl.name.span, {decl.name.text});
    check::suggest(report, decl.name.span, decl.name.text, names);
    report.notes.push_back({{},
                            "a pack of your own is imported with its path: `import " + decl.name.text +
                                " from \"../" + decl.alias.text + "\"`"});
    return std::nullopt;
  }

  std::optional<std::vector<ast::Ast>> parse_pack(const ast::ImportDecl& decl, const std::string& path) {
    Result<std::vector<SourceFile>> files = options_.read_pack ? options_.read_pack(path) : read_pack(path);
    if (files.has_error()) {
      fail(decl, files.error().message());
      return std::nullopt;
    }
    std::vector<ast::Ast> out;
    for (SourceFile& file : *files) {
      bytes_ += file.text.size();
      if (bytes_ > kSourceBytesMax) {
        fail(decl, "what is imported has more than " + std::to_string(kSourceBytesMax >> 20) + " MiB");
        return std::nullopt;
      }
      out.push_back(parse(std::move(file.path), std::move(file.text), path));
    }
    return out;
  }

  struct KeyHash {
    size_t operator()(const std::pair<bool, std::string>& key) const {
      return std::hash<std::string>()(key.second) * 2 + (key.first ? 1 : 0);
    }
  };

  Analysis& analysis_;
  source::SourceMap& sources_;
  const AnalyzeOptions& options_;
  diagnostics::Sink& sink_;
  check::Imports out_;
  std::unordered_map<std::pair<bool, std::string>, uint32_t, KeyHash> by_key_;  // library?, path or name
  std::unordered_map<std::string, std::string> by_name_;                        // packs: name, path
  std::vector<std::string> path_;                                               // packs being read
  size_t bytes_ = 0;                                                            // of imported packs
};

}  // namespace

check::Imports load_imports(std::span<const ast::Ast> files, Analysis& analysis,
                            const AnalyzeOptions& options) {
  std::string own;
  for (const ast::Ast& file : files) {
    for (const ast::Decl* decl : file.declarations) {
      if (decl->kind == ast::DeclKind::Pack && own.empty()) {
        own = static_cast<const ast::PackDecl*>(decl)->name.text;
      }
    }
  }
  Loader loader(analysis, options);
  loader.visit(files, own);
  check::Imports imports = loader.take();
  imports.into_library = options.library;
  return imports;
}

}  // namespace catalyst::driver
