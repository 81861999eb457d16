#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace catalyst::frontend {

/// One lexical unit of grammar/CatalystLexer.g4; `type` is the generated lexer's.
struct Lexeme {
  size_t type = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t line = 1;    // of its first byte
  bool hidden = false;  // comment or end of a line
};

/// Cuts a text as the generated lexer does, byte by byte over the automaton that ANTLR derives from the
/// grammar. ANTLR's own loop looks every transition up in a hash map under a lock and makes an object of
/// every blank; this one reads arrays. The text must outlive the lexer.
class Lexer {
 public:
  /// `begin`: where to start reading.
  Lexer(std::string_view text, size_t begin) : text_(text), at_(begin) {}

  /// The next unit but for blanks; at the end of the text one of type antlr4::Token::EOF.
  Lexeme next();

  /// How many modes are open (strings, interpolations, braces) around the current one.
  [[nodiscard]] size_t depth() const { return outer_modes_.size(); }
  /// Goes back to the default mode with `depth` modes around it.
  void leave_to(size_t depth);

 private:
  std::string_view text_;
  size_t at_;
  uint32_t line_ = 1;
  size_t mode_ = 0;
  std::vector<size_t> outer_modes_;
};

}  // namespace catalyst::frontend
