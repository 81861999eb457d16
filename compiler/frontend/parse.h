#pragma once

#include <cstdint>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/source/source.h"

namespace catalyst::frontend {

/// What one file may cost to read. Packs come from people and from tools; both make mistakes, so nothing is
/// unbounded.
struct ParseLimits {
  /// Bytes of one file. 1 MiB holds about 20,000 rules; reading it takes below a second and some tens of MiB.
  uint32_t source_bytes = 1u << 20;
  /// Levels of brackets, types, `if`, quantifiers and operators in one expression. Every later stage recurses
  /// over expressions, so this bounds the stack of all of them (256 levels stay far below 1 MiB even with
  /// sanitizers).
  uint32_t nesting = 256;
  /// Words, numbers, operators and brackets of one file: 10,000 ordinary rules are about 250,000. A token
  /// costs 32 bytes until the file is parsed.
  uint32_t tokens = 500'000;
  /// Diagnostics of one file; after them the rest of the file is not read. Nobody reads more, and each costs
  /// a search for what could have stood there.
  uint32_t diagnostics = 200;
};

/// Reads one file. Never fails: what cannot be read is reported to `sink` (E01xx) and left out of the tree or
/// stands there as an ErrorExpr, so that later stages can go on to look for further mistakes. A declaration
/// with a mistake never hides the ones after it. Thread-safe for different sinks.
ast::Ast parse(const source::SourceMap& sources, source::FileId file, diagnostics::Sink& sink,
               const ParseLimits& limits = {});

}  // namespace catalyst::frontend
