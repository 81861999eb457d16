#include "server/commands/coverage.h"

#include <nlohmann/json.hpp>
#include <set>

#include "runtime/decision/explain.h"
#include "server/commands/request_json.h"

namespace catalyst::server {
namespace {

std::string percent(size_t part, size_t whole) {
  return whole == 0 ? "100%" : std::to_string(part * 100 / whole) + "%";
}

}  // namespace

Coverage::Coverage(const driver::Analysis& analysis) : analysis_(analysis) {
  const ir::Module& module = *analysis.module;
  for (uint32_t i = 0; i < module.rules.size(); ++i) {
    Rule& rule = rules_.emplace_back();
    rule.rule = i;
    if (module.rules[i].condition.valid()) {
      rule.conditional = true;
      find_branches(module.rules[i].condition, rule);
    }
  }
}

/// The tests of a condition: what an explanation reports and is true or false. Connectives follow from them.
void Coverage::find_branches(ir::ExprId expr, Rule& rule) const {
  const ir::Module& module = *analysis_.module;
  const ir::Expr& e = module.expr(expr);
  if (rule.branches.contains(expr.index)) {
    return;
  }
  if (e.op == ir::Op::Fact) {
    find_branches(module.facts[e.payload].value, rule);
    return;
  }
  const bool truth = module.types.kind(e.type) == types::TypeKind::Bool;
  if (truth && ir::is_traced(e.op) && e.op != ir::Op::CallFn) {
    rule.branches[expr.index] = Branch{module.expr_spans[expr.index], 0, 0};
  }
  if (e.op == ir::Op::Any || e.op == ir::Op::All || e.op == ir::Op::Comprehend) {
    return;  // what is inside is asked once an element
  }
  for (uint32_t i = 0; i < e.operand_count; ++i) {
    find_branches(module.operand(e, i), rule);
  }
}

void Coverage::add(const ir::Test& test, const decision::Pack& pack) {
  const auto request = StoredRequest::from_test(test, pack);
  if (request.has_error()) {
    return;  // the test itself says so
  }
  const decision::Explanation explanation = decision::explain(pack, (*request)->request());
  for (const decision::ExplainedRule& seen : explanation.rules) {
    Rule& rule = rules_[seen.rule];
    const bool applied = seen.state == decision::ExplainedRule::State::Matched;
    ++(applied ? rule.applied : rule.refused);
    for (const decision::ExplainedCondition& condition : seen.conditions) {
      const auto branch = rule.branches.find(condition.expr);
      if (branch == rule.branches.end() || condition.status != value::Status::Ok) {
        continue;
      }
      ++(condition.value == "true" ? branch->second.yes : branch->second.no);
    }
  }
}

Coverage::Totals Coverage::totals() const {
  Totals out;
  std::set<uint32_t> seen;
  for (const Rule& rule : rules_) {
    ++out.rules;
    out.rules_applied += rule.applied > 0 ? 1 : 0;
    for (const auto& [expr, branch] : rule.branches) {
      out.branches += 2;
      out.branches_covered += branch.covered();
    }
  }
  return out;
}

std::string Coverage::place(const source::Span& span) const {
  if (!span.valid()) {
    return "";
  }
  const source::LineColumn at = analysis_.sources.position(span.file, span.begin);
  return std::string(analysis_.sources.path(span.file)) + ":" + std::to_string(at.line) + ":" +
         std::to_string(at.column);
}

std::string Coverage::text() const {
  const Totals all = totals();
  std::string out = "coverage: " + std::to_string(all.rules_applied) + " of " + std::to_string(all.rules) +
                    " rules (" + percent(all.rules_applied, all.rules) + "), " +
                    std::to_string(all.branches_covered) + " of " + std::to_string(all.branches) +
                    " branches (" + percent(all.branches_covered, all.branches) + ")\n";
  for (const Rule& rule : rules_) {
    const ir::Rule& named = analysis_.module->rules[rule.rule];
    if (rule.applied == 0) {
      out += "  " + place(named.span) + ": rule " + named.name + " never applies in a test\n";
      continue;
    }
    for (const auto& [expr, branch] : rule.branches) {
      if (branch.covered() < 2) {
        const std::string source(analysis_.sources.text(branch.span));
        out += "  " + place(branch.span) + ": `" + source + "` is never " +
               (branch.yes == 0 ? "true" : "false") + " in a test\n";
      }
    }
  }
  return out;
}

std::string Coverage::json() const {
  const Totals all = totals();
  nlohmann::ordered_json root = {{"rules", all.rules},
                                 {"rules_applied", all.rules_applied},
                                 {"branches", all.branches},
                                 {"branches_covered", all.branches_covered},
                                 {"by_rule", nlohmann::ordered_json::array()}};
  for (const Rule& rule : rules_) {
    const ir::Rule& named = analysis_.module->rules[rule.rule];
    nlohmann::ordered_json branches = nlohmann::ordered_json::array();
    for (const auto& [expr, branch] : rule.branches) {
      branches.push_back({{"place", place(branch.span)},
                          {"source", std::string(analysis_.sources.text(branch.span))},
                          {"true", branch.yes},
                          {"false", branch.no}});
    }
    root["by_rule"].push_back({{"rule", named.name},
                               {"place", place(named.span)},
                               {"applied", rule.applied},
                               {"not_applied", rule.refused},
                               {"branches", branches}});
  }
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string Coverage::lcov() const {
  struct File {
    std::map<uint32_t, uint32_t> lines;
    std::string branches;
    size_t found = 0;
    size_t hit = 0;
  };
  std::map<uint32_t, File> files;
  for (const Rule& rule : rules_) {
    const source::Span span = analysis_.module->rules[rule.rule].span;
    files[span.file.index].lines[analysis_.sources.position(span.file, span.begin).line] += rule.applied;
    for (const auto& [expr, branch] : rule.branches) {
      File& file = files[branch.span.file.index];
      const uint32_t line = analysis_.sources.position(branch.span.file, branch.span.begin).line;
      const bool asked = branch.yes + branch.no > 0;
      file.lines[line] += branch.yes + branch.no;
      for (const uint32_t outcome : {0u, 1u}) {
        const uint32_t count = outcome == 0 ? branch.yes : branch.no;
        file.branches += "BRDA:" + std::to_string(line) + "," + std::to_string(expr) + "," +
                         std::to_string(outcome) + "," + (asked ? std::to_string(count) : "-") + "\n";
        ++file.found;
        file.hit += count > 0 ? 1 : 0;
      }
    }
  }
  std::string out;
  for (const auto& [index, file] : files) {
    out += "TN:\nSF:" + std::string(analysis_.sources.path(source::FileId{index})) + "\n" + file.branches;
    out += "BRF:" + std::to_string(file.found) + "\nBRH:" + std::to_string(file.hit) + "\n";
    size_t hit = 0;
    for (const auto& [line, count] : file.lines) {
      out += "DA:" + std::to_string(line) + "," + std::to_string(count) + "\n";
      hit += count > 0 ? 1 : 0;
    }
    out += "LF:" + std::to_string(file.lines.size()) + "\nLH:" + std::to_string(hit) + "\nend_of_record\n";
  }
  return out;
}

}  // namespace catalyst::server
