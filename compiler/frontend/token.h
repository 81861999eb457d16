#pragma once

#include <cstdint>
#include <string>

#include "antlr4-runtime.h"

namespace catalyst::frontend {

/// A token as the parser wants it, with byte offsets and without a text of its own; a quarter of ANTLR's.
class Token final : public antlr4::Token {
 public:
  Token(size_t type, uint32_t begin, uint32_t end, uint32_t line)
      : type_(static_cast<uint32_t>(type)), begin_(begin), end_(end), line_(line) {}

  [[nodiscard]] size_t type() const { return type_ == kEnd ? antlr4::Token::EOF : type_; }
  [[nodiscard]] uint32_t begin() const { return begin_; }
  [[nodiscard]] uint32_t end() const { return end_; }
  [[nodiscard]] uint32_t line() const { return line_; }
  void set_type(size_t type) { type_ = static_cast<uint32_t>(type); }
  void set_end(uint32_t end) { end_ = end; }

  size_t getType() const override { return type(); }
  size_t getLine() const override { return line_; }
  size_t getCharPositionInLine() const override { return 0; }
  size_t getChannel() const override { return DEFAULT_CHANNEL; }
  size_t getTokenIndex() const override { return INVALID_INDEX; }
  size_t getStartIndex() const override { return begin_; }
  size_t getStopIndex() const override { return static_cast<size_t>(end_) - 1; }
  antlr4::TokenSource* getTokenSource() const override { return nullptr; }
  antlr4::CharStream* getInputStream() const override { return nullptr; }
  // Texts come from the source by offset; nobody asks the token.
  std::string getText() const override { return {}; }
  std::string toString() const override { return {}; }

 private:
  static constexpr uint32_t kEnd = static_cast<uint32_t>(antlr4::Token::EOF);

  uint32_t type_;
  uint32_t begin_;
  uint32_t end_;
  uint32_t line_;
};

}  // namespace catalyst::frontend
