#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/ir/ir.h"
#include "compiler/source/source.h"

namespace catalyst::check {

class SchemaCache;

/// The text of the schema file `path`, as `declaring` names it; nullopt when it is not there.
using SchemaReader =
    std::function<std::optional<std::string>(source::FileId declaring, const std::string& path)>;

/// A pack that another one imports, or a module of the library.
struct ImportedPack {
  std::string name;  // "acme.common", "text"
  bool library = false;
  std::vector<ast::Ast> files;
};
/// All that a pack imports, and what that imports.
struct Imports {
  bool into_library = false;  // what is checked is itself a module of the library
  std::vector<ImportedPack> packs;
  std::unordered_map<const ast::ImportDecl*, uint32_t> resolved;  // in packs; missing: reported already
  std::vector<std::string> modules;                               // names of the library's modules
};

/// Checks the files of one pack together and makes their module. Of what it imports, that is checked which it
/// uses. What is wrong goes to `sink` (E02xx to
/// E06xx, W0xxx); nullptr when there is an error, be it from here or from reading. Takes any tree that
/// `frontend::parse` makes. `schemas`, when given, remembers what was read (schema.h).
std::shared_ptr<ir::Module> check(std::span<const ast::Ast> files, const Imports& imports,
                                  const source::SourceMap& sources, const SchemaReader& read_schema,
                                  diagnostics::Sink& sink, SchemaCache* schemas = nullptr);

}  // namespace catalyst::check
