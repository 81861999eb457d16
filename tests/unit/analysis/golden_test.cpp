#include <gtest/gtest.h>

#include <filesystem>

#include "compiler/driver/find.h"
#include "tests/support/golden.h"

namespace catalyst::analysis {
namespace {

using testing::GoldenSource;

std::optional<std::string> read_schema(const std::string& path) {
  const std::string file =
      testing::repository_path("tests/golden/check/schemas/" + path.substr(path.rfind('/') + 1));
  return std::filesystem::exists(file) ? std::optional(testing::read_file(file)) : std::nullopt;
}

/// What the source says of it in its first line: `// BUDGET: 0 ms`.
Budget::Limits proof_budget(const std::string& text) {
  static constexpr std::string_view kBudget = "// BUDGET: ";
  Budget::Limits out;
  if (text.starts_with(kBudget)) {
    out.cpu_ms = std::atoi(text.c_str() + kBudget.size());
  }
  return out;
}

std::string findings(const GoldenSource& golden) {
  driver::AnalyzeOptions options;
  options.read_schema = read_schema;
  driver::Analysis analysis = driver::analyze({{golden.path, golden.text}}, options);
  Memory memory;
  driver::add_findings(analysis, memory, proof_budget(golden.text));
  std::string out;
  for (const diagnostics::Diagnostic& diagnostic : analysis.diagnostics.all()) {
    out += (out.empty() ? "" : "\n") + render(analysis.sources, diagnostic, diagnostics::Color::Never);
  }
  return out;
}

const bool kRegistered = testing::register_goldens({.name = "AnalysisGolden",
                                                    .directory = "tests/golden/analysis",
                                                    .sections = {{"findings", findings}},
                                                    .defaults = {"findings"}});

}  // namespace
}  // namespace catalyst::analysis
