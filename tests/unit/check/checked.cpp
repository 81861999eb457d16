#include "tests/unit/check/checked.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "compiler/check/check.h"
#include "compiler/frontend/parse.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify.h"
#include "tests/support/golden.h"

namespace catalyst::check {

Checked::Checked(const std::string& path, const std::string& text) {
  std::vector<ast::Ast> trees;
  trees.push_back(frontend::parse(sources, sources.add(path, text), sink));
  const SchemaReader reader = [](source::FileId, const std::string& schema) -> std::optional<std::string> {
    const std::string file = testing::repository_path("tests/golden/check/" + schema);
    return std::filesystem::exists(file) ? std::optional(testing::read_file(file)) : std::nullopt;
  };
  module = check(trees, sources, reader, sink);
  sink.sort();
  if (module != nullptr) {
    EXPECT_EQ(ir::verify(*module), std::vector<std::string>()) << path;
  }
}

std::string Checked::diagnostics() const {
  std::string out;
  for (const diagnostics::Diagnostic& diagnostic : sink.all()) {
    out += (out.empty() ? "" : "\n") + render(sources, diagnostic, diagnostics::Color::Never);
  }
  return out;
}

std::string Checked::codes() const {
  std::string out;
  for (const diagnostics::Diagnostic& diagnostic : sink.all()) {
    out += (out.empty() ? "" : " ") + std::string(diagnostics::info(diagnostic.kind).code);
  }
  return out;
}

std::string Checked::ir() const { return module == nullptr ? std::string() : ir::print(*module); }

}  // namespace catalyst::check
