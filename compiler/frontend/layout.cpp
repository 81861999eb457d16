#include "compiler/frontend/layout.h"

#include <algorithm>

#include "compiler/frontend/format.h"
#include "compiler/frontend/format_expr.h"
#include "compiler/frontend/precedence.h"

namespace catalyst::frontend {

using namespace ast;  // every breakable expression is named here

size_t columns_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

namespace {

bool is_chain(const Expr& expr) {
  return expr.kind == ExprKind::Binary && (static_cast<const BinaryExpr&>(expr).op == BinaryOp::And ||
                                           static_cast<const BinaryExpr&>(expr).op == BinaryOp::Or);
}

bool can_break(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::List:
      return !static_cast<const ListExpr&>(expr).items.empty();
    case ExprKind::Record:
      return !static_cast<const RecordExpr&>(expr).fields.empty();
    case ExprKind::If:
      return true;
    default:
      return is_chain(expr);
  }
}

}  // namespace

bool Layout::same_line(uint32_t begin, uint32_t end) const {
  return begin < end && end <= text_.size() &&
         text_.substr(begin, end - begin).find('\n') == std::string_view::npos;
}

bool Layout::blank_between(uint32_t begin, uint32_t end) const {
  if (begin >= end || end > text_.size()) {
    return false;
  }
  const std::string_view between = text_.substr(begin, end - begin);
  const size_t first = between.find('\n');
  return first != std::string_view::npos && between.find('\n', first + 1) != std::string_view::npos;
}

void Layout::blank_line() {
  if (!out_.empty() && (out_.size() < 2 || out_.substr(out_.size() - 2) != "\n\n")) {
    out_ += '\n';
  }
}

size_t Layout::column() const {
  const size_t line = out_.rfind('\n');
  return columns_of(std::string_view(out_).substr(line == std::string::npos ? 0 : line + 1));
}

bool Layout::has_comments(source::Span span) const {
  for (size_t i = next_; i < comments_.size() && comments_[i].begin < span.end; ++i) {
    if (comments_[i].begin >= span.begin) {
      return true;
    }
  }
  return false;
}

std::string Layout::comment_text(const Comment& comment, bool moved) const {
  std::string out(text_.substr(comment.begin, comment.end - comment.begin));
  out.erase(std::remove(out.begin(), out.end(), '\r'), out.end());
  out.erase(out.find_last_not_of(" \t") + 1);
  // A doc comment that moves could come to stand in front of a declaration that it does not describe.
  return moved && comment.doc ? out.substr(1) : out;
}

bool Layout::comments_before(uint32_t begin, size_t indent, bool apart, bool keep_blank) {
  bool first = true;
  for (; next_ < comments_.size() && comments_[next_].begin < begin; ++next_) {
    const Comment& comment = comments_[next_];
    const bool moved = comment.begin < done_;
    if (!moved && !out_.empty() && done_ > 0 && same_line(done_, comment.begin + 1)) {
      out_.pop_back();  // back onto the line that was ended
      out_ += "  " + comment_text(comment, false) + "\n";
    } else {
      if ((first && apart) || (keep_blank && blank_between(done_, comment.begin))) {
        blank_line();
      }
      first = false;
      out_ += std::string(indent, ' ') + comment_text(comment, moved) + "\n";
    }
    done_ = std::max(done_, comment.end);
  }
  return !first;
}

void Layout::begin_declaration(uint32_t begin, bool apart) {
  const bool commented = comments_before(begin, 0, apart, true);
  if ((apart && !commented) || blank_between(done_, begin)) {
    blank_line();
  }
}

void Layout::begin_item(uint32_t begin, size_t indent, size_t comment_indent) {
  comments_before(begin, comment_indent, false, false);
  out_ += std::string(indent, ' ');
}

void Layout::end_line(uint32_t end) {
  out_ += '\n';
  done_ = std::max(done_, end);
}

std::string Layout::finish() {
  comments_before(UINT32_MAX, 0, false, true);
  return std::move(out_);
}

void Layout::expression(const Expr& expr, size_t indent) {
  const std::string line = flat(expr, kOpen, true);
  const bool fits = column() + columns_of(line) <= kFormatWidth;
  if ((fits && !has_comments(expr.span)) || !can_break(expr)) {
    out_ += line;
    return;
  }
  broken(expr, indent);
}

void Layout::broken(const Expr& expr, size_t indent) {
  switch (expr.kind) {
    case ExprKind::List:
      return broken_list(static_cast<const ListExpr&>(expr), indent);
    case ExprKind::Record:
      return broken_record(static_cast<const RecordExpr&>(expr), indent);
    case ExprKind::If:
      return broken_if(static_cast<const IfExpr&>(expr), indent);
    default:
      return broken_chain(static_cast<const BinaryExpr&>(expr), indent);
  }
}

/// Many short constants: a table of codes, which nobody reads down a column.
bool Layout::is_filled(const ListExpr& list) const {
  constexpr size_t kShort = 16;
  return !has_comments(list.span) && std::all_of(list.items.begin(), list.items.end(), [](const Expr* item) {
    return (item->kind == ExprKind::String || item->kind == ExprKind::Number ||
            item->kind == ExprKind::Name) &&
           columns_of(flat(*item, kOpen, true)) <= kShort;
  });
}

/// As many items a line as fit.
void Layout::filled_list(const ListExpr& list, size_t indent) {
  out_ += "[";
  end_line(list.span.begin + 1);
  begin_item(list.items.front()->span.begin, indent + 2);
  bool first = true;
  for (const Expr* item : list.items) {
    const std::string text = flat(*item, kOpen, true) + ",";
    if (!first && column() + 1 + columns_of(text) > kFormatWidth) {
      end_line(item->span.begin);
      begin_item(item->span.begin, indent + 2);
      first = true;
    }
    out_ += (first ? "" : " ") + text;
    first = false;
  }
  end_line(list.items.back()->span.end);
  begin_item(list.span.end - 1, indent, indent + 2);
  out_ += "]";
}

void Layout::broken_list(const ListExpr& list, size_t indent) {
  if (is_filled(list)) {
    return filled_list(list, indent);
  }
  out_ += "[";
  end_line(list.span.begin + 1);
  for (const Expr* item : list.items) {
    begin_item(item->span.begin, indent + 2);
    expression(*item, indent + 2);
    out_ += ",";
    end_line(item->span.end);
  }
  begin_item(list.span.end - 1, indent, indent + 2);
  out_ += "]";
}

void Layout::broken_record(const RecordExpr& record, size_t indent) {
  out_ += record.type_name.text.empty() ? "{" : record.type_name.text + " {";
  end_line(record.type_name.text.empty() ? record.span.begin + 1 : record.type_name.span.end);
  for (const FieldInit& field : record.fields) {
    begin_item(field.name.span.begin, indent + 2);
    out_ += flat_key(field.name) + ": ";
    expression(*field.value, indent + 2);
    out_ += ",";
    end_line(field.value->span.end);
  }
  begin_item(record.span.end - 1, indent, indent + 2);
  out_ += "}";
}

/// `a and b and c`, an operand a line. Operands are not broken again: what needs more lines wants a fact.
void Layout::broken_chain(const BinaryExpr& chain, size_t indent) {
  std::vector<const BinaryExpr*> links;
  const Expr* at = &chain;
  while (at->kind == ExprKind::Binary && static_cast<const BinaryExpr*>(at)->op == chain.op) {
    links.push_back(static_cast<const BinaryExpr*>(at));
    at = links.back()->left;
  }
  const int level = level_of(chain.op);
  out_ += flat(*at, level_for_readers(chain.op, *at, level), false);
  end_line(at->span.end);
  for (size_t i = links.size(); i-- > 0;) {
    const Expr& operand = *links[i]->right;
    begin_item(operand.span.begin, indent + 2);
    out_ += std::string(binary_op_text(chain.op)) + " " +
            flat(operand, level_for_readers(chain.op, operand, level + 1), i == 0);
    if (i > 0) {
      end_line(operand.span.end);
    }
  }
}

void Layout::broken_if(const IfExpr& choice, size_t indent) {
  out_ += "if " + flat(*choice.condition, kOr, false);
  end_line(choice.condition->span.end);
  begin_item(choice.then_value->span.begin, indent + 2);
  out_ += "then " + flat(*choice.then_value, kOr, false);
  end_line(choice.then_value->span.end);
  begin_item(choice.else_value->span.begin, indent + 2);
  out_ += "else ";
  expression(*choice.else_value, indent + 2);
}

}  // namespace catalyst::frontend
