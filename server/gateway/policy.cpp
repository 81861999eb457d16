#include "server/gateway/policy.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "compiler/driver/compile.h"
#include "compiler/pack/module_codec.h"

namespace catalyst::server {
namespace {

constexpr size_t kTextBytesMax = size_t{16} * 1024 * 1024;

std::optional<std::string> read_whole(const std::string& path, size_t limit) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in || in.tellg() < 0 || static_cast<size_t>(in.tellg()) > limit) {
    return std::nullopt;
  }
  in.seekg(0);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The files, and those below the folders.
std::vector<std::string> expand(const std::vector<std::string>& paths, std::string& failure) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) {
      out.push_back(path);
      continue;
    }
    const auto files = driver::pack_files(path);
    if (files.has_error()) {
      failure += files.error().message() + "\n";
    } else if (files->empty()) {
      failure += "there is no .cata file in " + path + "\n";
    } else {
      out.insert(out.end(), files->begin(), files->end());
    }
  }
  return out;
}

void read_pack(const std::vector<std::string>& files, const std::string& file, const std::string& bytes,
               const driver::LoadOptions& options, PolicyReading& out) {
  if (files.size() > 1) {
    out.failure += file + " is a pack, and a pack stands alone: it is a whole policy\n";
    return;
  }
  auto policy = open_policy(bytes, options);
  if (policy.has_error()) {
    out.failure += file + ": " + policy.error().message() + "\n";
    return;
  }
  out.from_pack = std::move(*policy);
}

}  // namespace

std::shared_ptr<Policy> make_policy(std::shared_ptr<const driver::Analysis> analysis) {
  auto out = std::make_shared<Policy>();
  out->pack = std::make_shared<const decision::Pack>(driver::compile_packed(*analysis));
  out->analysis = std::move(analysis);
  return out;
}

Result<std::shared_ptr<Policy>> open_policy(std::string_view bytes, const driver::LoadOptions& options) {
  auto loaded = driver::load_pack(bytes, options);
  if (loaded.has_error()) {
    return loaded.error();
  }
  std::shared_ptr<Policy> out = make_policy(std::move(loaded->analysis));
  out->sequence = loaded->manifest.sequence;
  out->digest = pack::hex(loaded->digest);
  out->signed_by = std::move(loaded->signed_by);
  out->schemas = std::move(loaded->schemas);
  out->native = std::move(loaded->native);
  out->native_unused = std::move(loaded->native_unused);
  return out;
}

PolicyReading read_policy(const std::vector<std::string>& files, const driver::LoadOptions& options,
                          check::SchemaCache& schemas) {
  const std::string missing("\0missing", 8);
  PolicyReading out;
  std::vector<driver::SourceFile> sources;
  size_t bytes = 0;
  for (const std::string& file : expand(files, out.failure)) {
    std::optional<std::string> text = read_whole(file, options.limits.file_bytes);
    out.texts.emplace_back(file, text.value_or(missing));
    if (!text) {
      out.failure += "cannot read " + file + "\n";
    } else if (driver::is_pack(*text)) {
      read_pack(files, file, *text, options, out);
    } else if (text->size() > kTextBytesMax) {
      out.failure += file + " is larger than " + std::to_string(kTextBytesMax) + " bytes\n";
    } else if (bytes += text->size(); bytes > driver::kSourceBytesMax) {
      out.failure +=
          "the policy files have more than " + std::to_string(driver::kSourceBytesMax >> 20) + " MiB\n";
      break;
    } else {
      sources.push_back({file, std::move(*text)});
    }
  }
  if (!out.failure.empty() || out.from_pack != nullptr) {
    return out;
  }
  driver::AnalyzeOptions reading;
  reading.schemas = &schemas;
  reading.budget = options.budget;
  reading.read_schema = [&out, &missing](const std::string& path) {
    std::optional<std::string> text = read_whole(path, kTextBytesMax);
    out.texts.emplace_back(path, text.value_or(missing));
    return text;
  };
  reading.read_pack = [&out, &missing](const std::string& path) -> Result<std::vector<driver::SourceFile>> {
    Result<std::vector<driver::SourceFile>> found = driver::read_pack(path);
    if (found.has_error()) {
      out.texts.emplace_back(path, missing);
      return found;
    }
    for (const driver::SourceFile& file : *found) {
      out.texts.emplace_back(file.path, file.text);
    }
    return found;
  };
  out.analysis = std::make_shared<driver::Analysis>(driver::analyze(std::move(sources), reading));
  return out;
}

}  // namespace catalyst::server
