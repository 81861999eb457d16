#include "server/commands/sources.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "compiler/driver/packs.h"
#include "server/commands/terminal.h"

namespace catalyst::server {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_stream(std::istream& in, const std::string& path, size_t limit) {
  std::string text;
  char block[64 * 1024];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    text.append(block, static_cast<size_t>(in.gcount()));
    if (text.size() > limit) {
      return error(path + " is larger than " + std::to_string(limit) + " bytes");
    }
  }
  return text;
}

Result<driver::Analysis> analysis_of_pack(const std::string& file, const std::string& bytes,
                                          const Budget::Limits& bounds) {
  driver::LoadOptions options;
  options.budget = bounds;
  auto loaded = driver::load_pack(bytes, options);
  if (loaded.has_error()) {
    return add_context(loaded.error(), file);
  }
  return std::move(*loaded->analysis);
}

}  // namespace

Result<std::string> read_file(const std::string& path, size_t limit) {
  if (path == "-") {
    return read_stream(std::cin, "standard input", limit);
  }
  std::error_code failure;
  if (!fs::is_regular_file(path, failure)) {
    return error(fs::exists(path, failure) ? path + " is not a file" : path + " does not exist");
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return error({errno, boost::system::system_category()}, "cannot read " + path);
  }
  return read_stream(in, path, limit);
}

Result<void> write_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".tmp" + std::to_string(getpid());
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << text;
    out.flush();
    if (!out) {
      std::remove(temporary.c_str());
      return error({errno, boost::system::system_category()}, "cannot write " + path);
    }
  }
  std::error_code failure;
  if (fs::exists(path, failure)) {
    fs::permissions(temporary, fs::status(path, failure).permissions(), failure);
  }
  fs::rename(temporary, path, failure);
  if (failure) {
    std::remove(temporary.c_str());
    return error(failure, "cannot write " + path);
  }
  return {};
}

Result<std::vector<std::string>> find_sources(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  std::error_code failure;
  for (const std::string& argument : arguments.empty() ? std::vector<std::string>{"."} : arguments) {
    if (argument == "-" || fs::is_regular_file(argument, failure)) {
      out.push_back(argument);
    } else if (const auto found = driver::pack_files(argument); found.has_value()) {
      out.insert(out.end(), found->begin(), found->end());
    } else {
      const bool something_else = fs::exists(argument, failure) && !fs::is_directory(argument, failure);
      return something_else ? error(argument + " is neither a file nor a folder") : found.error();
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (out.empty()) {
    return error("no .cata file found; `catalyst new DIR` makes a first one");
  }
  return out;
}

Result<driver::Analysis> analyze_files(const std::vector<std::string>& files, const Budget::Limits& bounds) {
  std::vector<driver::SourceFile> sources;
  size_t bytes = 0;
  for (const std::string& file : files) {
    Result<std::string> text = read_file(file);
    if (text.has_error()) {
      return text.error();
    }
    if (driver::is_pack(*text)) {
      return files.size() == 1 ? analysis_of_pack(file, *text, bounds)
                               : error(file + " is a pack, and a pack stands alone: it is a whole policy");
    }
    bytes += text->size();
    if (bytes > driver::kSourceBytesMax) {
      return error("the files have more than " + std::to_string(driver::kSourceBytesMax >> 20) + " MiB");
    }
    sources.push_back({file == "-" ? "<stdin>" : file, std::move(*text)});
  }
  driver::AnalyzeOptions options;
  options.budget = bounds;
  return driver::analyze(std::move(sources), options);
}

void print_diagnostics(const driver::Analysis& analysis) {
  const auto color = use_color(STDERR_FILENO) ? diagnostics::Color::Always : diagnostics::Color::Never;
  size_t warnings = 0;
  for (const diagnostics::Diagnostic& diagnostic : analysis.diagnostics.all()) {
    const std::string text = diagnostics::render(analysis.sources, diagnostic, color);
    std::fprintf(stderr, "%s\n", text.c_str());
    warnings += diagnostics::info(diagnostic.kind).severity == diagnostics::Severity::Warning ? 1 : 0;
  }
  const size_t errors = analysis.diagnostics.error_count();
  if (errors + warnings > 0) {
    const std::string of_errors = errors == 0 ? "" : counted(errors, "error");
    const std::string of_warnings = warnings == 0 ? "" : counted(warnings, "warning");
    std::fprintf(stderr, "%s%s%s%s\n", of_errors.c_str(), errors * warnings == 0 ? "" : ", ",
                 of_warnings.c_str(), analysis.diagnostics.dropped() > 0 ? " (and more)" : "");
  }
}

std::string diagnostics_json(const driver::Analysis& analysis) {
  std::string out = "[";
  for (const diagnostics::Diagnostic& diagnostic : analysis.diagnostics.all()) {
    out += out.size() > 1 ? "," : "";
    out += diagnostics::to_json(analysis.sources, diagnostic);
  }
  return out + "]";
}

std::string counted(size_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

void print_error(const std::string& message) { std::fprintf(stderr, "catalyst: %s\n", message.c_str()); }

}  // namespace catalyst::server
