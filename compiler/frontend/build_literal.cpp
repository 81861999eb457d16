#include <algorithm>
#include <array>

#include "compiler/frontend/build_ast.h"
#include "compiler/frontend/utf8.h"

namespace catalyst::frontend {
namespace {

using ast::ExprKind;
using diagnostics::Kind;

constexpr std::array<std::string_view, 14> kUnits = {"ms", "s",  "m",  "h",   "d",   "w",   "B",
                                                     "KB", "MB", "GB", "KiB", "MiB", "GiB", "%"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Underscores stand singly between two digits.
bool well_separated(std::string_view digits) {
  for (size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] == '_' &&
        (i == 0 || i + 1 == digits.size() || !is_digit(digits[i - 1]) || !is_digit(digits[i + 1]))) {
      return false;
    }
  }
  return true;
}

}  // namespace

ast::Name Builder::name(antlr4::tree::TerminalNode* in) {
  if (in == nullptr) {
    return {{}, {file_, 0, 0}};
  }
  const source::Span where = span(in->getSymbol());
  return {text(where), where};
}

ast::Name Builder::name(P::NameContext* in) {
  return in == nullptr || in->children.empty() ? name(static_cast<antlr4::tree::TerminalNode*>(nullptr))
                                               : ast::Name{text(span(in)), span(in)};
}

ast::Name Builder::name(P::AnyNameContext* in) {
  return in == nullptr || in->children.empty() ? name(static_cast<antlr4::tree::TerminalNode*>(nullptr))
                                               : ast::Name{text(span(in)), span(in)};
}

ast::Name Builder::key(P::KeyContext* in) {
  if (in == nullptr) {
    return {{}, {file_, 0, 0}};
  }
  return in->string() != nullptr ? plain_string(in->string(), "a name") : name(in->anyName());
}

ast::Name Builder::plain_string(P::StringContext* in, const char* what) {
  if (in == nullptr) {
    return {{}, {file_, 0, 0}};
  }
  const auto* literal = static_cast<const ast::StringExpr*>(string(in).expr);
  if (!literal->is_plain()) {
    sink_.report(Kind::UnexpectedToken, literal->span, {what, "a string with an interpolation"});
    return {{}, literal->span};
  }
  return {literal->plain(), literal->span};
}

Builder::Node Builder::number(antlr4::Token* token) {
  auto* out = make<ast::NumberExpr>(ExprKind::Number, span(token));
  const std::string all = text(out->span);
  const size_t digits = std::min(all.find_first_not_of("0123456789_."), all.size());
  const std::string_view number = std::string_view(all).substr(0, digits);
  out->unit = all.substr(digits);
  const bool known = out->unit.empty() || std::find(kUnits.begin(), kUnits.end(), out->unit) != kUnits.end();
  if (!well_separated(number)) {
    sink_.report(Kind::InvalidNumber, out->span, {all});
  } else if (!known) {
    source::Span where = out->span;
    where.begin += static_cast<uint32_t>(digits);
    diagnostics::Diagnostic& report = sink_.report(Kind::UnknownUnit, where, {out->unit});
    const std::string_view near = diagnostics::did_you_mean(out->unit, {kUnits.begin(), kUnits.end()});
    if (!near.empty()) {
      report.fixes.push_back({where, std::string(near), "did you mean `" + std::string(near) + "`?"});
    }
  }
  if (number.find('_') != std::string_view::npos) {
    out->written = all;
  }
  std::copy_if(number.begin(), number.end(), std::back_inserter(out->digits),
               [](char c) { return c != '_'; });
  return {out, 1};
}

Builder::Node Builder::string(P::StringContext* in) {
  auto* out = make<ast::StringExpr>(ExprKind::String, span(in));
  uint32_t depth = 1;
  for (P::StringPartContext* part : in->stringPart()) {
    string_part(part, *out, depth);
  }
  return limited({out, depth});
}

void Builder::string_part(P::StringPartContext* in, ast::StringExpr& out, uint32_t& depth) {
  const source::Span where = span(in);
  if (in->INTERPOLATION_BEGIN() != nullptr) {
    if (in->expression() == nullptr && in->INTERPOLATION_END() != nullptr) {
      sink_.report(Kind::EmptyInterpolation, where);
      return;
    }
    const Node value = expr(in->expression());
    depth = std::max(depth, value.depth + 1);
    out.parts.push_back({{}, value.expr});
    return;
  }
  if (out.parts.empty() || out.parts.back().value != nullptr) {
    out.parts.push_back({});
  }
  std::string& literal = out.parts.back().text;
  if (in->DOUBLE_BRACE() != nullptr) {
    literal += sources_.text(where)[0];
  } else if (in->ESCAPE() != nullptr) {
    escape(where, literal);
  } else {
    if (in->STRAY_BRACE() != nullptr) {
      sink_.report(Kind::StrayBraceInString, where).fixes.push_back({where, "}}", "write `}}`"});
    }
    literal += sources_.text(where);
  }
}

void Builder::escape(source::Span where, std::string& out) {
  const std::string_view escape = sources_.text(where);
  switch (escape[1]) {
    case 'n':
      out += '\n';
      return;
    case 'r':
      out += '\r';
      return;
    case 't':
      out += '\t';
      return;
    case '"':
    case '\\':
      out += escape[1];
      return;
    default:
      break;
  }
  if (escape.substr(0, 3) == "\\u{") {
    const std::string digits(escape.substr(3, escape.size() - 4));
    const unsigned long value =
        digits.empty() || digits.size() > 6 ? 0xFFFFFFFF : std::stoul(digits, nullptr, 16);
    if (value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF)) {
      append_utf8(out, static_cast<char32_t>(value));
      return;
    }
  }
  const bool printable = escape[1] >= ' ' && escape[1] < 0x7F;
  sink_.report(Kind::InvalidEscape, where, {printable ? std::string(escape) : "\\"})
      .fixes.push_back({where, "\\" + std::string(escape), "for a backslash write `\\\\`"});
}

}  // namespace catalyst::frontend
