#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "compiler/analysis/diff.h"
#include "server/commands/bounds.h"
#include "server/commands/command.h"
#include "server/commands/reasons.h"
#include "server/commands/sources.h"

namespace catalyst::server {
namespace {

using analysis::Change;
using analysis::Decision;
using analysis::Difference;

struct Options {
  std::string before;
  std::string after;
  std::vector<std::string> fail_on;
  Budget::Limits bounds;
  bool json = false;
};

Result<driver::Analysis> load(const std::string& path, const Budget::Limits& bounds) {
  const auto files = find_sources({path});
  return files.has_error() ? Result<driver::Analysis>(files.error()) : analyze_files(*files, bounds);
}

std::string decided(const Decision& decision) {
  std::string out =
      std::string(decision.verdict()) + (decision.rule.empty() ? " by default" : " by " + decision.rule);
  for (const std::string& effect : decision.effects) {
    out += ", " + effect;
  }
  return out + (decision.failed ? " (its condition failed)" : "");
}

nlohmann::ordered_json decision_json(const Decision& decision) {
  return {{"verdict", decision.verdict()}, {"rule", decision.rule}, {"effects", decision.effects}};
}

void print_text(const std::vector<Difference>& differences, const Sources& sources) {
  for (const Difference& d : differences) {
    const std::string sentence(analysis::difference_sentence(d.kind));
    if (d.proved_none()) {
      std::printf("none     %s (proved)\n", sentence.c_str());
      continue;
    }
    if (!d.changes.empty()) {
      std::printf("found    %s\n", sentence.c_str());
    }
    for (const Change& change : d.changes) {
      std::printf("         %s%s\n           OLD: %s\n           NEW: %s\n           request: %s\n",
                  change.witness.to_text().c_str(), change.known_tool ? "" : " (no schema has this tool)",
                  decided(change.before).c_str(), decided(change.after).c_str(),
                  change.witness.to_json().c_str());
    }
    if (d.more > 0) {
      std::printf("         and for %zu more groups of tools\n", d.more);
    }
    if (!d.reasons.empty()) {
      std::printf("open     %s: neither found nor excluded\n", sentence.c_str());
    }
    for (const analysis::Search::Reason& reason : d.reasons) {
      std::printf("         because %s\n", reason_text(reason, sources).c_str());
    }
  }
}

void print_json(const std::vector<Difference>& differences, const Sources& sources) {
  nlohmann::ordered_json root = nlohmann::ordered_json::object();
  for (const Difference& d : differences) {
    nlohmann::ordered_json changes = nlohmann::ordered_json::array();
    for (const Change& change : d.changes) {
      changes.push_back({{"request", nlohmann::ordered_json::parse(change.witness.to_json(), nullptr, false)},
                         {"old", decision_json(change.before)},
                         {"new", decision_json(change.after)},
                         {"known_tool", change.known_tool}});
    }
    nlohmann::ordered_json reasons = nlohmann::ordered_json::array();
    for (const analysis::Search::Reason& reason : d.reasons) {
      reasons.push_back(reason_text(reason, sources));
    }
    root[std::string(analysis::difference_name(d.kind))] = {
        {"state", !d.changes.empty() || d.more > 0 ? "found" : (d.reasons.empty() ? "none" : "open")},
        {"proved", d.reasons.empty()},
        {"changes", changes},
        {"more", d.more},
        {"open_because", reasons}};
  }
  std::printf("%s\n", root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

bool fails(const Difference& d, const std::vector<std::string>& fail_on) {
  const bool named = std::any_of(fail_on.begin(), fail_on.end(), [&](const std::string& name) {
    return name == "any" || name == analysis::difference_name(d.kind);
  });
  return named && !d.proved_none();  // what could not be excluded fails, too
}

Exit diff(const Options& options) {
  auto before = load(options.before, options.bounds);
  auto after = load(options.after, options.bounds);
  for (const auto* side : {&before, &after}) {
    if (side->has_error()) {
      print_error(side->error().message());
      return Exit::System;
    }
    if ((*side)->module == nullptr) {
      print_diagnostics(**side);
      return Exit::Findings;
    }
  }
  const Budget bounds(options.bounds);
  const auto differences =
      analysis::diff({before->module, &before->sources}, {after->module, &after->sources});
  const Sources sources = {{before->module.get(), &before->sources}, {after->module.get(), &after->sources}};
  if (options.json) {
    print_json(differences, sources);
  } else {
    print_text(differences, sources);
  }
  const bool failed = std::any_of(differences.begin(), differences.end(),
                                  [&](const Difference& d) { return fails(d, options.fail_on); });
  return failed ? Exit::Findings : Exit::Ok;
}

}  // namespace

void add_diff_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "diff", "Which requests do two versions of a policy decide differently? With examples, or a proof");
  command->add_option("old", options->before, "policy file or folder")->required();
  command->add_option("new", options->after, "policy file or folder")->required();
  std::vector<std::string> names = {"any"};
  for (size_t i = 0; i < analysis::kDifferenceCount; ++i) {
    names.emplace_back(analysis::difference_name(static_cast<analysis::DifferenceKind>(i)));
  }
  command
      ->add_option("--fail-on", options->fail_on,
                   "exit with 1 unless it is proved that there are none; may be repeated")
      ->check(CLI::IsMember(names));
  add_bounds(*command, options->bounds);
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return diff(*options); }; });
}

}  // namespace catalyst::server
