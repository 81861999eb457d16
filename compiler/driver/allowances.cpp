#include "compiler/driver/allowances.h"

namespace catalyst::driver {
namespace {

using diagnostics::Kind;
using source::Span;

constexpr std::string_view kOpening = "// allow(";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  const size_t last = text.find_last_not_of(" \t\r");
  return first == std::string_view::npos ? std::string_view() : text.substr(first, last - first + 1);
}

/// The declaration that reaches beyond `offset` first.
Span covered(const ast::Ast& tree, uint32_t offset) {
  Span out;
  for (const ast::Decl* decl : tree.declarations) {
    if (decl->span.end > offset && (!out.valid() || decl->span.begin < out.begin)) {
      out = decl->span;
    }
  }
  return out;
}

}  // namespace

Allowances::Allowances(std::span<const ast::Ast> trees, const source::SourceMap& sources,
                       diagnostics::Sink& sink) {
  for (const ast::Ast& tree : trees) {
    read_file(tree, sources, sink);
  }
}

void Allowances::read_file(const ast::Ast& tree, const source::SourceMap& sources, diagnostics::Sink& sink) {
  const std::string_view text = sources.text(tree.file);
  for (size_t at = text.find(kOpening); at != std::string_view::npos; at = text.find(kOpening, at + 1)) {
    const size_t line = text.rfind('\n', at) + 1;  // npos + 1: the first line
    if (!trimmed(text.substr(line, at - line)).empty()) {
      continue;  // behind code, or in a text
    }
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view comment = trimmed(text.substr(at, end - at));
    const Span span{tree.file, static_cast<uint32_t>(at), static_cast<uint32_t>(at + comment.size())};
    const size_t close = comment.find(')');
    const std::string code(close == std::string_view::npos
                               ? comment.substr(kOpening.size())
                               : comment.substr(kOpening.size(), close - kOpening.size()));
    const diagnostics::KindInfo* about = diagnostics::find_code(code);
    if (about == nullptr || about->severity != diagnostics::Severity::Warning) {
      sink.report(Kind::InvalidAllowance, span,
                  {about == nullptr ? "there is no `" + code + "`" : "`" + code + "` is an error"});
    } else if (close == std::string_view::npos || !comment.substr(close).starts_with("):") ||
               trimmed(comment.substr(close + 2)).empty()) {
      sink.report(Kind::InvalidAllowance, span, {"the reason is missing, `// allow(" + code + "): why`"});
    } else {
      all_.push_back({span, code, covered(tree, span.end), false});
    }
  }
}

void Allowances::apply(diagnostics::Sink& sink) {
  sink.remove_warnings([&](const diagnostics::Diagnostic& diagnostic) {
    bool allowed = false;
    for (Allowance& each : all_) {
      if (each.code == diagnostics::info(diagnostic.kind).code && each.covers.valid() &&
          each.covers.file == diagnostic.span.file && each.covers.begin <= diagnostic.span.begin &&
          diagnostic.span.end <= each.covers.end) {
        each.used = allowed = true;
      }
    }
    return allowed;
  });
}

void Allowances::report_unneeded(diagnostics::Sink& sink) const {
  for (const Allowance& each : all_) {
    if (!each.used) {
      sink.report(Kind::UnneededAllowance, each.span, {each.code});
    }
  }
}

}  // namespace catalyst::driver
