#include "compiler/ir/signature.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "runtime/value/builtin.h"

namespace catalyst::ir {
namespace {

size_t parameter_count(std::string_view signature) {
  size_t count = 1;
  int depth = 0;
  for (const char c : signature.substr(0, signature.find(')'))) {
    depth += c == '<' ? 1 : (c == '>' ? -1 : 0);
    count += c == ',' && depth == 0 ? 1 : 0;
  }
  return count;
}

size_t end_of_type(std::string_view text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); i++) {
    depth += text[i] == '<' ? 1 : (text[i] == '>' ? -1 : 0);
    if (depth == 0 && (text[i] == ',' || text[i] == ')')) {
      return i;
    }
  }
  return text.size();
}

bool matches(std::string_view type, std::string_view form, std::string& bound) {
  const size_t hole = form.find('T');
  if (hole == std::string_view::npos) {
    return type == form;
  }
  const std::string_view before = form.substr(0, hole);
  const std::string_view after = form.substr(hole + 1);
  if (type.size() < before.size() + after.size() || !type.starts_with(before) || !type.ends_with(after)) {
    // T? of an optional T is T itself.
    return after == "?" && !bound.empty() && type == bound;
  }
  const std::string found(type.substr(before.size(), type.size() - before.size() - after.size()));
  if (bound.empty()) {
    bound = found;
  }
  return bound == found || (after == "?" && bound == found + "?");
}

}  // namespace

/// Matches the written form of each operand type against the signature; T binds on first sight.
bool fits_signature(const Module& module, const Expr& e) {
  const std::string_view signature = value::builtins()[e.payload].signature;
  if (e.operand_count != parameter_count(signature)) {
    return false;
  }
  std::string_view rest = signature.substr(1);
  std::string bound;
  for (uint32_t i = 0; i < e.operand_count; i++) {
    const size_t end = end_of_type(rest);
    if (!matches(module.types.text(module.expr(module.operand(e, i)).type), rest.substr(0, end), bound)) {
      return false;
    }
    rest.remove_prefix(std::min(rest.size(), end + 2));
  }
  return matches(module.types.text(e.type), signature.substr(signature.find("->") + 3), bound);
}

}  // namespace catalyst::ir
