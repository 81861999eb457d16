#include "compiler/frontend/format_expr.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string>
#include <unordered_set>

#include "compiler/frontend/precedence.h"
#include "grammar/CatalystLexer.h"

namespace catalyst::frontend {

using namespace ast;  // every node is named here

namespace {

bool is_word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool is_word(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::all_of(text.begin(), text.end(), is_word_char);
}

bool is_keyword(std::string_view text) {
  using grammar::CatalystLexer;
  static const auto words = [] {
    std::unordered_set<std::string> out;
    const antlr4::dfa::Vocabulary& vocabulary = CatalystLexer(nullptr).getVocabulary();
    for (size_t type = CatalystLexer::PACK; type <= CatalystLexer::MAP; ++type) {
      const std::string literal = vocabulary.getLiteralName(type);
      out.insert(literal.substr(1, literal.size() - 2));
    }
    return out;
  }();
  return words.contains(std::string(text));
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      case '{':
      case '}':
        out += c;
        out += c;
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          char escaped[16];
          std::snprintf(escaped, sizeof escaped, "\\u{%X}", static_cast<unsigned>(c));
          out += escaped;
        } else {
          out += c;
        }
    }
  }
}

std::string flat_string(const StringExpr& s) {
  std::string out = "\"";
  for (const StringPart& part : s.parts) {
    if (part.value == nullptr) {
      append_escaped(out, part.text);
      continue;
    }
    std::string value = flat(*part.value, kOpen, true);
    if (value.front() == '{') {
      value = "(" + value + ")";  // `{{` would be a brace
    }
    out += "{" + value + "}";
  }
  return out + "\"";
}

std::string flat_variables(const Name& a, const Name& b) {
  return b.text.empty() ? a.text : a.text + ", " + b.text;
}

std::string flat_binary(const BinaryExpr& b, bool tail) {
  const int level = level_of(b.op);
  const int left = level == kCompare ? level + 1 : level;
  return flat(*b.left, level_for_readers(b.op, *b.left, left), false) + " " +
         std::string(binary_op_text(b.op)) + " " +
         flat(*b.right, level_for_readers(b.op, *b.right, level + 1), tail);
}

std::string flat_unary(const UnaryExpr& unary, bool tail) {
  if (unary.op == UnaryOp::Negate) {
    return "-" + flat(*unary.operand, kNegate, tail);
  }
  // `not a == b` would do, but not everybody who reads it knows what it negates.
  const bool repeated = unary.operand->kind == ExprKind::Unary;
  return "not " + flat(*unary.operand, repeated ? kNot : kNegate, tail);
}

std::string flat_quantifier(const QuantifierExpr& q) {
  const char* word = q.quantifier == Quantifier::Any   ? "any "
                     : q.quantifier == Quantifier::All ? "all "
                                                       : "none ";
  return word + flat_variables(q.variable, q.value_variable) + " in " + flat(*q.collection, kOr, false) +
         " satisfies " + flat(*q.condition, kOpen, true);
}

std::string flat_comprehension(const ComprehensionExpr& c) {
  std::string out = "[" + flat(*c.element, kOr, false) + " for " +
                    flat_variables(c.variable, c.value_variable) + " in " + flat(*c.collection, kOr, false);
  return out + (c.condition == nullptr ? "]" : " if " + flat(*c.condition, kOpen, true) + "]");
}

std::string flat_record(const RecordExpr& record) {
  std::string out = record.type_name.text.empty() ? "{" : record.type_name.text + " {";
  for (size_t i = 0; i < record.fields.size(); ++i) {
    out += (i == 0 ? " " : ", ") + flat_key(record.fields[i].name) + ": " +
           flat(*record.fields[i].value, kOpen, true);
  }
  return out + (record.fields.empty() ? "}" : " }");
}

std::string flat_list(const std::vector<const Expr*>& items) {
  std::string out;
  for (const Expr* item : items) {
    out += (out.empty() ? "" : ", ") + flat(*item, kOpen, true);
  }
  return out;
}

std::string flat_window(const WindowExpr& window) {
  const abi::HookTarget form =
      abi::hook_info(abi::find_hook(window.hook.text).value_or(abi::Hook::Call)).target;
  std::string out = window.function.text + "(" + window.hook.text;
  for (size_t i = 0; i < window.targets.size(); ++i) {
    out += (i == 0 ? " " : ", ") + flat(window.targets[i], form);
  }
  out += window.value == nullptr ? "" : " of " + flat(*window.value, kOpen, true);
  out += window.key == nullptr ? "" : " by " + flat(*window.key, kOpen, true);
  return out + " within " + flat(*window.within, kOpen, true) + ")";
}

std::string flat_bare(const Expr& expr, bool tail) {
  switch (expr.kind) {
    case ExprKind::Error:
      return "error";
    case ExprKind::Bool:
      return static_cast<const BoolExpr&>(expr).value ? "true" : "false";
    case ExprKind::Number: {
      const auto& number = static_cast<const NumberExpr&>(expr);
      return number.written.empty() ? number.digits + number.unit : number.written;
    }
    case ExprKind::String:
      return flat_string(static_cast<const StringExpr&>(expr));
    case ExprKind::Name:
      return static_cast<const NameExpr&>(expr).name;
    case ExprKind::Member: {
      const auto& member = static_cast<const MemberExpr&>(expr);
      return flat(*member.object, kPrimary, false) + (member.optional ? "?." : ".") + member.member.text;
    }
    case ExprKind::Index: {
      const auto& index = static_cast<const IndexExpr&>(expr);
      return flat(*index.object, kPrimary, false) + (index.optional ? "?[" : "[") +
             flat(*index.index, kOpen, true) + "]";
    }
    case ExprKind::Call: {
      const auto& call = static_cast<const CallExpr&>(expr);
      return flat(*call.callee, kPrimary, false) + "(" + flat_list(call.arguments) + ")";
    }
    case ExprKind::Unary:
      return flat_unary(static_cast<const UnaryExpr&>(expr), tail);
    case ExprKind::Binary:
      return flat_binary(static_cast<const BinaryExpr&>(expr), tail);
    case ExprKind::Presence: {
      const auto& presence = static_cast<const PresenceExpr&>(expr);
      return flat(*presence.operand, kCompare + 1, false) + (presence.present ? " is present" : " is absent");
    }
    case ExprKind::Cast: {
      const auto& cast = static_cast<const CastExpr&>(expr);
      return flat(*cast.operand, kCast, false) + " as " + flat(*cast.type);
    }
    case ExprKind::If: {
      const auto& choice = static_cast<const IfExpr&>(expr);
      return "if " + flat(*choice.condition, kOr, false) + " then " + flat(*choice.then_value, kOr, false) +
             " else " + flat(*choice.else_value, kOpen, true);
    }
    case ExprKind::Quantifier:
      return flat_quantifier(static_cast<const QuantifierExpr&>(expr));
    case ExprKind::Comprehension:
      return flat_comprehension(static_cast<const ComprehensionExpr&>(expr));
    case ExprKind::Window:
      return flat_window(static_cast<const WindowExpr&>(expr));
    case ExprKind::List:
      return "[" + flat_list(static_cast<const ListExpr&>(expr).items) + "]";
    case ExprKind::Record:
      return flat_record(static_cast<const RecordExpr&>(expr));
  }
  return {};
}

/// One half of a target; the tool may hold dots, for the server the first dot ends it.
std::string flat_target_part(std::string_view text, bool dots) {
  bool bare =
      !text.empty() && text.front() != '.' && text.back() != '.' && text.find("..") == std::string_view::npos;
  for (const char c : text) {
    bare &= is_word_char(c) || c == '*' || c == '-' || (dots && c == '.');
  }
  // A target begins with a word or a star.
  bare &= dots || (!text.empty() && text.front() != '-' &&
                   std::isdigit(static_cast<unsigned char>(text.front())) == 0);
  return bare ? std::string(text) : string_literal(text);
}

}  // namespace

int level_of(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::If:
    case ExprKind::Quantifier:
      return kOpen;
    case ExprKind::Binary:
      return level_of(static_cast<const BinaryExpr&>(expr).op);
    case ExprKind::Unary:
      return static_cast<const UnaryExpr&>(expr).op == UnaryOp::Not ? kNot : kNegate;
    case ExprKind::Presence:
      return kCompare;
    case ExprKind::Cast:
      return kCast;
    case ExprKind::Error:
    case ExprKind::Bool:
    case ExprKind::Number:
    case ExprKind::String:
    case ExprKind::Name:
    case ExprKind::Member:
    case ExprKind::Index:
    case ExprKind::Call:
    case ExprKind::Comprehension:
    case ExprKind::Window:
    case ExprKind::List:
    case ExprKind::Record:
      return kPrimary;
  }
  return kPrimary;
}

std::string flat(const Expr& expr, int least, bool tail) {
  const int level = level_of(expr);
  // An open expression may stand as the last operand of anything; elsewhere it needs its parentheses.
  if (level >= least || (level == kOpen && tail && least < kCast)) {
    return flat_bare(expr, tail);
  }
  return "(" + flat_bare(expr, true) + ")";
}

std::string flat(const TypeExpr& type) {
  switch (type.kind) {
    case TypeExprKind::Named:
      return type.name;
    case TypeExprKind::List:
      return "list<" + flat(*type.element) + ">";
    case TypeExprKind::Set:
      return "set<" + flat(*type.element) + ">";
    case TypeExprKind::Map:
      return "map<string, " + flat(*type.element) + ">";
    case TypeExprKind::Optional:
      return flat(*type.element) + "?";
  }
  return {};
}

std::string flat(const TargetPattern& target, abi::HookTarget form) {
  switch (form) {
    case abi::HookTarget::Tool:
    case abi::HookTarget::Prompt:
      return flat_target_part(target.server, false) + "." + flat_target_part(target.tool, true);
    case abi::HookTarget::Uri: {
      const std::string from = target.server == "*" ? "" : "from " + flat_target_part(target.server, false);
      const bool any = target.tool == "*" && !from.empty();
      return any ? from : string_literal(target.tool) + (from.empty() ? "" : " ") + from;
    }
    case abi::HookTarget::Server:
    case abi::HookTarget::Agent:
      // A keyword would be read as the next clause.
      return is_keyword(target.server) ? string_literal(target.server)
                                       : flat_target_part(target.server, false);
    case abi::HookTarget::Event:
      return string_literal(target.tool);
    case abi::HookTarget::None:
      return {};
  }
  return {};
}

std::string string_literal(std::string_view text) {
  std::string out = "\"";
  append_escaped(out, text);
  return out + "\"";
}

std::string flat_key(const Name& name) { return is_word(name.text) ? name.text : string_literal(name.text); }

}  // namespace catalyst::frontend
