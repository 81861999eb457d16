#pragma once

#include <span>
#include <string>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/source/source.h"

namespace catalyst::driver {

/// The comments `// allow(W0304): reason` of a pack. One covers the declaration that it stands in front of
/// (or in).
class Allowances {
 public:
  Allowances() = default;
  /// Reads them; one that can allow nothing (no reason, no such warning) is reported to `sink`.
  Allowances(std::span<const ast::Ast> trees, const source::SourceMap& sources, diagnostics::Sink& sink);

  /// Takes the warnings that are allowed out of `sink`.
  void apply(diagnostics::Sink& sink);
  /// Reports what has allowed nothing. Only of use when every stage has reported.
  void report_unneeded(diagnostics::Sink& sink) const;

 private:
  struct Allowance {
    source::Span span;
    std::string code;
    source::Span covers;
    bool used = false;
  };
  void read_file(const ast::Ast& tree, const source::SourceMap& sources, diagnostics::Sink& sink);

  std::vector<Allowance> all_;
};

}  // namespace catalyst::driver
