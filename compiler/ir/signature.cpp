#include "compiler/ir/signature.h"

#include <array>
#include <cctype>
#include <string_view>

#include "runtime/value/builtin.h"

namespace catalyst::ir {
namespace {

using types::TypeKind;
using types::TypeTable;

bool has_order(TypeKind kind) {
  return kind == TypeKind::Int || kind == TypeKind::Decimal || kind == TypeKind::Float ||
         kind == TypeKind::String || kind == TypeKind::Time || kind == TypeKind::Duration;
}

/// A regular expression is handed over as its number in the module, known before anything runs.
bool names_regex(const Module& module, const Expr& e) {
  if (e.op != Op::Const || e.type != TypeTable::kInt) {
    return false;
  }
  const int64_t number = module.consts[e.payload].a.integer;
  return number >= 0 && static_cast<uint64_t>(number) < module.regexes.size();
}

/// Reads one signature against types. Structure is compared, never the text of a type: a record may be called
/// "string" without being one.
class Signature {
 public:
  Signature(const TypeTable& table, std::string_view text) : table_(table), rest_(text) {}

  /// The next of `(`, `, ` or `) -> ` that is due, passed over.
  bool skip(std::string_view mark) {
    const bool there = rest_.starts_with(mark);
    rest_.remove_prefix(there ? mark.size() : 0);
    return there;
  }

  /// Reads one form and says whether `type` fits it; a variable binds on first sight.
  bool matches(TypeId type) {
    const std::string_view form = rest_.substr(0, end_of_form());
    rest_.remove_prefix(form.size());
    return matches(type, form);
  }
  /// Passes over a parameter that takes a regular expression.
  bool is_pattern() {
    const bool pattern = rest_.starts_with("pattern");
    rest_.remove_prefix(pattern ? end_of_form() : 0);
    return pattern;
  }

 private:
  /// Up to the comma or closing parenthesis outside all brackets.
  [[nodiscard]] size_t end_of_form() const {
    int depth = 0;
    for (size_t i = 0; i < rest_.size(); i++) {
      depth += rest_[i] == '<' ? 1 : (rest_[i] == '>' ? -1 : 0);
      if (depth == 0 && (rest_[i] == ',' || rest_[i] == ')')) {
        return i;
      }
    }
    return rest_.size();
  }

  bool matches(TypeId type, std::string_view form) {
    if (form.ends_with('?')) {
      return matches_optional(type, form.substr(0, form.size() - 1));
    }
    if (form.size() == 1 && std::isupper(static_cast<unsigned char>(form[0])) != 0) {
      TypeId& bound = variables_[static_cast<size_t>(form[0] - 'A')];
      bound = bound.valid() ? bound : type;
      return bound == type && (form != "O" || has_order(table_.kind(type)));
    }
    if (form == "zone") {
      return type == TypeTable::kString;
    }
    const types::Type& t = table_.get(type);
    switch (t.kind) {
      case TypeKind::List:
        return inside(form, "list<") && matches(t.element, form.substr(5, form.size() - 6));
      case TypeKind::Set:
        return inside(form, "set<") && matches(t.element, form.substr(4, form.size() - 5));
      case TypeKind::Map:
        return inside(form, "map<string, ") && matches(t.element, form.substr(12, form.size() - 13));
      case TypeKind::Bool:
      case TypeKind::Int:
      case TypeKind::Decimal:
      case TypeKind::Float:
      case TypeKind::String:
      case TypeKind::Bytes:
      case TypeKind::Time:
      case TypeKind::Duration:
      case TypeKind::Ip:
      case TypeKind::Json:
        return t.name == form;  // built-in types have these names and no other type has these kinds
      case TypeKind::Error:
      case TypeKind::Enum:
      case TypeKind::Record:
      case TypeKind::Optional:
        return false;
    }
    return false;
  }

  /// T? of an optional T is T itself.
  bool matches_optional(TypeId type, std::string_view form) {
    if (!table_.is_optional(type)) {
      return false;
    }
    const size_t letter = form.size() == 1 ? static_cast<size_t>(form[0] - 'A') : variables_.size();
    const bool bound = letter < variables_.size() && variables_[letter].valid();
    return (bound && variables_[letter] == type) || matches(table_.strip_optional(type), form);
  }

  static bool inside(std::string_view form, std::string_view opening) {
    return form.starts_with(opening) && form.ends_with('>');
  }

  const TypeTable& table_;
  std::string_view rest_;
  std::array<TypeId, 26> variables_{};
};

}  // namespace

bool fits_signature(const Module& module, const Expr& e) {
  Signature signature(module.types, value::builtins()[e.payload].signature);
  bool fits = signature.skip("(");
  for (uint32_t i = 0; i < e.operand_count && fits; i++) {
    const Expr& operand = module.expr(module.operand(e, i));
    fits = (i == 0 || signature.skip(", ")) &&
           (signature.is_pattern() ? names_regex(module, operand) : signature.matches(operand.type));
  }
  return fits && signature.skip(") -> ") && signature.matches(e.type);
}

}  // namespace catalyst::ir
