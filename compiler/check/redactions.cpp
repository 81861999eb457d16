#include "compiler/check/redactions.h"

namespace catalyst::check {
namespace {

// Patterns err towards finding too much: a redacted number is a nuisance, a leaked one is an incident. Cards
// and IBANs are long runs of digits that occur by chance, so their checksums decide.
const std::vector<ir::Redaction>& table() {
  static const std::vector<ir::Redaction> rows = {
      {"pii.email", R"([A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)", ir::RedactionCheck::None},
      {"pii.credit_card", R"(\b[0-9](?:[ -]?[0-9]){12,18}\b)", ir::RedactionCheck::Luhn},
      {"pii.iban", R"(\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b)", ir::RedactionCheck::Iban},
      {"pii.phone",
       R"(\+[0-9]{1,3}(?:[ .-]?\(?[0-9]{1,4}\)?){2,5}[0-9]\b|\([0-9]{3}\) ?[0-9]{3}[ .-][0-9]{4}\b|\b[0-9]{3}[.-][0-9]{3}[.-][0-9]{4}\b)",
       ir::RedactionCheck::None},
      {"secrets.token",
       R"(\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{36}|sk-[A-Za-z0-9_-]{20,}|xox[abeprs]-[A-Za-z0-9-]{10,}|A[KS]IA[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+)|-----BEGIN [A-Z ]*PRIVATE KEY-----)",
       ir::RedactionCheck::None},
  };
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
