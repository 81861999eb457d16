#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/diagnostics/diagnostic.h"
#include "compiler/ir/ir.h"
#include "compiler/source/source.h"

namespace catalyst::check {

/// A source, read and checked. Schemas are read from tests/golden/check/, and so are further files of its
/// pack, each named by a line `// WITH: PATH`. A line `// BUDGET: 0 ms` is what reading and checking
/// may take; the clock is looked at now and then.
struct Checked {
  Checked(const std::string& path, const std::string& text);

  /// Every diagnostic as a terminal shows it.
  [[nodiscard]] std::string diagnostics() const;
  /// "E0402 W0101", in order.
  [[nodiscard]] std::string codes() const;
  /// The module's text; "" when there is none.
  [[nodiscard]] std::string ir() const;

  source::SourceMap sources;
  diagnostics::Sink sink;
  std::shared_ptr<ir::Module> module;
};

}  // namespace catalyst::check
