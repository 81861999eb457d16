#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostic.h"
#include "compiler/driver/allowances.h"
#include "compiler/ir/ir.h"
#include "compiler/source/source.h"

namespace catalyst::driver {

struct SourceFile {
  std::string path;
  std::string text;
};

struct AnalyzeOptions {
  /// Reads a schema file named by a `server ... schema "PATH"` declaration; `path` is already resolved
  /// against the folder of the declaring file. nullopt: not there. Default: the file system.
  std::function<std::optional<std::string>(const std::string& path)> read_schema;
};

/// What came out of sources: a module when there were no errors, and every diagnostic.
struct Analysis {
  source::SourceMap sources;
  diagnostics::Sink diagnostics;
  std::shared_ptr<ir::Module> module;  // nullptr when there are errors
  Allowances allowances;               // warnings that the sources allow, taken out already
};

/// Parses and checks all files of one pack. No LLVM. Never throws; bad sources end in diagnostics.
Analysis analyze(std::vector<SourceFile> files, const AnalyzeOptions& options = {});

}  // namespace catalyst::driver
