#include "compiler/driver/packs.h"

#include <algorithm>
#include <map>
#include <utility>

#include "compiler/pack/module_codec.h"
#include "compiler/pack/refusal.h"

namespace catalyst::driver {
namespace {

using pack::Refusal;

Error no_longer_compiles(const pack::Opened& opened, const Analysis& analysis) {
  const auto& all = analysis.diagnostics.all();
  const auto first = std::find_if(all.begin(), all.end(), [](const diagnostics::Diagnostic& each) {
    return diagnostics::info(each.kind).severity == diagnostics::Severity::Error;
  });
  return pack::refuse(Refusal::UnknownFormat, "built by version " + opened.manifest.compiler +
                                                  ", and its sources do not compile here: " +
                                                  (first == all.end() ? "" : first->message));
}

/// The pack's own sources through the compiler of this version.
Analysis compile_again(const pack::Contents& contents, const Budget::Limits& budget) {
  std::map<std::string, const std::string*> schemas;
  for (const pack::SourceText& schema : contents.schemas) {
    schemas[schema.path] = &schema.text;
  }
  AnalyzeOptions options;
  options.budget = budget;
  options.read_schema = [&](const std::string& path) {
    const auto found = schemas.find(path);
    return found == schemas.end() ? std::nullopt : std::optional(*found->second);
  };
  options.read_pack = [&](const std::string& path) -> Result<std::vector<SourceFile>> {
    std::vector<SourceFile> files;
    for (const pack::SourceText& source : contents.sources) {
      if (source.imported == path) {
        files.push_back({source.path, source.text});
      }
    }
    return files.empty() ? Result<std::vector<SourceFile>>(error("it is not in the pack")) : files;
  };
  std::vector<SourceFile> files;
  for (const pack::SourceText& source : contents.sources) {
    if (source.imported.empty()) {
      files.push_back({source.path, source.text});
    }
  }
  return analyze(std::move(files), options);
}

}  // namespace

bool is_pack(std::string_view bytes) { return bytes.starts_with("CATPACK"); }

PackBuild build_pack(PackSources sources, const AnalyzeOptions& options) {
  std::map<std::string, std::string> schemas;  // sorted: the order of reading is nobody's business
  AnalyzeOptions recording = options;
  recording.read_schema = [&](const std::string& path) {
    std::optional<std::string> text = options.read_schema(path);
    if (text) {
      schemas[path] = *text;
    }
    return text;
  };
  PackBuild out;
  out.analysis = analyze(std::move(sources.files), recording);
  if (out.analysis.module == nullptr) {
    return out;
  }
  const ir::Module& module = *out.analysis.module;
  pack::BuildInput& input = out.input;
  input.module = &module;
  for (uint32_t i = 0; i < out.analysis.sources.size(); i++) {
    const source::FileId file(i);
    input.sources.push_back({std::string(out.analysis.sources.path(file)),
                             std::string(out.analysis.sources.text(file)), out.analysis.imported[i]});
  }
  for (auto& [path, text] : schemas) {
    input.schemas.push_back({path, std::move(text), {}});
  }
  input.sequence = sources.sequence.value_or(pack::sequence_of(module.pack_version));
  input.compiler = std::move(sources.compiler);
  out.bytes = pack::build(input);
  return out;
}

Result<LoadedPack> load_pack(std::string_view bytes, const LoadOptions& options) {
  const auto opened = pack::open(bytes, options.limits);
  if (opened.has_error()) {
    return opened.error();
  }
  auto signed_by = pack::check_trust(*opened, options.trust);
  if (signed_by.has_error()) {
    return signed_by.error();
  }
  auto contents = pack::read(*opened, options.limits);
  if (contents.has_error()) {
    return add_context(contents.error(), pack::title(*opened));
  }
  LoadedPack out;
  out.recompiled = contents->module == nullptr;
  if (out.recompiled) {
    out.analysis = std::make_shared<Analysis>(compile_again(*contents, options.budget));
    if (out.analysis->module == nullptr) {
      return no_longer_compiles(*opened, *out.analysis);
    }
  } else {
    out.analysis = std::make_shared<Analysis>();
    for (pack::SourceText& source : contents->sources) {
      out.analysis->imported.push_back(std::move(source.imported));
      out.analysis->sources.add(std::move(source.path), std::move(source.text));
    }
    out.analysis->module = std::move(contents->module);
  }
  out.manifest = opened->manifest;
  out.digest = opened->digest;
  out.signed_by = std::move(*signed_by);
  out.schemas = std::move(contents->schemas);
  if (const std::string_view native = opened->part(pack::kNativePart); !native.empty()) {
    out.native_unused = out.signed_by.empty() ? "no trusted key signed it"
                        : !options.use_native ? "`native.from_packs` says so"
                                              : "";
    out.native = out.native_unused.empty() ? native : std::string_view();
  }
  return out;
}

}  // namespace catalyst::driver
