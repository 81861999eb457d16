#include "compiler/check/redactions.h"

#include "runtime/value/pii.h"

namespace catalyst::check {
namespace {

ir::RedactionCheck check_of(value::PiiCheck check) {
  switch (check) {
    case value::PiiCheck::None:
      return ir::RedactionCheck::None;
    case value::PiiCheck::Luhn:
      return ir::RedactionCheck::Luhn;
    case value::PiiCheck::Iban:
      return ir::RedactionCheck::Iban;
  }
  return ir::RedactionCheck::None;
}

const std::vector<ir::Redaction>& table() {
  static const auto rows = [] {
    std::vector<ir::Redaction> out;
    for (const value::PiiKind& kind : value::pii_kinds()) {
      out.push_back({std::string(kind.name), std::string(kind.pattern), check_of(kind.check)});
    }
    return out;
  }();
  return rows;
}

}  // namespace

const ir::Redaction* find_redaction(std::string_view name) {
  for (const ir::Redaction& row : table()) {
    if (row.name == name) {
      return &row;
    }
  }
  return nullptr;
}

std::vector<std::string_view> redaction_names() {
  std::vector<std::string_view> out;
  for (const ir::Redaction& row : table()) {
    out.push_back(row.name);
  }
  return out;
}

}  // namespace catalyst::check
