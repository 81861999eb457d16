#pragma once

#include <cstddef>

#include "compiler/frontend/scan.h"
#include "grammar/CatalystLexer.h"

// What the words of the language may stand for, before the parser has seen them.

namespace catalyst::frontend {

using L = grammar::CatalystLexer;

inline bool is_word(size_t type) { return type == L::IDENTIFIER || (type >= L::PACK && type <= L::MAP); }

inline bool begins_declaration(size_t type) { return type >= L::PACK && type <= L::TEST; }

/// Words that mean something in a route alone (the parser's rule `word`).
inline bool is_free_word(size_t type) {
  return type == L::IDENTIFIER || (type >= L::TO && type <= L::REPEATABLE);
}

/// Words that can name a declaration (the parser's rule `name`).
inline bool is_name(size_t type) {
  switch (type) {
    case L::SCHEMA:
    case L::FROM:
    case L::EXPECT:
    case L::CALL:
    case L::RESULT:
    case L::TOOLS:
    case L::TOOL:
    case L::RESOURCES:
    case L::PROMPTS:
    case L::READ:
    case L::PROMPT:
    case L::COMPLETE:
    case L::SAMPLE:
    case L::ELICIT:
    case L::ROOTS:
    case L::SESSION:
    case L::REPLY:
    case L::EVENT:
    case L::LIMIT:
    case L::PER:
    case L::BURST:
    case L::REQUIRE:
    case L::WITHIN:
    case L::EMIT:
    case L::START:
    case L::LABEL:
    case L::TAG:
    case L::METADATA:
    case L::FULL:
    case L::HIDDEN_:
    case L::LISTED:
    case L::REDACTED:
    case L::ERROR:
    case L::MESSAGE:
    case L::MAP:
    case L::TABLE:
    case L::CASES:
    case L::PRIORITY:
    case L::WHERE:
    case L::DESCRIBE:
      return true;
    default:
      return is_free_word(type) || (begins_declaration(type) && type != L::FN);
  }
}

inline size_t type_at(const TokenList& list, size_t i) {
  return i < list.tokens.size() ? list.tokens[i].type() : static_cast<size_t>(antlr4::Token::EOF);
}

}  // namespace catalyst::frontend
