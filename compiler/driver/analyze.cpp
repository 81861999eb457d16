#include "compiler/driver/analyze.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "compiler/check/check.h"
#include "compiler/frontend/parse.h"
#include "compiler/ir/verify.h"
#include "runtime/base/check.h"

namespace catalyst::driver {
namespace {

std::optional<std::string> read_file(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) {
    return std::nullopt;
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return file ? std::optional(std::move(text).str()) : std::nullopt;
}

/// A schema's path is relative to the file that names it.
std::string resolve(std::string_view declaring, const std::string& path) {
  const std::filesystem::path named(path);
  return named.is_absolute()
             ? path
             : (std::filesystem::path(declaring).parent_path() / named).lexically_normal().string();
}

}  // namespace

Analysis analyze(std::vector<SourceFile> files, const AnalyzeOptions& options) {
  Analysis analysis;
  std::vector<ast::Ast> trees;
  for (SourceFile& file : files) {
    const source::FileId id = analysis.sources.add(std::move(file.path), std::move(file.text));
    trees.push_back(frontend::parse(analysis.sources, id, analysis.diagnostics));
  }
  const check::SchemaReader reader = [&](source::FileId declaring, const std::string& path) {
    const std::string resolved = resolve(analysis.sources.path(declaring), path);
    return options.read_schema ? options.read_schema(resolved) : read_file(resolved);
  };
  analysis.module = check::check(trees, analysis.sources, reader, analysis.diagnostics);
  analysis.allowances = Allowances(trees, analysis.sources, analysis.diagnostics);
  analysis.allowances.apply(analysis.diagnostics);
  analysis.diagnostics.sort();
  if (analysis.module != nullptr) {
    const std::vector<std::string> problems = ir::verify(*analysis.module);
    CHECK(problems.empty(), problems.empty() ? "" : problems.front().c_str());
  }
  return analysis;
}

}  // namespace catalyst::driver
