// bench_reload_pack FOLDER RULES: writes a pack of that many rules (those of bench decide) with its schemas,
// in one file policy.cata, for ./dev bench reload.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/bench/decide/policy.h"
#include "tests/bench/decide/workload.h"

namespace catalyst::bench {
namespace {

bool write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  return file.good();
}

int run(const std::filesystem::path& folder, uint32_t rules) {
  const Workload workload = make_workload(rules, 1);
  std::string policy;
  for (const std::string& part : policy_texts(workload)) {
    policy += part;
  }
  bool good = write(folder / "policy.cata", policy);
  for (const std::string& server : workload.servers) {
    good = write(folder / (server + ".json"), schema_text(workload, server)) && good;
  }
  if (!good) {
    std::fprintf(stderr, "cannot write to %s\n", folder.c_str());
  }
  return good ? 0 : 3;
}

}  // namespace
}  // namespace catalyst::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_reload_pack FOLDER RULES\n");
    return 2;
  }
  return catalyst::bench::run(argv[1], static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)));
}
