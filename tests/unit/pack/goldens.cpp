#include "tests/unit/pack/goldens.h"

#include <algorithm>
#include <filesystem>

#include "tests/support/golden.h"

namespace catalyst::pack::testing {

namespace fs = std::filesystem;
using catalyst::testing::read_file;
using catalyst::testing::repository_path;

const std::vector<std::pair<std::string, driver::PackBuild>>& golden_packs() {
  static const auto kPacks = [] {
    std::vector<std::string> paths = {repository_path("examples/quickstart/policy.cata")};
    for (const char* folder : {"check", "fmt", "run"}) {
      for (const auto& entry :
           fs::directory_iterator(repository_path(std::string("tests/golden/") + folder))) {
        if (entry.path().extension() == ".cata") {
          paths.push_back(entry.path().string());
        }
      }
    }
    std::sort(paths.begin(), paths.end());
    std::vector<std::pair<std::string, driver::PackBuild>> out;
    for (const std::string& path : paths) {
      driver::AnalyzeOptions options;
      options.read_schema = [&](const std::string& schema) -> std::optional<std::string> {
        const fs::path file = fs::path(path).parent_path() / schema;
        return fs::exists(file) ? std::optional(read_file(file.string())) : std::nullopt;
      };
      driver::PackSources sources;
      sources.files = {{fs::path(path).filename().string(), read_file(path)}};
      driver::PackBuild built = driver::build_pack(std::move(sources), options);
      if (built.analysis.module != nullptr) {
        out.emplace_back(path, std::move(built));
      }
    }
    return out;
  }();
  return kPacks;
}

}  // namespace catalyst::pack::testing
