#include "tests/unit/differential/library_calls.h"

#include <string_view>
#include <utility>

#include "runtime/value/builtin.h"

namespace catalyst::differential {
namespace {

using types::TypeId;
using types::TypeKind;
using types::TypeTable;

/// The type that a form stands for; invalid when it is none.
TypeId resolve(TypeTable& types, std::string_view form, TypeId variable) {
  if (form.ends_with('?')) {
    const TypeId inner = resolve(types, form.substr(0, form.size() - 1), variable);
    return inner.valid() ? types.optional_of(inner) : inner;
  }
  if (form == "T" || form == "O") {
    return variable;
  }
  const auto inside = [&](std::string_view opening) {
    return resolve(types, form.substr(opening.size(), form.size() - opening.size() - 1), variable);
  };
  if (form.starts_with("list<") || form.starts_with("set<") || form.starts_with("map<")) {
    const TypeId element = inside(form[0] == 'l' ? "list<" : form[0] == 's' ? "set<" : "map<string, ");
    if (!element.valid()) {
      return element;
    }
    return form[0] == 'l'   ? types.list_of(element)
           : form[0] == 's' ? types.set_of(element)
                            : types.map_of(element);
  }
  for (uint32_t id = 1; id <= TypeTable::kJson.index; id++) {
    if (types.text(TypeId(id)) == form) {
      return TypeId(id);
    }
  }
  return {};
}

/// The forms of a signature, the result last.
std::vector<std::string_view> forms_of(std::string_view signature) {
  std::vector<std::string_view> out;
  std::string_view rest = signature.substr(1);
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0;; i++) {
    depth += rest[i] == '<' ? 1 : rest[i] == '>' ? -1 : 0;
    if (depth == 0 && (rest[i] == ',' || rest[i] == ')')) {
      out.push_back(rest.substr(begin, i - begin));
      if (rest[i] == ')') {
        break;
      }
      begin = i + 2;
    }
  }
  out.push_back(signature.substr(signature.find("-> ") + 3));
  return out;
}

}  // namespace

std::vector<LibraryCall> library_calls(TypeTable& types, TypeId result) {
  std::vector<LibraryCall> out;
  const auto rows = value::builtins();
  for (uint32_t i = 0; i < rows.size(); i++) {
    if (rows[i].name.find('.') == std::string_view::npos) {
      continue;  // the generator calls those by hand
    }
    const std::vector<std::string_view> forms = forms_of(rows[i].signature);
    for (const TypeId variable : {TypeTable::kInt, TypeTable::kString, TypeTable::kDecimal}) {
      if (resolve(types, forms.back(), variable) != result) {
        continue;
      }
      LibraryCall call{i, {}};
      for (size_t p = 0; p + 1 < forms.size(); p++) {
        LibraryCall::Parameter parameter;
        parameter.form = forms[p] == "pattern" ? LibraryCall::Form::Pattern
                         : forms[p] == "zone"  ? LibraryCall::Form::Zone
                                               : LibraryCall::Form::Value;
        if (parameter.form == LibraryCall::Form::Value) {
          parameter.type = resolve(types, forms[p], variable);
        }
        call.parameters.push_back(parameter);
      }
      out.push_back(std::move(call));
      if (rows[i].signature.find_first_of("TO") == std::string_view::npos) {
        break;
      }
    }
  }
  return out;
}

}  // namespace catalyst::differential
