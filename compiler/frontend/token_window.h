#pragma once

#include <string>
#include <vector>

#include "antlr4-runtime.h"
#include "compiler/frontend/token.h"

namespace catalyst::frontend {

/// Shows the parser a part of the tokens as if it were a whole file: one declaration. The tokens stay with
/// the list.
class TokenWindow final : public antlr4::TokenStream {
 public:
  explicit TokenWindow(std::vector<Token>& tokens) : tokens_(tokens) {}

  void show(size_t first, size_t last) {
    at_ = first_ = first;
    last_ = last;
  }
  void skip_to_end() { at_ = last_; }
  [[nodiscard]] size_t first() const { return first_; }
  [[nodiscard]] size_t last() const { return last_; }

  antlr4::Token* LT(ssize_t k) override {
    if (k == 0) {
      return nullptr;
    }
    if (k < 0) {
      const auto back = static_cast<size_t>(-k);
      return at_ < first_ + back ? nullptr : &tokens_[at_ - back];
    }
    return get(at_ + static_cast<size_t>(k) - 1);
  }
  size_t LA(ssize_t i) override { return i == 0 ? 0 : LT(i)->getType(); }
  antlr4::Token* get(size_t index) const override { return index < last_ ? &tokens_[index] : &eof_; }
  void consume() override { at_ = at_ < last_ ? at_ + 1 : at_; }
  ssize_t mark() override { return -1; }
  void release(ssize_t) override {}
  size_t index() override { return at_; }
  void seek(size_t index) override { at_ = index < last_ ? index : last_; }
  size_t size() override { return last_; }
  std::string getSourceName() const override { return "source"; }
  antlr4::TokenSource* getTokenSource() const override { return nullptr; }
  // Texts come from the source by offset; nobody asks the stream.
  std::string getText(const antlr4::misc::Interval&) override { return {}; }
  std::string getText() override { return {}; }
  std::string getText(antlr4::RuleContext*) override { return {}; }
  std::string getText(antlr4::Token*, antlr4::Token*) override { return {}; }

 private:
  std::vector<Token>& tokens_;  // the parser asks for pointers to what it does not change
  mutable Token eof_{antlr4::Token::EOF, 0, 0, 0};
  size_t first_ = 0;
  size_t last_ = 0;
  size_t at_ = 0;
};

}  // namespace catalyst::frontend
