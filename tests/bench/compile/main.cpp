// bench_compile [FILE.json]: what README.md says, for packs of growing size.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "compiler/codegen/native.h"
#include "compiler/driver/analyze.h"
#include "compiler/driver/compile.h"
#include "compiler/driver/find.h"
#include "compiler/driver/packs.h"
#include "compiler/ir/unit_builder.h"
#include "runtime/decision/engine.h"
#include "tests/bench/decide/policy.h"
#include "tests/bench/decide/workload.h"

namespace catalyst::bench {
namespace {

struct Row {
  std::string metric;
  double value = 0;
  const char* unit = "";
  double bar = 0;  // 0: none
};

/// What checking a thousand rules may take, and checking them again after one was edited.
constexpr uint32_t kCheckRules = 1'000;
constexpr double kCheckMs = 10'000;
constexpr double kCheckAgainMs = 200;

/// What ten thousand rules may take on one core.
constexpr uint32_t kBarRules = 10'000;
constexpr double kFrontEndMs = 1000;
constexpr double kFirstDecisionMs = 1200;  // from sources
constexpr double kLoadMs = 100;            // from a pack, to the first decision
constexpr double kNativeMs = 5000;
constexpr double kMemoryMib = 150;

double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

driver::AnalyzeOptions options_of(const Workload& workload) {
  driver::AnalyzeOptions options;
  options.read_schema = [&](const std::string& path) -> std::optional<std::string> {
    const std::string file = path.substr(path.rfind('/') + 1);  // the whole path when there is no slash
    return schema_text(workload, file.substr(0, file.size() - 5));
  };
  return options;
}

std::vector<driver::SourceFile> files_of(const Workload& workload) {
  std::vector<driver::SourceFile> files;
  for (std::string& text : policy_texts(workload)) {
    files.push_back({"bench" + std::to_string(files.size()) + ".cata", std::move(text)});
  }
  return files;
}

driver::PackBuild build(const Workload& workload) {
  driver::PackSources sources;
  sources.files = files_of(workload);
  return driver::build_pack(std::move(sources), options_of(workload));
}

void decide_once(const decision::Pack& pack) {
  decision::Evaluator evaluator;
  const decision::Principal principal;
  decision::Request request;
  request.principal = &principal;
  request.server = "server";
  request.tool = "tool";
  evaluator.evaluate(pack, request);
}

double resident_mib() {
  std::ifstream in("/proc/self/statm");
  double size = 0;
  double resident = 0;
  in >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1024 * 1024);
}

/// What a process of its own grows by when it loads a pack, makes it native and decides.
double loaded_mib(const std::string& bytes) {
  int ends[2];
  if (pipe(ends) != 0) {
    std::exit(1);
  }
  const pid_t child = fork();
  if (child == 0) {
    const double before = resident_mib();
    const auto loaded = driver::load_pack(bytes);
    double grown = -1;
    if (loaded) {
      if (const auto native = driver::compile_native(*loaded->analysis)) {
        decide_once(decision::Pack(native->unit));
        grown = resident_mib() - before;
      }
    }
    _exit(write(ends[1], &grown, sizeof(grown)) == sizeof(grown) ? 0 : 1);
  }
  double grown = -1;
  if (child < 0 || read(ends[0], &grown, sizeof(grown)) != sizeof(grown) || grown < 0) {
    std::fprintf(stderr, "the memory of a loaded pack cannot be measured\n");
    std::exit(1);
  }
  waitpid(child, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
  return grown;
}

/// From the bytes of a pack, everything verified, to its first decision.
double load_ms(const std::string& bytes) {
  const double start = cpu_ms();
  const auto loaded = driver::load_pack(bytes);
  if (!loaded) {
    std::fprintf(stderr, "the pack does not load: %s\n", loaded.error().message().c_str());
    std::exit(1);
  }
  const decision::Pack pack(driver::compile_packed(*loaded->analysis));
  decide_once(pack);
  return cpu_ms() - start;
}

/// What `catalyst check` does, and what `catalyst check --watch` does after a rule was edited: sources to
/// everything that is odd about the rules.
void measure_check(const Workload& workload, const std::string& suffix, std::vector<Row>& rows) {
  const bool barred = workload.rules.size() == kCheckRules;
  analysis::Memory memory;
  double start = cpu_ms();
  driver::Analysis first = driver::analyze(files_of(workload), options_of(workload));
  driver::add_findings(first, memory);
  rows.push_back({"check" + suffix, cpu_ms() - start, "ms", barred ? kCheckMs : 0});
  start = cpu_ms();
  driver::Analysis edited = driver::analyze(files_of(workload), options_of(workload));
  ir::Rule& rule = edited.module->rules[edited.module->rules.size() / 2];
  rule.target = edited.module->rules.front().target;
  rule.condition = edited.module->rules.front().condition;
  driver::add_findings(edited, memory);
  rows.push_back({"check_again" + suffix, cpu_ms() - start, "ms", barred ? kCheckAgainMs : 0});
}

void measure(uint32_t rules, std::vector<Row>& rows) {
  const Workload workload = make_workload(rules, 1);
  const std::string suffix = "/" + std::to_string(rules);
  double start = cpu_ms();
  const driver::PackBuild built = build(workload);
  const driver::Analysis& analysis = built.analysis;
  const double front_end = cpu_ms() - start;
  const auto bar = [&](double at_most) { return rules == kBarRules ? at_most : 0; };
  rows.push_back({"build_pack" + suffix, front_end, "ms", bar(kFrontEndMs)});
  if (analysis.module == nullptr) {
    const std::string text =
        diagnostics::render(analysis.sources, analysis.diagnostics.all().front(), diagnostics::Color::Never);
    std::fprintf(stderr, "the workload's policy does not compile:\n%s", text.c_str());
    std::exit(1);
  }
  rows.push_back({"pack_bytes" + suffix, static_cast<double>(built.bytes.size()), "B"});
  rows.push_back({"load_pack" + suffix, load_ms(built.bytes), "ms", bar(kLoadMs)});
  rows.push_back({"loaded_memory" + suffix, loaded_mib(built.bytes), "MiB", bar(kMemoryMib)});
  measure_check(workload, suffix, rows);
  start = cpu_ms();
  const auto unit = ir::build_unit(analysis.module, analysis.sources);
  rows.push_back({"packed" + suffix, cpu_ms() - start, "ms"});
  decide_once(decision::Pack(unit));
  rows.push_back({"first_decision" + suffix, front_end + cpu_ms() - start, "ms", bar(kFirstDecisionMs)});
  start = cpu_ms();
  const auto code = codegen::compile(analysis.module, {}, unit.get());
  if (!code) {
    std::fprintf(stderr, "no native code: %s\n", code.error().message().c_str());
    std::exit(1);
  }
  rows.push_back({"native" + suffix, cpu_ms() - start, "ms", bar(kNativeMs)});
  rows.push_back({"object_bytes" + suffix, static_cast<double>((*code)->object_bytes()), "B"});
  rows.push_back({"buckets" + suffix, static_cast<double>((*code)->native_buckets()), ""});
  rows.push_back({"roots" + suffix, static_cast<double>((*code)->native_roots()), ""});
}

}  // namespace
}  // namespace catalyst::bench

int main(int argc, char** argv) {
  using namespace catalyst::bench;
  std::vector<Row> rows;
  for (const uint32_t rules : {10u, 100u, 1000u, 10'000u}) {
    measure(rules, rows);
  }
  for (const Row& row : rows) {
    std::printf("%-22s %12.1f %-4s", row.metric.c_str(), row.value, row.unit);
    std::printf(row.bar > 0 ? " %8.2f of the %.0f it may take\n" : "\n", row.value / row.bar, row.bar);
  }
  if (argc > 1) {
    std::ofstream out(argv[1]);
    out << "[\n";
    for (size_t i = 0; i < rows.size(); i++) {
      out << R"(  {"metric": ")" << rows[i].metric << R"(", "value": )" << rows[i].value << R"(, "unit": ")"
          << rows[i].unit << '"';
      if (rows[i].bar > 0) {
        out << R"(, "reference": )" << rows[i].bar << R"(, "ratio": )" << rows[i].value / rows[i].bar;
      }
      out << (i + 1 < rows.size() ? "},\n" : "}\n");
    }
    out << "]\n";
  }
  return 0;
}
