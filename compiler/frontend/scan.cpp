#include "compiler/frontend/scan.h"

#include <algorithm>
#include <string>

#include "compiler/frontend/lexer.h"
#include "compiler/frontend/segment.h"
#include "compiler/frontend/utf8.h"
#include "grammar/CatalystLexer.h"

namespace catalyst::frontend {
namespace {

using diagnostics::Kind;
using grammar::CatalystLexer;
using source::Span;

/// What has opened and changes how the lexer reads until it closes.
struct Open {
  enum class Kind : uint8_t { Brace, String, Interpolation };
  Kind kind;
  uint32_t begin;     // of the opening token
  size_t mode_depth;  // of the lexer before it
};

class Scanner {
 public:
  Scanner(const source::SourceMap& sources, source::FileId file, diagnostics::Sink& sink,
          const ParseLimits& limits)
      : text_(sources.text(file)),
        file_(file),
        sink_(sink),
        limits_(limits),
        lexer_(text_, text_.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0) {}

  TokenList run();

 private:
  Span span(size_t begin, size_t end) const {
    return {file_, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  }
  void check_encoding();
  bool take(Lexeme lexeme);
  void take_comment(const Lexeme& lexeme);
  void open(Open::Kind kind, const Lexeme& lexeme);
  void close_brace(Lexeme& lexeme);
  void cut_strings(uint32_t at);
  void report_invalid(const Lexeme& lexeme);

  std::string_view text_;
  source::FileId file_;
  diagnostics::Sink& sink_;
  const ParseLimits& limits_;
  TokenList list_;
  Lexer lexer_;
  std::vector<Open> open_;
  std::vector<uint32_t> damage_;  // offsets where a report already explains what the parser will stumble over
  uint32_t invalid_ = 0;
  bool cut_off_ = false;  // the rest of the file is not read
};

TokenList Scanner::run() {
  if (text_.size() > limits_.source_bytes) {
    sink_.report(Kind::SourceTooLarge, span(0, 0),
                 {std::to_string(text_.size()), std::to_string(limits_.source_bytes)});
    return {};
  }
  check_encoding();
  list_.tokens.reserve(std::min<size_t>(text_.size() / 4, limits_.tokens));  // what rules have, nearly
  while (!cut_off_ && take(lexer_.next())) {
  }
  merge_targets(text_, list_);
  mark_rows(text_, list_);
  cut_into_segments(text_, file_, list_, damage_, sink_, limits_);
  if (cut_off_ && !list_.segments.empty()) {
    list_.segments.back().skip = true;
  }
  return std::move(list_);
}

void Scanner::check_encoding() {
  const size_t valid = valid_utf8_prefix(text_);
  const size_t nul = text_.find('\0');
  const size_t bad = std::min(valid, nul);
  if (bad < text_.size()) {
    sink_.report(Kind::InvalidUtf8, span(bad, bad + 1));
  }
}

/// Files one unit; false at the end of the text.
bool Scanner::take(Lexeme lexeme) {
  if (list_.tokens.size() >= limits_.tokens && !lexeme.hidden) {
    sink_.report(Kind::TooManyTokens, span(lexeme.begin, lexeme.begin), {std::to_string(limits_.tokens)});
    cut_off_ = true;
    return true;
  }
  switch (lexeme.type) {
    case antlr4::Token::EOF:
      cut_strings(static_cast<uint32_t>(text_.size()));
      return false;
    case CatalystLexer::NEWLINE:
      cut_strings(lexeme.begin);
      return true;
    case CatalystLexer::STRING_CUT:
      cut_strings(lexeme.begin);
      return true;
    case CatalystLexer::DOC_COMMENT:
    case CatalystLexer::LINE_COMMENT:
    case CatalystLexer::BLOCK_COMMENT:
      take_comment(lexeme);
      return true;
    case CatalystLexer::OPEN_COMMENT:
      sink_.report(Kind::UnterminatedComment, span(lexeme.begin, lexeme.end));
      damage_.push_back(lexeme.begin);
      return false;
    case CatalystLexer::INVALID:
      report_invalid(lexeme);
      return true;
    case CatalystLexer::LEFT_BRACE:
      open(Open::Kind::Brace, lexeme);
      break;
    case CatalystLexer::STRING_BEGIN:
      open(Open::Kind::String, lexeme);
      break;
    case CatalystLexer::INTERPOLATION_BEGIN:
      open(Open::Kind::Interpolation, lexeme);
      break;
    case CatalystLexer::STRING_END:
      open_.pop_back();
      break;
    case CatalystLexer::RIGHT_BRACE:
      close_brace(lexeme);
      break;
    default:
      break;
  }
  list_.tokens.emplace_back(lexeme.type, lexeme.begin, lexeme.end, lexeme.line);
  return true;
}

void Scanner::take_comment(const Lexeme& lexeme) {
  const uint32_t end = text_[lexeme.end - 1] == '\r' ? lexeme.end - 1 : lexeme.end;
  // A line of slashes is a rule, not a doc comment.
  const bool doc = lexeme.type == CatalystLexer::DOC_COMMENT &&
                   (lexeme.begin + 3 >= end || text_[lexeme.begin + 3] != '/');
  list_.comments.push_back({lexeme.begin, end, doc});
}

void Scanner::open(Open::Kind kind, const Lexeme& lexeme) {
  open_.push_back({kind, lexeme.begin, lexer_.depth() - 1});
}

void Scanner::close_brace(Lexeme& lexeme) {
  if (open_.empty()) {
    return;
  }
  if (open_.back().kind == Open::Kind::Interpolation) {
    lexeme.type = CatalystLexer::INTERPOLATION_END;
  }
  open_.pop_back();
}

/// Ends every string that is open at the end of its line: reports the outermost and gives the parser the
/// closing tokens.
void Scanner::cut_strings(uint32_t at) {
  const auto outermost =
      std::find_if(open_.begin(), open_.end(), [](const Open& o) { return o.kind == Open::Kind::String; });
  if (outermost == open_.end()) {
    return;
  }
  sink_.report(Kind::UnterminatedString, span(outermost->begin, at));
  damage_.push_back(outermost->begin);
  lexer_.leave_to(outermost->mode_depth);
  for (size_t i = open_.size(); i-- > static_cast<size_t>(outermost - open_.begin());) {
    const size_t type = open_[i].kind == Open::Kind::String          ? CatalystLexer::STRING_END
                        : open_[i].kind == Open::Kind::Interpolation ? CatalystLexer::INTERPOLATION_END
                                                                     : CatalystLexer::RIGHT_BRACE;
    list_.tokens.emplace_back(type, at, at, list_.tokens.back().line());
  }
  open_.erase(outermost, open_.end());
}

void Scanner::report_invalid(const Lexeme& lexeme) {
  if (++invalid_ > limits_.diagnostics) {
    cut_off_ = true;
    return;
  }
  const uint32_t begin = lexeme.begin;
  const uint32_t end = lexeme.end;
  const std::string_view word = text_.substr(begin, end - begin);
  diagnostics::Diagnostic& report =
      sink_.report(Kind::InvalidCharacter, span(begin, end), {describe_characters(word)});
  if (word == ";") {
    report.fixes.push_back({span(begin, end), "", "nothing needs a semicolon"});
    return;
  }
  damage_.push_back(begin);
  if (word == "&&") {
    report.fixes.push_back({span(begin, end), "and", "write `and`"});
  } else if (word == "||") {
    report.fixes.push_back({span(begin, end), "or", "write `or`"});
  } else if (word == "!") {
    report.fixes.push_back({span(begin, end), "not ", "write `not`"});
  } else if (word.front() == '\'' && word.size() > 1) {
    report.fixes.push_back({span(begin, end), "\"" + std::string(word.substr(1, word.size() - 2)) + "\"",
                            "strings stand in double quotes"});
  }
}

}  // namespace

TokenList scan(const source::SourceMap& sources, source::FileId file, diagnostics::Sink& sink,
               const ParseLimits& limits) {
  return Scanner(sources, file, sink, limits).run();
}

}  // namespace catalyst::frontend
