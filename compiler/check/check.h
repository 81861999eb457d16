#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/ir/ir.h"
#include "compiler/source/source.h"

namespace catalyst::check {

class SchemaCache;

/// The text of the schema file `path`, as `declaring` names it; nullopt when it is not there.
using SchemaReader =
    std::function<std::optional<std::string>(source::FileId declaring, const std::string& path)>;

/// Checks the files of one pack together and makes their module. What is wrong goes to `sink` (E02xx to
/// E06xx, W0xxx); nullptr when there is an error, be it from here or from reading. Takes any tree that
/// `frontend::parse` makes. `schemas`, when given, remembers what was read (schema.h).
std::shared_ptr<ir::Module> check(std::span<const ast::Ast> files, const source::SourceMap& sources,
                                  const SchemaReader& read_schema, diagnostics::Sink& sink,
                                  SchemaCache* schemas = nullptr);

}  // namespace catalyst::check
