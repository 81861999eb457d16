#include "server/config/tree.h"

#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

namespace catalyst::server {
namespace {

class Builder {
 public:
  Builder(const std::string& file, const TreeLimits& limits, std::vector<Problem>& problems)
      : file_(file), limits_(limits), problems_(problems) {}

  Tree build(const YAML::Node& node, uint32_t depth) {
    Tree tree;
    place(node, tree.line, tree.column);
    if (++nodes_ > limits_.nodes || depth > limits_.depth) {
      if (!overflowed_) {
        overflowed_ = true;
        report(tree.line, tree.column, "the file has too many or too deeply nested values",
               "simplify it; aliases count each time");
      }
      return tree;
    }
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        break;
      case YAML::NodeType::Scalar:
        tree.kind = Tree::Kind::Scalar;
        tree.quoted = node.Tag() == "!";
        tree.text = limits_.variables ? interpolate(node.Scalar(), tree.line, tree.column) : node.Scalar();
        break;
      case YAML::NodeType::Sequence:
        tree.kind = Tree::Kind::List;
        for (const auto& item : node) {
          tree.items.push_back(build(item, depth + 1));
        }
        break;
      case YAML::NodeType::Map:
        build_map(node, depth, tree);
        break;
    }
    return tree;
  }

  void report(uint32_t line, uint32_t column, std::string message, std::string remedy) {
    problems_.push_back({file_, line, column, std::move(message), std::move(remedy)});
  }

 private:
  static void place(const YAML::Node& node, uint32_t& line, uint32_t& column) {
    const YAML::Mark mark = node.Mark();
    if (!mark.is_null()) {
      line = static_cast<uint32_t>(mark.line + 1);
      column = static_cast<uint32_t>(mark.column + 1);
    }
  }

  void build_map(const YAML::Node& node, uint32_t depth, Tree& tree) {
    tree.kind = Tree::Kind::Map;
    for (const auto& pair : node) {
      Tree::Member member;
      place(pair.first, member.line, member.column);
      if (!pair.first.IsScalar()) {
        report(member.line, member.column, "a key must be a single word or text", "");
        continue;
      }
      member.key = pair.first.Scalar();
      if (const Tree* earlier = tree.find(member.key)) {
        report(member.line, member.column, "`" + member.key + "` appears twice",
               "keep one; the other value stands in line " + std::to_string(earlier->line));
        continue;
      }
      member.value = build(pair.second, depth + 1);
      tree.members.push_back(std::move(member));
    }
  }

  std::string interpolate(const std::string& raw, uint32_t line, uint32_t column) {
    std::string out;
    size_t at = 0;
    while (at < raw.size()) {
      const size_t open = raw.find("${", at);
      if (open == std::string::npos) {
        out.append(raw, at);
        break;
      }
      if (open > at && raw[open - 1] == '$') {  // $${ is an escaped ${
        out.append(raw, at, open - 1 - at).append("${");
        at = open + 2;
        continue;
      }
      out.append(raw, at, open - at);
      const size_t close = raw.find('}', open);
      if (close == std::string::npos) {
        report(line, column, "`${` without `}`", "write ${NAME} or ${NAME:-default}; $${ for a literal ${");
        return out;
      }
      out += variable(raw.substr(open + 2, close - open - 2), line, column);
      at = close + 1;
    }
    return out;
  }

  std::string variable(std::string expression, uint32_t line, uint32_t column) {
    std::string fallback;
    bool has_fallback = false;
    if (const size_t dash = expression.find(":-"); dash != std::string::npos) {
      fallback = expression.substr(dash + 2);
      expression.resize(dash);
      has_fallback = true;
    }
    if (expression.rfind("env:", 0) == 0) {
      expression.erase(0, 4);
    }
    const char* value = std::getenv(expression.c_str());
    if (value != nullptr && (*value != '\0' || !has_fallback)) {
      return value;
    }
    if (!has_fallback) {
      report(line, column, "the environment variable " + expression + " is not set",
             "set it, or give a default: ${" + expression + ":-value}");
    }
    return fallback;
  }

  const std::string& file_;
  const TreeLimits& limits_;
  std::vector<Problem>& problems_;
  size_t nodes_ = 0;
  bool overflowed_ = false;
};

nlohmann::ordered_json to_json(const Tree& tree) {
  switch (tree.kind) {
    case Tree::Kind::Null:
      return nullptr;
    case Tree::Kind::Scalar: {
      if (!tree.quoted) {
        auto plain = nlohmann::ordered_json::parse(tree.text, nullptr, false);
        if (!plain.is_discarded() && plain.is_primitive() && !plain.is_string()) {
          return plain;
        }
      }
      return tree.text;
    }
    case Tree::Kind::List: {
      auto list = nlohmann::ordered_json::array();
      for (const Tree& item : tree.items) {
        list.push_back(to_json(item));
      }
      return list;
    }
    case Tree::Kind::Map: {
      auto map = nlohmann::ordered_json::object();
      for (const Tree::Member& member : tree.members) {
        map[member.key] = to_json(member.value);
      }
      return map;
    }
  }
  return nullptr;
}

}  // namespace

std::string Problem::text() const {
  std::string out = file;
  if (line > 0) {
    out += ":" + std::to_string(line) + ":" + std::to_string(column);
  }
  out += ": " + message;
  if (!remedy.empty()) {
    out += "\n  help: " + remedy;
  }
  return out;
}

const Tree* Tree::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) {
      return &member.value;
    }
  }
  return nullptr;
}

Tree parse_tree(const std::string& file, std::string_view text, const TreeLimits& limits,
                std::vector<Problem>& problems) {
  Builder builder(file, limits, problems);
  if (text.size() > limits.bytes) {
    builder.report(0, 0, "the file is larger than " + std::to_string(limits.bytes) + " bytes", "");
    return {};
  }
  std::string source(text);
  const size_t first = source.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && source[first] == '{') {
    // JSON may be indented by tabs, which YAML forbids; inside JSON strings a raw tab cannot occur.
    for (char& c : source) {
      c = c == '\t' ? ' ' : c;
    }
  }
  try {
    return builder.build(YAML::Load(source), 0);
  } catch (const YAML::Exception& failure) {
    const bool known = !failure.mark.is_null();
    builder.report(known ? static_cast<uint32_t>(failure.mark.line + 1) : 0,
                   known ? static_cast<uint32_t>(failure.mark.column + 1) : 0,
                   "not valid YAML: " + failure.msg,
                   "check the indentation and the quotes around this place");
    return {};
  }
}

std::string tree_to_json(const Tree& tree) {
  return to_json(tree).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace catalyst::server
