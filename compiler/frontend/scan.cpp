#include "compiler/frontend/scan.h"

#include <algorithm>
#include <string>

#include "compiler/frontend/byte_stream.h"
#include "compiler/frontend/segment.h"
#include "compiler/frontend/utf8.h"
#include "grammar/CatalystLexer.h"

namespace catalyst::frontend {
namespace {

using diagnostics::Kind;
using grammar::CatalystLexer;
using source::Span;

/// A stray `}` pops a mode that nobody pushed; the generated lexer would throw.
class Lexer final : public CatalystLexer {
 public:
  explicit Lexer(antlr4::CharStream* input) : CatalystLexer(input) { removeErrorListeners(); }
  size_t popMode() override { return modeStack.empty() ? mode : CatalystLexer::popMode(); }
};

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
      : text_(sources.text(file)), file_(file), sink_(sink), limits_(limits) {}

  TokenList run();

 private:
  Span span(size_t begin, size_t end) const {
    return {file_, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  }
  void check_encoding();
  bool take(std::unique_ptr<antlr4::CommonToken> token);
  void open(Open::Kind kind, const antlr4::Token& token);
  void close_brace(antlr4::CommonToken& token);
  void cut_strings(uint32_t at);
  void report_invalid(const antlr4::Token& token);
  void push(std::unique_ptr<antlr4::CommonToken> token) { list_.tokens.push_back(std::move(token)); }

  std::string_view text_;
  source::FileId file_;
  diagnostics::Sink& sink_;
  const ParseLimits& limits_;
  TokenList list_;
  std::unique_ptr<Lexer> lexer_;
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
  list_.input = std::make_unique<ByteStream>(text_);
  if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    list_.input->seek(kByteOrderMark.size());
  }
  lexer_ = std::make_unique<Lexer>(list_.input.get());
  while (!cut_off_) {
    std::unique_ptr<antlr4::CommonToken> token(
        static_cast<antlr4::CommonToken*>(lexer_->nextToken().release()));
    if (!take(std::move(token))) {
      break;
    }
  }
  merge_targets(text_, list_);
  cut_into_segments(text_, file_, list_, damage_, sink_, limits_);
  if (cut_off_ && !list_.segments.empty()) {
    list_.segments.back().skip = true;
  }
  // The lexer dies here; tokens keep a pointer to the input only for their text, which we take from the
  // source.
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

/// Files one token; false at the end of the text.
bool Scanner::take(std::unique_ptr<antlr4::CommonToken> token) {
  if (list_.tokens.size() >= limits_.tokens && token->getChannel() == antlr4::Token::DEFAULT_CHANNEL) {
    sink_.report(Kind::TooManyTokens, span(begin_of(*token), begin_of(*token)),
                 {std::to_string(limits_.tokens)});
    cut_off_ = true;
    return true;
  }
  switch (token->getType()) {
    case antlr4::Token::EOF:
      cut_strings(static_cast<uint32_t>(text_.size()));
      return false;
    case CatalystLexer::NEWLINE:
      cut_strings(begin_of(*token));
      return true;
    case CatalystLexer::STRING_CUT:
      cut_strings(begin_of(*token));
      return true;
    case CatalystLexer::DOC_COMMENT:
    case CatalystLexer::LINE_COMMENT:
    case CatalystLexer::BLOCK_COMMENT: {
      uint32_t end = end_of(*token);
      if (text_[end - 1] == '\r') {
        --end;
      }
      // A line of slashes is a rule, not a doc comment.
      const bool doc = token->getType() == CatalystLexer::DOC_COMMENT &&
                       (begin_of(*token) + 3 >= end || text_[begin_of(*token) + 3] != '/');
      list_.comments.push_back({begin_of(*token), end, doc});
      return true;
    }
    case CatalystLexer::OPEN_COMMENT:
      sink_.report(Kind::UnterminatedComment, span(begin_of(*token), end_of(*token)));
      damage_.push_back(begin_of(*token));
      return false;
    case CatalystLexer::INVALID:
      report_invalid(*token);
      return true;
    case CatalystLexer::LEFT_BRACE:
      open(Open::Kind::Brace, *token);
      break;
    case CatalystLexer::STRING_BEGIN:
      open(Open::Kind::String, *token);
      break;
    case CatalystLexer::INTERPOLATION_BEGIN:
      open(Open::Kind::Interpolation, *token);
      break;
    case CatalystLexer::STRING_END:
      open_.pop_back();
      break;
    case CatalystLexer::RIGHT_BRACE:
      close_brace(*token);
      break;
    default:
      break;
  }
  push(std::move(token));
  return true;
}

void Scanner::open(Open::Kind kind, const antlr4::Token& token) {
  open_.push_back({kind, begin_of(token), lexer_->modeStack.size() - 1});
}

void Scanner::close_brace(antlr4::CommonToken& token) {
  if (open_.empty()) {
    return;
  }
  if (open_.back().kind == Open::Kind::Interpolation) {
    token.setType(CatalystLexer::INTERPOLATION_END);
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
  lexer_->modeStack.resize(outermost->mode_depth);
  lexer_->mode = CatalystLexer::DEFAULT_MODE;
  for (size_t i = open_.size(); i-- > static_cast<size_t>(outermost - open_.begin());) {
    const size_t type = open_[i].kind == Open::Kind::String          ? CatalystLexer::STRING_END
                        : open_[i].kind == Open::Kind::Interpolation ? CatalystLexer::INTERPOLATION_END
                                                                     : CatalystLexer::RIGHT_BRACE;
    auto token = std::make_unique<antlr4::CommonToken>(type);
    token->setStartIndex(at);
    token->setStopIndex(at - 1);
    token->setLine(list_.tokens.back()->getLine());
    push(std::move(token));
  }
  open_.erase(outermost, open_.end());
}

void Scanner::report_invalid(const antlr4::Token& token) {
  if (++invalid_ > limits_.diagnostics) {
    cut_off_ = true;
    return;
  }
  const uint32_t begin = begin_of(token);
  const uint32_t end = end_of(token);
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
