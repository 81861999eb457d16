#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostic.h"
#include "compiler/frontend/parse.h"
#include "compiler/frontend/token.h"
#include "compiler/source/source.h"

namespace catalyst::frontend {

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

struct Comment {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool doc = false;  // `///`
};

/// Tokens that make up one declaration, or what stands where one should be.
struct Segment {
  uint32_t first = 0;    // index into tokens
  uint32_t last = 0;     // one past the end
  bool known = true;     // begins with a word that begins a declaration
  bool damaged = false;  // something in it was reported that the parser would only stumble over again
  bool skip = false;     // a limit was exceeded and reported; not to be parsed
};

struct TokenList {
  std::vector<Token> tokens;  // without hidden ones
  std::vector<Comment> comments;
  std::vector<Segment> segments;
};

/// Turns the text of a file into tokens, comments and segments; reports what is wrong with single characters,
/// strings, comments, encoding and sizes. Nothing it returns is nested deeper than the limit, except in
/// segments marked `skip`.
TokenList scan(const source::SourceMap& sources, source::FileId file, diagnostics::Sink& sink,
               const ParseLimits& limits);

}  // namespace catalyst::frontend
