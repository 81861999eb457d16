#include "compiler/driver/analyze.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "compiler/check/check.h"
#include "compiler/driver/imports.h"
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

namespace {

namespace fs = std::filesystem;
constexpr size_t kFileBytesMax = size_t{16} << 20;

void collect_folder(const fs::path& folder, std::vector<std::string>& out) {
  std::error_code failure;
  auto it = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, failure);
  for (; !failure && it != fs::recursive_directory_iterator(); it.increment(failure)) {
    const std::string name = it->path().filename().string();
    if (it->is_directory(failure) && (name.front() == '.' || name == "node_modules")) {
      it.disable_recursion_pending();
    } else if (it->path().extension() == ".cata" && it->is_regular_file(failure)) {
      out.push_back(it->path().lexically_normal().string());
      if (out.size() > kPackFilesMax) {
        return;
      }
    }
  }
}

}  // namespace

Result<std::vector<std::string>> pack_files(const std::string& path) {
  std::error_code failure;
  std::vector<std::string> out;
  if (fs::is_regular_file(path, failure)) {
    out.push_back(path);
  } else if (fs::is_directory(path, failure)) {
    collect_folder(path, out);
  } else {
    return error(path + " does not exist");
  }
  if (out.size() > kPackFilesMax) {
    return error(path + " has more than " + std::to_string(kPackFilesMax) + " .cata files");
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::vector<SourceFile>> read_pack(const std::string& path) {
  const Result<std::vector<std::string>> files = pack_files(path);
  if (files.has_error()) {
    return files.error();
  }
  if (files->empty()) {
    return error("there is no .cata file in " + path);
  }
  std::vector<SourceFile> out;
  size_t bytes = 0;
  for (const std::string& file : *files) {
    std::error_code failure;
    if (fs::file_size(file, failure) > kFileBytesMax || failure) {
      return error(file + (failure ? " cannot be read" : " is larger than 16 MiB"));
    }
    std::optional<std::string> text = read_file(file);
    if (!text) {
      return error(file + " cannot be read");
    }
    bytes += text->size();
    if (bytes > kSourceBytesMax) {
      return error(path + " has more than " + std::to_string(kSourceBytesMax >> 20) + " MiB of sources");
    }
    out.push_back({file, std::move(*text)});
  }
  return out;
}

namespace {

/// The pack that a folder of the files declares.
struct Place {
  fs::path folder;
  const ast::PackDecl* pack;
};

std::vector<Place> packs_by_folder(const std::vector<ast::Ast>& trees, const source::SourceMap& sources) {
  std::vector<Place> out;
  for (const ast::Ast& tree : trees) {
    for (const ast::Decl* decl : tree.declarations) {
      const fs::path folder = fs::path(sources.path(tree.file)).lexically_normal().parent_path();
      const auto same = [&](const Place& place) { return place.folder == folder; };
      if (decl->kind == ast::DeclKind::Pack && std::none_of(out.begin(), out.end(), same)) {
        out.push_back({folder, static_cast<const ast::PackDecl*>(decl)});
      }
    }
  }
  return out;
}

bool is_inside(const fs::path& inner, const fs::path& outer) {
  return outer.empty() ||
         std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

/// Files of two packs taken for one contradict each other in every line, so nothing else is said.
void report_several(const std::vector<Place>& places, diagnostics::Sink& sink) {
  sink = diagnostics::Sink();
  const Place& first = places[0];
  const Place& second = places[1];
  auto& report = sink.report(diagnostics::Kind::SeveralPacks, second.pack->name.span,
                             {first.pack->name.text, second.pack->name.text});
  for (size_t i = 0; i < places.size(); ++i) {
    if (i != 1) {
      report.notes.push_back(
          {places[i].pack->name.span, i == 0 ? "the first one is here" : "another one is here"});
    }
  }
  const bool nested = is_inside(second.folder, first.folder) || is_inside(first.folder, second.folder);
  const fs::path& inner = is_inside(first.folder, second.folder) ? first.folder : second.folder;
  report.notes.push_back({{},
                          nested ? "a folder is one pack with everything below it: move `" + inner.string() +
                                       "` beside the other pack"
                                 : "name the folder of one: `catalyst check " + first.folder.string() +
                                       "` or `catalyst check " + second.folder.string() + "`"});
}

/// Who gave up in the middle says much that is not so: only that it gave up is told, and where.
void report_costly(const Budget& budget, diagnostics::Sink& sink) {
  const auto& all = sink.all();
  const auto said = std::find_if(all.begin(), all.end(), [](const diagnostics::Diagnostic& each) {
    return each.kind == diagnostics::Kind::TooCostly;
  });
  const source::Span place = said == all.end() ? source::Span() : said->span;
  sink = diagnostics::Sink();
  sink.report(diagnostics::Kind::TooCostly, place, {diagnostics::quantity(budget)});
}

}  // namespace

Analysis analyze(std::vector<SourceFile> files, const AnalyzeOptions& options) {
  const Budget budget(options.budget);
  Analysis analysis;
  std::vector<ast::Ast> trees;
  for (SourceFile& file : files) {
    const size_t bytes = file.text.size();
    const source::FileId id = analysis.sources.add(std::move(file.path), std::move(file.text));
    if (!Budget::spend(bytes)) {
      analysis.diagnostics.report(diagnostics::Kind::TooCostly, source::Span{id, 0, 0},
                                  {diagnostics::quantity(budget)});
      break;
    }
    trees.push_back(frontend::parse(analysis.sources, id, analysis.diagnostics));
  }
  if (const std::vector<Place> places = packs_by_folder(trees, analysis.sources); places.size() > 1) {
    report_several(places, analysis.diagnostics);
    analysis.imported.resize(analysis.sources.size());
    return analysis;
  }
  const check::SchemaReader reader = [&](source::FileId declaring, const std::string& path) {
    const std::string resolved = resolve(analysis.sources.path(declaring), path);
    return options.read_schema ? options.read_schema(resolved) : read_file(resolved);
  };
  analysis.imported.resize(analysis.sources.size());
  const check::Imports imports = load_imports(trees, analysis, options);
  if (budget.spent() == Budget::Spent::No) {
    analysis.module =
        check::check(trees, imports, analysis.sources, reader, analysis.diagnostics, options.schemas);
  }
  if (options.schemas != nullptr) {
    options.schemas->forget_unread();
  }
  if (budget.spent() != Budget::Spent::No) {
    report_costly(budget, analysis.diagnostics);
    analysis.module = nullptr;
    return analysis;
  }
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
