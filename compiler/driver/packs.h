#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/driver/analyze.h"
#include "compiler/pack/pack.h"
#include "compiler/pack/sign.h"
#include "runtime/base/result.h"

namespace catalyst::driver {

/// Do the bytes begin as a pack does?
bool is_pack(std::string_view bytes);

/// What goes into a pack: sources and, as they name them, schemas. Paths are relative to one folder, so that
/// the place of that folder does not show.
struct PackSources {
  std::vector<SourceFile> files;
  std::optional<uint64_t> sequence;  // default: follows from the version
  std::string compiler;              // version of the program that builds
};

struct PackBuild {
  Analysis analysis;  // diagnostics; without a module there are no bytes
  std::string bytes;
  pack::BuildInput input;  // what the bytes were made from
};
/// Analyses the sources and packs them. `options` reads the schemas.
PackBuild build_pack(PackSources sources, const AnalyzeOptions& options);

struct LoadOptions {
  pack::Limits limits;
  pack::Trust trust;
  Budget::Limits budget;   // of compiling, where it is the sources that are read
  bool use_native = true;  // give the native code of packs that trusted keys signed
};

struct LoadedPack {
  std::shared_ptr<Analysis> analysis;  // with a module
  pack::Manifest manifest;
  pack::Digest digest{};
  std::vector<std::string> signed_by;  // trusted keys
  std::vector<pack::SourceText> schemas;
  std::string native;         // the part with native code, when a trusted key signed the pack
  std::string native_unused;  // why there is one that is not given
  bool recompiled = false;    // built by another version: its sources were compiled here
};
/// Verifies everything about a pack and makes it ready to compile. Errors carry a pack::Refusal.
Result<LoadedPack> load_pack(std::string_view bytes, const LoadOptions& options = {});

}  // namespace catalyst::driver
