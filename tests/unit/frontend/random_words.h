#pragma once

#include <random>
#include <string>

#include "compiler/ast/ast.h"

namespace catalyst::frontend {

/// Names and texts at random, among them whatever could be taken for something else.
class RandomWords {
 public:
  explicit RandomWords(uint64_t seed) : random_(seed) {}

 protected:
  size_t below(size_t n) { return random_() % n; }
  bool once_in(size_t n) { return below(n) == 0; }

  std::string word() {
    static const char* const kWords[] = {"a",       "b1",    "_c",     "principal", "call",     "result",
                                         "list",    "tool",  "tag",    "rule",      "test",     "fact",
                                         "message", "error", "schema", "map",       "listed",   "full",
                                         "route",   "to",    "cache",  "timeout",   "shared",   "shadow",
                                         "count",   "past",  "where",  "agent",     "property", "describe"};
    return kWords[below(std::size(kWords))];
  }
  std::string any_word() {
    static const char* const kWords[] = {"when", "then", "not", "in", "or", "set",
                                         "deny", "if",   "fn",  "is", "as", "true"};
    return once_in(3) ? kWords[below(std::size(kWords))] : word();
  }
  std::string text() {
    static const char* const kParts[] = {"x", " ",    "{",  "}",  "\"", "\\",   "\n", "\t",
                                         "é", "日本", "//", "/*", "{{", "\x01", "'",  "\r"};
    std::string out;
    for (size_t n = below(5); n > 0; --n) {
      out += kParts[below(std::size(kParts))];
    }
    return out;
  }
  ast::Name name() { return {word(), {}}; }
  ast::Name any_name() { return {any_word(), {}}; }
  ast::Name key() { return {once_in(4) ? text() : any_word(), {}}; }

 private:
  std::mt19937_64 random_;
};

}  // namespace catalyst::frontend
