#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::server {

/// One mistake in a configuration, with its place and what to do about it.
struct Problem {
  std::string file;
  uint32_t line = 0;  // 1-based; 0: the whole file
  uint32_t column = 0;
  std::string message;
  std::string remedy;  // may be empty

  /// "file:line:column: message" and, on a second line, the remedy.
  [[nodiscard]] std::string text() const;
};

/// A configuration file as a tree that remembers where everything was written. YAML and JSON look the same
/// here.
struct Tree {
  enum class Kind : uint8_t { Null, Scalar, List, Map };
  struct Member;

  Kind kind = Kind::Null;
  bool quoted = false;  // Scalar in quotes: text whatever it looks like
  uint32_t line = 0;
  uint32_t column = 0;
  std::string text;             // Scalar, after interpolation
  std::vector<Tree> items;      // List
  std::vector<Member> members;  // Map, in written order

  [[nodiscard]] const Tree* find(std::string_view key) const;
};

struct Tree::Member {
  std::string key;
  uint32_t line = 0;
  uint32_t column = 0;
  Tree value;
};

struct TreeLimits {
  size_t bytes = 1024 * 1024;  // of one file
  size_t nodes = 100'000;      // after expanding aliases, so that they cannot blow up
  uint32_t depth = 32;
  bool variables = true;  // whether ${NAME} is replaced; never in what somebody else wrote
};

/// Reads YAML (or JSON, which is a subset); problems (syntax, limits, duplicate keys, unset variables) go to
/// `problems`. `${NAME}` and `${NAME:-default}` in values are replaced from the process environment; `$${`
/// writes a literal `${`.
Tree parse_tree(const std::string& file, std::string_view text, const TreeLimits& limits,
                std::vector<Problem>& problems);

/// The tree as JSON text; plain scalars that are JSON numbers, booleans or null keep their type.
std::string tree_to_json(const Tree& tree);

}  // namespace catalyst::server
