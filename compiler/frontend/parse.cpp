#include "compiler/frontend/parse.h"

#include <algorithm>
#include <string>

#include "compiler/frontend/build_ast.h"
#include "compiler/frontend/scan.h"
#include "compiler/frontend/syntax_errors.h"
#include "compiler/frontend/token_window.h"
#include "runtime/base/budget.h"
#include "runtime/base/check.h"

namespace catalyst::frontend {
namespace {

using diagnostics::Kind;

/// What reading a token costs of a Budget.
constexpr uint64_t kTokenSteps = 20;

/// Comments in source order, handed to the declarations they stand in front of.
class DocComments {
 public:
  DocComments(std::string_view text, const std::vector<Comment>& comments)
      : text_(text), comments_(comments) {}

  /// The `///` lines directly in front of a declaration that begins at `begin`. Called with rising positions.
  std::string before(uint32_t begin) {
    while (next_ < comments_.size() && comments_[next_].begin < begin) {
      ++next_;
    }
    size_t first = next_;
    uint32_t end = begin;
    while (first > 0 && comments_[first - 1].doc && has_own_line(comments_[first - 1].begin) &&
           only_blanks(comments_[first - 1].end, end)) {
      --first;
      end = comments_[first].begin;
    }
    std::string out;
    for (size_t i = first; i < next_; ++i) {
      std::string_view line = text_.substr(comments_[i].begin + 3, comments_[i].end - comments_[i].begin - 3);
      line.remove_prefix(!line.empty() && line.front() == ' ' ? 1 : 0);
      out += (out.empty() ? "" : "\n") + std::string(line);
    }
    return out;
  }

 private:
  bool has_own_line(uint32_t begin) const {
    const size_t before = text_.substr(0, begin).find_last_not_of(" \t");
    return before == std::string_view::npos || text_[before] == '\n' ||
           (before + 1 == kByteOrderMark.size() && text_.substr(0, before + 1) == kByteOrderMark);
  }
  bool only_blanks(uint32_t begin, uint32_t end) const {
    const std::string_view between = text_.substr(begin, end - begin);
    return between.find_first_not_of(" \t\r\n") == std::string_view::npos &&
           std::count(between.begin(), between.end(), '\n') <= 1;
  }

  std::string_view text_;
  const std::vector<Comment>& comments_;
  size_t next_ = 0;
};

void report_unknown(std::string_view text, const Token& token, source::FileId file, diagnostics::Sink& sink) {
  const source::Span span{file, token.begin(), token.end()};
  const std::string_view word = text.substr(span.begin, span.end - span.begin);
  diagnostics::Diagnostic& report = sink.report(Kind::UnknownDeclaration, span, {std::string(word)});
  const std::string_view near =
      diagnostics::did_you_mean(word, {"pack", "import", "export", "default", "server", "enum", "record",
                                       "list", "fact", "fn", "rule", "decision", "fixture", "test"});
  if (!near.empty()) {
    report.fixes.push_back({span, std::string(near), "did you mean `" + std::string(near) + "`?"});
  }
}

}  // namespace

ast::Ast parse(const source::SourceMap& sources, source::FileId file, diagnostics::Sink& sink,
               const ParseLimits& limits) {
  ast::Ast ast;
  ast.file = file;
  const std::string_view text = sources.text(file);
  const size_t errors_before = sink.error_count();
  TokenList list = scan(sources, file, sink, limits);

  TokenWindow window(list.tokens);
  grammar::CatalystParser parser(&window);
  parser.removeErrorListeners();
  parser.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(
      antlr4::atn::PredictionMode::SLL);
  auto errors = std::make_shared<SyntaxErrors>(sources, file, list, window, sink);
  parser.setErrorHandler(errors);
  Builder builder(sources, file, sink, limits, ast);
  DocComments docs(text, list.comments);

  for (const Segment& segment : list.segments) {
    if (sink.error_count() - errors_before > limits.diagnostics) {
      break;
    }
    const Token& first = list.tokens[segment.first];
    if (!segment.known) {
      report_unknown(text, first, file, sink);
      continue;
    }
    if (segment.skip) {
      continue;
    }
    if (!Budget::spend((segment.last - segment.first) * kTokenSteps)) {
      sink.report(Kind::TooCostly,
                  {file, list.tokens[segment.first].begin(), list.tokens[segment.first].end()},
                  {diagnostics::quantity(*Budget::current())});
      break;
    }
    parser.reset();  // frees the tree of the declaration before
    window.show(segment.first, segment.last);
    errors->begin(segment.damaged);
    if (ast::Decl* declaration = builder.declaration(parser.segment())) {
      declaration->doc = docs.before(first.begin());
      ast.declarations.push_back(declaration);
    }
  }
  return ast;
}

}  // namespace catalyst::frontend
