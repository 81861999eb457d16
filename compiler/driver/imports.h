#pragma once

#include <span>

#include "compiler/ast/ast.h"
#include "compiler/check/check.h"
#include "compiler/driver/analyze.h"

namespace catalyst::driver {

/// Packs that one pack may import, directly or through others: bounds what a hostile chain can cost.
inline constexpr size_t kImportsMax = 64;

/// Reads and parses everything that `files` import, and what that imports, into the sources of `analysis`.
/// Reports what cannot be read, and circles.
check::Imports load_imports(std::span<const ast::Ast> files, Analysis& analysis,
                            const AnalyzeOptions& options);

}  // namespace catalyst::driver
