#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostic.h"
#include "compiler/frontend/scan.h"

namespace catalyst::frontend {

/// Joins the tokens of every target (`db.*`, `fs.read-file`, `db."odd name"`) into one: where a target may
/// stand, the longest run of words, numbers, dots, dashes, stars and plain strings without blanks between
/// them.
void merge_targets(std::string_view text, TokenList& list);

/// Puts a ROW_END where a row of a table (`table POLICY { }`, `cases { }`) ends: at the end of a line, unless
/// the row plainly goes on.
void mark_rows(std::string_view text, TokenList& list);

/// Fills `list.segments`: a new one begins at every word that begins a declaration, is the first on its line
/// and is followed by what can follow it there. Reports brackets that are open at the end of a segment and
/// nesting beyond the limit. `damage`: offsets where something was already reported; the parser stays silent
/// about their segments.
void cut_into_segments(std::string_view text, source::FileId file, TokenList& list,
                       const std::vector<uint32_t>& damage, diagnostics::Sink& sink,
                       const ParseLimits& limits);

}  // namespace catalyst::frontend
