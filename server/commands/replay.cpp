#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <tuple>

#include "compiler/driver/compile.h"
#include "runtime/decision/windows.h"
#include "runtime/store/sqlite_store.h"
#include "runtime/value/time.h"
#include "server/api/request_json.h"
#include "server/commands/command.h"
#include "server/commands/sources.h"
#include "server/commands/terminal.h"
#include "server/config/config.h"
#include "server/gateway/shadow_report.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> files;
  std::string since = "24h";
  std::string store;
  std::string config;
  size_t list = 20;
  bool json = false;
};

struct Change {
  std::string at;
  std::string server;
  std::string tool;
  std::string principal;
  std::string before;
  std::string after;
  bool masked = false;
};

struct Group {
  uint64_t count = 0;
  uint64_t masked = 0;  // of them: the inputs were not kept in full, so the difference may be that
};

struct Replayed {
  uint64_t decisions = 0;
  uint64_t unreadable = 0;
  uint64_t changed = 0;
  uint64_t masked = 0;
  std::map<std::tuple<std::string, std::string, std::string>, Group> groups;  // tool, before, after
  std::vector<Change> changes;
};

std::string time_text(int64_t us) {
  std::string out;
  value::append_time(out, us);
  return out;
}

/// "deny by x" and "deny by y" do the same to whoever asks.
std::string effect_of(const std::string& words) {
  return words.starts_with("deny") ? "deny" : words.starts_with("hide") ? "hide" : words;
}

/// An allow's rule has no effect of its own.
std::string comparable(const std::string& words) {
  std::string out = effect_of(words);
  if (out.starts_with("allow by ")) {
    const size_t comma = out.find(',');
    out = "allow" + (comma == std::string::npos ? "" : out.substr(comma));
  }
  return out;
}

/// Counters of the candidate's windows: what it lets pass counts, as it would have.
constexpr size_t kCounters = 1'048'576;

struct Candidate {
  const decision::Pack& pack;
  decision::Evaluator evaluator;
  decision::MemoryWindowStore windows{kCounters, decision::kOpenSecret};

  const decision::Verdict& decide(decision::Request request) {
    request.windows = &windows;
    const decision::Verdict& verdict = evaluator.evaluate(pack, request);
    decision::count(windows, pack, verdict.counted, request.now_us);
    return verdict;
  }
  /// How far back its windows look.
  [[nodiscard]] int64_t reach_us() const {
    int64_t out = 0;
    for (const abi::WindowInfo& window : pack.unit().windows) {
      out = std::max(out, window.within_us);
    }
    return out;
  }
};

void replay_one(const store::DecisionRow& row, Candidate& candidate, int64_t since_us, Replayed& out) {
  const auto request = StoredRequest::from_json(row.request);
  if (row.at_us < since_us) {  // only the past of what is compared
    if (request.has_value()) {
      candidate.decide((*request)->request());
    }
    return;
  }
  out.decisions++;
  if (request.has_error()) {
    out.unreadable++;
    return;
  }
  const std::string after = verdict_in_words(candidate.pack, candidate.decide((*request)->request()));
  if (comparable(after) == comparable(row.outcome)) {
    return;
  }
  out.changed++;
  out.masked += row.masked ? 1 : 0;
  Group& group = out.groups[{row.server + "." + row.tool, row.outcome, after}];
  group.count++;
  group.masked += row.masked ? 1 : 0;
  out.changes.push_back({time_text(row.at_us), row.server, row.tool,
                         std::string((*request)->request().principal->id), row.outcome, after, row.masked});
}

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void print_json(const Replayed& replayed) {
  Json out = {{"decisions", replayed.decisions},
              {"changed", replayed.changed},
              {"changed_percent", share(replayed.changed, replayed.decisions)},
              {"changed_with_masked_inputs", replayed.masked},
              {"unreadable", replayed.unreadable},
              {"groups", Json::array()},
              {"changes", Json::array()}};
  for (const auto& [key, group] : replayed.groups) {
    out["groups"].push_back({{"tool", std::get<0>(key)},
                             {"before", std::get<1>(key)},
                             {"after", std::get<2>(key)},
                             {"count", group.count},
                             {"percent", share(group.count, replayed.decisions)},
                             {"masked", group.masked}});
  }
  for (const Change& change : replayed.changes) {
    out["changes"].push_back({{"at", change.at},
                              {"server", change.server},
                              {"tool", change.tool},
                              {"principal", change.principal},
                              {"before", change.before},
                              {"after", change.after},
                              {"masked", change.masked}});
  }
  std::printf("%s\n", out.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_text(const Replayed& replayed, size_t list) {
  std::printf("%llu decisions, %llu would change (%.2f%%)\n",
              static_cast<unsigned long long>(replayed.decisions),
              static_cast<unsigned long long>(replayed.changed), share(replayed.changed, replayed.decisions));
  if (replayed.masked > 0) {
    std::printf(
        "%llu of them had inputs that were not kept in full: those may differ for that reason alone (marked "
        "*)\n",
        static_cast<unsigned long long>(replayed.masked));
  }
  if (replayed.unreadable > 0) {
    std::printf("%llu could not be read\n", static_cast<unsigned long long>(replayed.unreadable));
  }
  for (const auto& [key, group] : replayed.groups) {
    std::printf("%8llu  %6.2f%%  %s: %s -> %s\n", static_cast<unsigned long long>(group.count),
                share(group.count, replayed.decisions), std::get<0>(key).c_str(), std::get<1>(key).c_str(),
                std::get<2>(key).c_str());
  }
  const size_t shown = std::min(list, replayed.changes.size());
  for (size_t i = 0; i < shown; i++) {
    const Change& change = replayed.changes[i];
    std::printf("%s%s  %s  %s.%s: %s -> %s\n", i == 0 ? "\n" : "", change.at.c_str(),
                change.principal.c_str(), change.server.c_str(), change.tool.c_str(), change.before.c_str(),
                (change.after + (change.masked ? " *" : "")).c_str());
  }
  if (shown < replayed.changes.size()) {
    std::printf("and %zu more; --json lists all\n", replayed.changes.size() - shown);
  }
}

/// The store's file as it is named, or as the configuration says.
Result<std::string> store_path(const Options& options) {
  if (!options.store.empty()) {
    return options.store;
  }
  if (options.config.empty()) {
    return error("name the store: --store FILE, or --config catalyst.yaml with `store.file`");
  }
  const LoadedConfig loaded = load_config_files(options.config, "");
  if (!loaded.ok()) {
    return error(loaded.problems.front().text());
  }
  return loaded.config.store.file.empty()
             ? Result<std::string>(error(options.config + " names no `store.file`"))
             : loaded.config.store.file;
}

Exit replay(const Options& options) {
  const auto window = value::parse_duration(options.since);
  if (!window || *window <= 0) {
    print_error("--since takes a duration: 30m, 24h, 7d");
    return Exit::Usage;
  }
  const auto path = store_path(options);
  const auto files = find_sources(options.files);
  if (path.has_error() || files.has_error()) {
    print_error((path.has_error() ? path.error() : files.error()).message());
    return path.has_error() ? Exit::Usage : Exit::System;
  }
  const auto analysis = analyze_files(*files);
  store::SqliteOptions reading;
  reading.read_only = true;
  const auto store = store::open_sqlite(*path, reading);
  if (analysis.has_error() || store.has_error()) {
    print_error((analysis.has_error() ? analysis.error() : store.error()).message());
    return Exit::System;
  }
  if (analysis->module == nullptr) {
    print_diagnostics(*analysis);
    return Exit::Findings;
  }
  const decision::Pack pack(driver::compile_packed(*analysis));
  Candidate candidate{pack, decision::Evaluator()};
  Replayed replayed;
  const int64_t now_us = std::chrono::duration_cast<std::chrono::microseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  Progress progress("replaying", 0);
  const int64_t since_us = now_us - *window;
  const int64_t first_us = since_us - candidate.reach_us();
  const auto read = (*store)->each_decision(first_us, [&](const store::DecisionRow& row) {
    replay_one(row, candidate, since_us, replayed);
    progress.advance();
    return true;
  });
  if (read.has_error()) {
    print_error(read.error().message());
    return Exit::System;
  }
  options.json ? print_json(replayed) : print_text(replayed, options.list);
  return replayed.changed == 0 ? Exit::Ok : Exit::Findings;
}

}  // namespace

void add_replay_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("replay", "Decide recorded traffic anew and list what would change");
  command->add_option("files", options->files,
                      "the candidate: a pack, or policy files or folders; default: the working directory");
  command->add_option("--since", options->since, "how far back: 30m, 24h, 7d; default 24h");
  command->add_option("--store", options->store, "the engine's store file");
  command->add_option("-c,--config", options->config, "catalyst.yaml that names the store");
  command->add_option("--list", options->list, "changed decisions listed one by one; default 20");
  command->add_flag("--json", options->json, kJsonHelp);
  command->footer(
      "The engine records when its configuration says `record: {decisions: true}`. Exit code 1: something "
      "would change.");
  command->callback([options, &chosen] { chosen = [options] { return replay(*options); }; });
}

}  // namespace catalyst::server
