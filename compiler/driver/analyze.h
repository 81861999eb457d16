#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/check/schema.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/driver/allowances.h"
#include "compiler/ir/ir.h"
#include "compiler/source/source.h"
#include "runtime/base/budget.h"
#include "runtime/base/result.h"

namespace catalyst::driver {

struct SourceFile {
  std::string path;
  std::string text;
};

struct AnalyzeOptions {
  /// Reads a schema file named by a `server ... schema "PATH"` declaration; `path` is already resolved
  /// against the folder of the declaring file. nullopt: not there. Default: the file system.
  std::function<std::optional<std::string>(const std::string& path)> read_schema;
  /// The files are a module of the library: their functions may be the host's.
  bool library = false;
  /// Reads the files of a pack named by `import ... from "PATH"`; `path` is resolved likewise. Default:
  /// read_pack.
  std::function<Result<std::vector<SourceFile>>(const std::string& path)> read_pack;
  /// For who analyzes again and again: remembers the schemas between two calls. Not owned; one call at a
  /// time.
  check::SchemaCache* schemas = nullptr;
  /// What reading and checking may take, all files and imports together. Beyond it the only diagnostic is
  /// E0227.
  Budget::Limits budget;
};

/// The `.cata` files of the pack at `path`: of a folder all below it (hidden folders and node_modules left
/// out), else the file itself. Sorted. An error when there is no such path, or more than kPackFilesMax.
Result<std::vector<std::string>> pack_files(const std::string& path);
inline constexpr size_t kPackFilesMax = 1'000;
/// Of all texts that are compiled together, imports included: a hundred thousand rules have a tenth of it.
inline constexpr size_t kSourceBytesMax = size_t{128} << 20;
/// The same with their texts, each at most 16 MiB, together kSourceBytesMax. An error when there is no file.
Result<std::vector<SourceFile>> read_pack(const std::string& path);

/// What came out of sources: a module when there were no errors, and every diagnostic.
struct Analysis {
  source::SourceMap sources;
  diagnostics::Sink diagnostics;
  std::shared_ptr<ir::Module> module;  // nullptr when there are errors
  /// By file: "" of the pack itself, else the resolved path of the imported pack it belongs to; kLibraryFile
  /// when the library brought it.
  std::vector<std::string> imported;
  static constexpr std::string_view kLibraryFile = "<library>";
  Allowances allowances;  // warnings that the sources allow, taken out already
};

/// Parses and checks all files of one pack. No LLVM. Never throws; bad sources end in diagnostics, costly
/// ones too. The thread must have no Budget.
Analysis analyze(std::vector<SourceFile> files, const AnalyzeOptions& options = {});

}  // namespace catalyst::driver
