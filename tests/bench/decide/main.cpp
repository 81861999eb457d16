// Nanoseconds per decision, with the specialised C++ program of the same rules beside it in the same run.

#include <ctime>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "compiler/driver/analyze.h"
#include "compiler/driver/compile.h"
#include "runtime/decision/engine.h"
#include "tests/bench/decide/envelope.h"
#include "tests/bench/decide/policy.h"
#include "tests/bench/decide/rivals.h"
#include "tests/bench/decide/specialise.h"
#include "tests/bench/decide/workload.h"

namespace catalyst::bench {
namespace {

constexpr uint32_t kRequests = 10'000;
constexpr int kRounds = 9;
constexpr double kSliceSeconds = 0.06;          // of one candidate in one round
constexpr size_t kLinearDecisions = 2'000'000;  // rules times requests of one pass of the interpreter
constexpr size_t kPadding = 64;
constexpr int kSpins = 100;  // slices for a profiler

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "bench_decide: %s\n", what.c_str());
  std::exit(3);
}

/// One way to decide request i; answers the rule or -1.
struct Candidate {
  std::string name;
  std::string reference;  // name of the candidate it is measured against
  size_t requests = kRequests;
  std::function<int32_t(size_t)> decide;
  std::vector<double> rounds;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Passes over the requests until the slice is used up; nanoseconds per decision.
double measure(const Candidate& c) {
  const double begin = cpu_seconds();
  size_t decisions = 0;
  int64_t sum = 0;
  double elapsed = 0;
  do {
    for (size_t i = 0; i < c.requests; ++i) {
      sum += c.decide(i);
    }
    decisions += c.requests;
    elapsed = cpu_seconds() - begin;
  } while (elapsed < kSliceSeconds);
  static volatile int64_t sink = 0;
  sink = sum;
  return elapsed * 1e9 / static_cast<double>(decisions);
}

/// What both sides get: the record of strings, and the text.
struct Inputs {
  std::vector<Record> records;
  std::vector<std::string> texts;  // with capacity for padding
};

void copy_list(const std::vector<std::string>& from, std::string_view* to, int& count) {
  for (const std::string& name : from) {
    to[count++] = name;
  }
}

Inputs make_inputs(const Workload& workload) {
  Inputs out;
  for (const WorkloadRequest& q : workload.requests) {
    Record& r = out.records.emplace_back();
    r.user = q.user;
    r.tenant = q.tenant;
    r.tool = q.tool;
    r.server = q.server;
    copy_list(q.roles, r.roles, r.role_count);
    const auto text = [](const std::optional<std::string>& s) {
      return s ? std::string_view(*s) : std::string_view{};
    };
    r.env = text(q.args.env);
    r.path = text(q.args.path);
    r.branch = text(q.args.branch);
    r.ns = q.args.target ? std::string_view(q.args.target->first) : std::string_view{};
    r.amount = q.args.amount.value_or(0);
    r.count = q.args.count.value_or(0);
    r.has_amount = q.args.amount.has_value();
    r.has_count = q.args.count.has_value();
    r.dry_run = q.args.dry_run ? static_cast<int8_t>(*q.args.dry_run) : int8_t{-1};
    if (q.args.labels) {
      copy_list(*q.args.labels, r.labels, r.label_count);
    }
    r.time = q.time;
    r.risk = q.risk;
    std::string& json = out.texts.emplace_back(q.json);
    json.reserve(json.size() + kPadding);
  }
  return out;
}

/// The engine on one tier.
class Ours {
 public:
  Ours(std::shared_ptr<const abi::Unit> unit, const Inputs& inputs)
      : pack_(std::move(unit)), inputs_(inputs) {
    values_.reserve(inputs.records.size() * stride());
    for (const Record& r : inputs.records) {
      fill_slots(r);
    }
  }

  int32_t by_strings(size_t i) { return rule_of(evaluator_.evaluate_values(pack_, named(i), slots(i))); }

  int32_t by_interpreter(size_t i) {
    return rule_of(evaluator_.evaluate_reference(pack_, named(i), slots(i)));
  }

  /// From the whole text: envelope first, then arguments along the paths that rules read.
  int32_t by_json(size_t i) {
    decision::Principal principal;
    decision::Request request;
    std::string_view roles[Record::kListMax];
    if (!Envelope::read(inputs_.texts[i], principal, request, roles)) {
      return -2;
    }
    request.principal = &principal;
    return rule_of(evaluator_.evaluate(pack_, request));
  }

 private:
  static int32_t rule_of(const decision::Verdict& verdict) {
    return verdict.rule == decision::Verdict::kNoRule ? -1 : static_cast<int32_t>(verdict.rule);
  }

  /// At most: the slots of one request, and behind them the items of its two lists.
  [[nodiscard]] size_t stride() const { return pack_.unit().slots.size() + 2 * Record::kListMax; }

  [[nodiscard]] decision::Request named(size_t i) const {
    decision::Request request;
    request.server = given_[i].server;
    request.tool = given_[i].tool;
    return request;
  }

  [[nodiscard]] std::span<const value::Value> slots(size_t i) const {
    return {given_[i].slots, pack_.unit().slots.size()};
  }

  value::Value list(value::Value* items, const std::string_view* names, int count) {
    for (int i = 0; i < count; ++i) {
      items[i] = value::Value::of_string(names[i]);
    }
    return value::Value::of_list(items, static_cast<uint32_t>(count));
  }

  value::Value argument(const Record& r, const std::vector<std::string>& path, value::Value* items) {
    const auto text = [](std::string_view s) {
      return s.data() != nullptr ? value::Value::of_string(s) : value::Value::absent();
    };
    const std::string& name = path.back();
    if (name == "env") {
      return text(r.env);
    }
    if (name == "path") {
      return text(r.path);
    }
    if (name == "branch") {
      return text(r.branch);
    }
    if (name == "ns") {
      return text(r.ns);
    }
    if (name == "amount") {
      return r.has_amount ? value::Value::of_int(r.amount) : value::Value::absent();
    }
    if (name == "count") {
      return r.has_count ? value::Value::of_int(r.count) : value::Value::absent();
    }
    if (name == "dryRun") {
      return r.dry_run >= 0 ? value::Value::of_bool(r.dry_run != 0) : value::Value::absent();
    }
    return r.label_count > 0 ? list(items, r.labels, r.label_count) : value::Value::absent();
  }

  void fill_slots(const Record& r) {
    const std::vector<abi::Slot>& slots = pack_.unit().slots;
    const size_t begin = values_.size();
    values_.resize(begin + slots.size() + static_cast<size_t>(r.role_count + r.label_count));
    given_.push_back({r.server, r.tool.substr(r.server.size() + 1), values_.data() + begin});
    value::Value* const roles = values_.data() + begin + slots.size();
    for (size_t i = 0; i < slots.size(); ++i) {
      value::Value& v = values_[begin + i];
      switch (slots[i].root) {
        case abi::InputRoot::PrincipalId:
          v = value::Value::of_string(r.user);
          break;
        case abi::InputRoot::PrincipalTenant:
          v = value::Value::of_string(r.tenant);
          break;
        case abi::InputRoot::PrincipalRoles:
          v = list(roles, r.roles, r.role_count);
          break;
        case abi::InputRoot::PrincipalRisk:
          v = value::Value::of_int(r.risk);
          break;
        case abi::InputRoot::Now:
          v = value::Value::of_int(r.time * kMicros, value::Kind::Time);
          break;
        default:
          v = argument(r, slots[i].path, roles + r.role_count);
      }
    }
  }

  decision::Pack pack_;
  const Inputs& inputs_;
  decision::Evaluator evaluator_;
  struct Given {
    std::string_view server, tool;
    const value::Value* slots;
  };
  std::vector<Given> given_;
  std::vector<value::Value> values_;  // never reallocated: what is given and lists point into it
};

struct Row {
  std::string metric;
  double value;
  double reference;
};

void print_row(const Row& row) {
  std::printf("%-28s %12.1f ns %12.1f ns %8.2fx\n", row.metric.c_str(), row.value, row.reference,
              row.value / row.reference);
}

/// What a decision by the most rules costs beside one by the fewest, ours both.
void add_growth(std::vector<Row>& rows, const std::vector<uint32_t>& sizes) {
  const auto [fewest, most] = std::minmax_element(sizes.begin(), sizes.end());
  const auto figure = [&](const std::string& metric) {
    const auto found =
        std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.metric == metric; });
    return found == rows.end() ? 0 : found->value;
  };
  for (const std::string metric : {"native/strings/", "native/json/"}) {
    const double few = figure(metric + std::to_string(*fewest));
    const double many = figure(metric + std::to_string(*most));
    if (few > 0 && many > 0 && *fewest != *most) {
      rows.push_back({"growth/" + metric + std::to_string(*most), many, few});
      print_row(rows.back());
    }
  }
}

void write_json(const std::string& path, const std::vector<Row>& rows) {
  std::ofstream out(path);
  out << "[\n";
  for (size_t i = 0; i < rows.size(); ++i) {
    char line[256];
    std::snprintf(line, sizeof(line),
                  R"(  {"metric": "%s", "value": %.1f, "unit": "ns", "reference": %.1f, "ratio": %.3f})",
                  rows[i].metric.c_str(), rows[i].value, rows[i].reference,
                  rows[i].value / rows[i].reference);
    out << line << (i + 1 < rows.size() ? ",\n" : "\n");
  }
  out << "]\n";
}

/// Every candidate must agree with the plain reading on every request it will be measured on.
void check_answers(const Workload& workload, const Candidate& c) {
  for (size_t i = 0; i < c.requests; ++i) {
    const int32_t rule = c.decide(i);
    if (rule != workload.requests[i].expected) {
      give_up(c.name + " says rule " + std::to_string(rule) + " where " +
              std::to_string(workload.requests[i].expected) + " decides: " + workload.requests[i].json);
    }
  }
}

double median_of(const std::vector<Candidate>& candidates, const std::string& name) {
  return median(std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& c) {
                  return c.name == name;
                })->rounds);
}

driver::Analysis analyze_workload(const Workload& workload) {
  driver::AnalyzeOptions options;
  options.read_schema = [&](const std::string& path) -> std::optional<std::string> {
    const size_t slash = path.rfind('/');
    const std::string file = slash == std::string::npos ? path : path.substr(slash + 1);
    return schema_text(workload, file.substr(0, file.size() - 5));
  };
  std::vector<driver::SourceFile> files;
  for (std::string& text : policy_texts(workload)) {
    files.push_back({"bench" + std::to_string(files.size()) + ".cata", std::move(text)});
  }
  driver::Analysis analysis = driver::analyze(std::move(files), options);
  if (analysis.module == nullptr) {
    const std::vector<diagnostics::Diagnostic>& all = analysis.diagnostics.all();
    give_up(
        "the workload's policy does not compile:\n" +
        (all.empty() ? "" : diagnostics::render(analysis.sources, all.front(), diagnostics::Color::Never)));
  }
  return analysis;
}

void bench_size(uint32_t rules, const std::string& folder, const std::string& only, const std::string& spin,
                std::vector<Row>& rows) {
  const Workload workload = make_workload(rules, kRequests);
  const Inputs inputs = make_inputs(workload);
  const Specialised specialised = load_specialised(workload, folder);
  const driver::Analysis analysis = analyze_workload(workload);
  Ours packed(driver::compile_packed(analysis), inputs);
  const auto native_unit = driver::compile_native(analysis);
  if (native_unit.has_error()) {
    give_up("no native code: " + native_unit.error().message());
  }
  Ours native(native_unit->unit, inputs);

  const size_t linear = std::min<size_t>(kRequests, std::max<size_t>(kLinearDecisions / rules, 100));
  std::vector<Candidate> candidates;
  const auto add = [&](const char* name, const char* reference, size_t requests,
                       std::function<int32_t(size_t)> decide) {
    if (only.empty() || *reference == 0 || only == name) {
      candidates.push_back({name, reference, requests, std::move(decide), {}});
    }
  };
  add("specialised/strings", "", kRequests,
      [&](size_t i) { return specialised.decide_record(&inputs.records[i]); });
  add("native/strings", "specialised/strings", kRequests, [&](size_t i) { return native.by_strings(i); });
  add("packed/strings", "specialised/strings", kRequests, [&](size_t i) { return packed.by_strings(i); });
  add("interpreter/strings", "specialised/strings", linear,
      [&](size_t i) { return packed.by_interpreter(i); });
  add("specialised/json", "", kRequests, [&](size_t i) {
    const std::string& text = inputs.texts[i];
    return specialised.decide_json(text.data(), text.size(), text.size() + kPadding);
  });
  add("native/json", "specialised/json", kRequests, [&](size_t i) { return native.by_json(i); });
  add("packed/json", "specialised/json", kRequests, [&](size_t i) { return packed.by_json(i); });
  for (const Candidate& c : candidates) {
    check_answers(workload, c);
  }
  if (!spin.empty()) {
    for (const Candidate& c : candidates) {
      for (int i = 0; c.name == spin && i < kSpins; ++i) {
        measure(c);
      }
    }
    return;
  }
  for (int round = 0; round < kRounds; ++round) {
    for (Candidate& c : candidates) {
      c.rounds.push_back(measure(c));
    }
  }
  for (const Candidate& c : candidates) {
    if (c.reference.empty()) {
      continue;
    }
    rows.push_back(
        {c.name + "/" + std::to_string(rules), median(c.rounds), median_of(candidates, c.reference)});
    print_row(rows.back());
  }
  if (!only.empty()) {
    return;
  }
  for (const RivalFigure& rival : measure_rivals(workload, folder)) {
    rows.push_back({"rival/" + rival.name + "/" + std::to_string(rules), rival.nanoseconds,
                    median_of(candidates, "specialised/strings")});
    print_row(rows.back());
  }
}

int run(int argc, char** argv) {
  std::vector<uint32_t> sizes;
  std::string out = "build/bench/decide.json";
  std::string only;
  std::string spin;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--out" && i + 1 < argc) {
      out = argv[++i];
    } else if (argument == "--only" && i + 1 < argc) {
      only = argv[++i];
    } else if (argument == "--spin" && i + 1 < argc) {
      spin = argv[++i];
    } else if (const int size = std::atoi(argv[i]); size > 0) {
      sizes.push_back(static_cast<uint32_t>(size));
    } else {
      give_up("usage: bench_decide [--out FILE] [--only TIER/INPUT] [--spin TIER/INPUT] [RULES...]");
    }
  }
  if (sizes.empty()) {
    sizes = {10, 100, 1000, 10'000};
  }
  std::vector<Row> rows;
  std::printf("%-28s %15s %15s %9s\n", "metric", "catalyst", "specialised C++", "ratio");
  for (const uint32_t size : sizes) {
    bench_size(size, "build/bench/decide", only, spin, rows);
  }
  add_growth(rows, sizes);
  write_json(out, rows);
  std::printf("written to %s; every answer agreed with the plain reading of the rules\n", out.c_str());
  return 0;
}

}  // namespace
}  // namespace catalyst::bench

int main(int argc, char** argv) { return catalyst::bench::run(argc, argv); }
