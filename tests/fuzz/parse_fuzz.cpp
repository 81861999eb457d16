// Any text through the parser: ends in a tree or in diagnostics that can be shown. What parses is formatted,
// and the result parses to the same tree and formats to itself.

#include <cstddef>
#include <cstdint>
#include <string>

#include "compiler/ast/print.h"
#include "compiler/frontend/format.h"
#include "compiler/frontend/parse.h"
#include "runtime/base/check.h"

namespace {

using namespace catalyst;

struct Parsed {
  Parsed(std::string text, const frontend::ParseLimits& limits)
      : file(sources.add("fuzz.cata", std::move(text))), tree(frontend::parse(sources, file, sink, limits)) {}
  source::SourceMap sources;
  source::FileId file;
  diagnostics::Sink sink;
  ast::Ast tree;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  frontend::ParseLimits limits;
  limits.nesting = 24;  // within reach of the fuzzer
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Parsed first(text, limits);
  for (const diagnostics::Diagnostic& each : first.sink.all()) {
    render(first.sources, each, diagnostics::Color::Always);
    to_json(first.sources, each);
  }
  if (first.sink.has_errors()) {
    return 0;
  }
  // Canonical layout may use more parentheses than the author did.
  limits.nesting = 256;
  const std::string written = frontend::format(first.sources, first.tree);
  const Parsed second(written, limits);
  CHECK(!second.sink.has_errors(), "formatted text parses");
  CHECK(ast::print(second.tree) == ast::print(first.tree), "formatting keeps the meaning");
  CHECK(frontend::format(second.sources, second.tree) == written, "formatting again changes nothing");
  return 0;
}
