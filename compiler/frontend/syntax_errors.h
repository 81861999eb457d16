#pragma once

#include "antlr4-runtime.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/frontend/scan.h"
#include "compiler/frontend/token_window.h"

namespace catalyst::frontend {

/// Says what the parser expected in the language's own words, at most once a declaration, and skips the rest
/// of the declaration. Tokens are never invented or dropped: guessing what was meant reads worse than one
/// clear message.
class SyntaxErrors final : public antlr4::ANTLRErrorStrategy {
 public:
  SyntaxErrors(const source::SourceMap& sources, source::FileId file, const TokenList& list,
               TokenWindow& window, diagnostics::Sink& sink)
      : sources_(sources), file_(file), list_(list), window_(window), sink_(sink) {}

  /// Before each declaration. `silent`: its mistakes are already reported.
  void begin(bool silent) {
    silent_ = silent;
    failed_ = false;
  }
  [[nodiscard]] bool failed() const { return failed_; }

  void reset(antlr4::Parser*) override {}
  antlr4::Token* recoverInline(antlr4::Parser* parser) override;
  void recover(antlr4::Parser*, std::exception_ptr) override { window_.skip_to_end(); }
  void sync(antlr4::Parser*) override {}
  bool inErrorRecoveryMode(antlr4::Parser*) override { return false; }
  void reportMatch(antlr4::Parser*) override {}
  void reportError(antlr4::Parser* parser, const antlr4::RecognitionException& error) override;

 private:
  const source::SourceMap& sources_;
  source::FileId file_;
  const TokenList& list_;
  TokenWindow& window_;
  diagnostics::Sink& sink_;
  bool silent_ = false;
  bool failed_ = false;
};

}  // namespace catalyst::frontend
