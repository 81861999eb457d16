#include "tests/unit/check/checked.h"

#include <filesystem>
#include <sstream>
#include <string_view>

#include "compiler/driver/analyze.h"
#include "compiler/ir/print.h"
#include "tests/support/golden.h"

namespace catalyst::check {

namespace {

std::string in_goldens(const std::string& path) {
  return testing::repository_path("tests/golden/check/" + path);
}

driver::Analysis analyze(const std::string& path, const std::string& text) {
  driver::AnalyzeOptions options;
  options.read_schema = [](const std::string& schema) -> std::optional<std::string> {
    const std::string file = in_goldens(schema);
    return std::filesystem::exists(file) ? std::optional(testing::read_file(file)) : std::nullopt;
  };
  options.read_pack = [](const std::string& pack) -> Result<std::vector<driver::SourceFile>> {
    auto files = driver::read_pack(in_goldens(pack));
    if (files.has_error()) {
      return error("it does not exist");
    }
    for (driver::SourceFile& file : *files) {
      file.path.erase(0, in_goldens("").size());
    }
    return files;
  };
  std::vector<driver::SourceFile> files{{path, text}};
  static constexpr std::string_view kWith = "// WITH: ";
  static constexpr std::string_view kBudget = "// BUDGET: ";
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kBudget)) {
      options.budget.cpu_ms = std::atoi(line.c_str() + kBudget.size());
    }
    if (line.starts_with(kWith)) {
      const std::string other = line.substr(kWith.size());
      files.push_back({other, testing::read_file(in_goldens(other))});
    }
  }
  return driver::analyze(std::move(files), options);
}

}  // namespace

Checked::Checked(const std::string& path, const std::string& text) {
  driver::Analysis analysis = analyze(path, text);
  sources = std::move(analysis.sources);
  sink = std::move(analysis.diagnostics);
  module = std::move(analysis.module);
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
