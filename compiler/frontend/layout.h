#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/frontend/scan.h"

namespace catalyst::frontend {

/// Columns that a text takes on a terminal, a code point each.
size_t columns_of(std::string_view text);

/// Lines of canonical text, with the comments of the original woven in: a comment that stood behind something
/// stays on its line, one that had its own line keeps one before the next item. Positions are offsets in the
/// original.
class Layout {
 public:
  Layout(std::string_view text, std::vector<Comment> comments)
      : text_(text), comments_(std::move(comments)) {}

  /// Starts a declaration at the margin. `apart`: after a blank line even if the original has none.
  void begin_declaration(uint32_t begin, bool apart);
  /// Starts a line inside a declaration.
  void begin_item(uint32_t begin, size_t indent) { begin_item(begin, indent, indent); }
  /// The same for a closing bracket, whose comments belong further in.
  void begin_item(uint32_t begin, size_t indent, size_t comment_indent);
  void write(std::string_view text) { out_ += text; }
  /// Ends a line whose last token ended at `end` in the original.
  void end_line(uint32_t end);

  /// Writes an expression behind what the line holds, broken if it does not fit or holds comments; further
  /// lines stand deeper than `indent`.
  void expression(const ast::Expr& expr, size_t indent);

  [[nodiscard]] bool has_comments(source::Span span) const;
  /// Writes the remaining comments and takes the text.
  std::string finish();

 private:
  /// Writes comments that begin before `begin`. `apart` asks for a blank line before the first that gets its
  /// own line; true comes back when there was one.
  bool comments_before(uint32_t begin, size_t indent, bool apart, bool keep_blank);
  bool blank_between(uint32_t begin, uint32_t end) const;
  bool same_line(uint32_t begin, uint32_t end) const;
  std::string comment_text(const Comment& comment, bool moved) const;
  void blank_line();
  void broken(const ast::Expr& expr, size_t indent);
  void broken_list(const ast::ListExpr& list, size_t indent);
  void filled_list(const ast::ListExpr& list, size_t indent);
  [[nodiscard]] bool is_filled(const ast::ListExpr& list) const;
  void broken_record(const ast::RecordExpr& record, size_t indent);
  void broken_chain(const ast::BinaryExpr& chain, size_t indent);
  void broken_if(const ast::IfExpr& choice, size_t indent);
  size_t column() const;

  std::string_view text_;
  std::vector<Comment> comments_;
  size_t next_ = 0;
  uint32_t done_ = 0;  // end, in the original, of what was written last
  std::string out_;
};

}  // namespace catalyst::frontend
