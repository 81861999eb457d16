#include <gtest/gtest.h>

#include <sstream>

#include "compiler/ast/print.h"
#include "compiler/frontend/format.h"
#include "compiler/frontend/parse.h"
#include "tests/support/golden.h"

namespace catalyst::frontend {
namespace {

using testing::GoldenSource;

/// `// LIMIT: nesting=8` lines of a golden lower the limits, so that no golden needs a megabyte to exceed
/// one.
ParseLimits limits_of(const std::string& text) {
  ParseLimits limits;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find('=');
    if (line.rfind("// LIMIT: ", 0) != 0 || equals == std::string::npos) {
      continue;
    }
    const std::string name = line.substr(10, equals - 10);
    const auto value = static_cast<uint32_t>(std::stoul(line.substr(equals + 1)));
    (name == "source_bytes" ? limits.source_bytes
     : name == "nesting"    ? limits.nesting
     : name == "tokens"     ? limits.tokens
                            : limits.diagnostics) = value;
  }
  return limits;
}

struct Parsed {
  explicit Parsed(const GoldenSource& golden)
      : file(sources.add(golden.path, golden.text)),
        tree(parse(sources, file, sink, limits_of(golden.text))) {
    sink.sort();
  }
  source::SourceMap sources;
  source::FileId file;
  diagnostics::Sink sink;
  ast::Ast tree;
};

std::string diagnostics_of(const GoldenSource& golden) {
  const Parsed parsed(golden);
  std::string out;
  for (const diagnostics::Diagnostic& diagnostic : parsed.sink.all()) {
    out += (out.empty() ? "" : "\n") + render(parsed.sources, diagnostic, diagnostics::Color::Never);
  }
  return out;
}

std::string ast_of(const GoldenSource& golden) { return ast::print(Parsed(golden).tree); }

std::string format_of(const GoldenSource& golden) {
  const Parsed parsed(golden);
  if (parsed.sink.has_errors()) {
    return "does not parse\n" + diagnostics_of(golden);
  }
  const std::string once = format(parsed.sources, parsed.tree);
  const Parsed again({golden.path, once});
  EXPECT_EQ(diagnostics_of({golden.path, once}), "") << once;
  EXPECT_EQ(ast::print(again.tree), ast::print(parsed.tree)) << once;
  EXPECT_EQ(format(again.sources, again.tree), once) << "formatting twice changes the text again";
  return once;
}

const bool kRegistered = testing::register_goldens({
                             .name = "GoldenParse",
                             .directory = "tests/golden/parse",
                             .sections = {{"diagnostics", diagnostics_of}, {"ast", ast_of}},
                             .defaults = {"diagnostics", "ast"},
                         }) &&
                         testing::register_goldens({
                             .name = "GoldenFormat",
                             .directory = "tests/golden/fmt",
                             .sections = {{"fmt", format_of}},
                             .defaults = {"fmt"},
                         });

}  // namespace
}  // namespace catalyst::frontend
