#pragma once

#include <string>

#include "compiler/ast/ast.h"
#include "compiler/source/source.h"

namespace catalyst::frontend {

/// Columns that canonical layout fills before it breaks a line.
inline constexpr size_t kFormatWidth = 100;

/// The canonical text of a file that parsed without errors (from others, unread parts would be lost).
/// Comments are kept in order; one inside an expression that stays on its line moves behind it. Formatting
/// the result again changes nothing, and parsing it gives the same tree.
std::string format(const source::SourceMap& sources, const ast::Ast& ast);

}  // namespace catalyst::frontend
