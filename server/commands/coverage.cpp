#include "server/commands/coverage.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/decision/caller.h"
#include "runtime/decision/explain.h"
#include "server/api/request_json.h"

namespace catalyst::server {
namespace {

size_t percent(size_t part, size_t whole) { return whole == 0 ? 100 : part * 100 / whole; }

/// "3 of 4 rules (75%)"
std::string share(size_t part, size_t whole, std::string_view what) {
  return std::to_string(part) + " of " + std::to_string(whole) + " " + std::string(what) + " (" +
         std::to_string(percent(part, whole)) + "%)";
}

}  // namespace

Coverage::Coverage(const driver::Analysis& analysis) : analysis_(analysis) {
  const ir::Module& module = *analysis.module;
  for (uint32_t i = 0; i < module.rules.size(); ++i) {
    Rule& rule = rules_.emplace_back();
    rule.rule = i;
    if (module.rules[i].condition.valid()) {
      rule.conditional = true;
      find_branches(module.rules[i].condition, module.rules[i].span, rule.branches);
    }
  }
  for (uint32_t i = 0; i < module.routes.size(); ++i) {
    Route& route = routes_.emplace_back();
    route.route = i;
    for (const ir::RoutePrefer& prefer : module.routes[i].prefers) {
      find_branches(prefer.condition, {}, route.branches);
    }
  }
  find_rows();
}

void Coverage::find_rows() {
  const ir::Module& module = *analysis_.module;
  for (uint32_t i = 0; i < module.decisions.size(); ++i) {
    const ir::Decision& decision = module.decisions[i];
    if (decision.name.find('.') != std::string::npos) {
      continue;  // of an imported pack
    }
    choosers_[decision.chooser.index] = decisions_.size();
    Decision& out = decisions_.emplace_back();
    out.decision = i;
    for (const ir::Decision::Row& row : decision.rows) {
      out.rows.push_back({row.name, row.span});
    }
    if (decision.has_otherwise) {
      out.rows.push_back({"otherwise", decision.span});
    }
  }
}

/// The tests of a condition: what an explanation reports and is true or false. Connectives follow from them.
/// What an annotation adds stands in front of the rule's name and is nobody's to test.
void Coverage::find_branches(ir::ExprId expr, const source::Span& rule, Branches& out) const {
  const ir::Module& module = *analysis_.module;
  const ir::Expr& e = module.expr(expr);
  const source::Span span = module.expr_spans[expr.index];
  if (rule.valid() && span.file == rule.file && span.end <= rule.begin) {
    if (e.op == ir::Op::And) {
      find_branches(module.operand(e, 1), rule, out);
    }
    return;
  }
  if (out.contains(expr.index)) {
    return;
  }
  if (e.op == ir::Op::Fact) {
    find_branches(module.facts[e.payload].value, {}, out);
    return;
  }
  const bool truth = module.types.kind(e.type) == types::TypeKind::Bool;
  if (truth && ir::is_traced(e.op) && e.op != ir::Op::CallFn) {
    out[expr.index] = Branch{span, 0, 0};
  }
  if (e.op == ir::Op::Any || e.op == ir::Op::All || e.op == ir::Op::Comprehend) {
    return;  // what is inside is asked once an element
  }
  for (uint32_t i = 0; i < e.operand_count; ++i) {
    find_branches(module.operand(e, i), rule, out);
  }
}

void Coverage::count_branches(const std::vector<decision::ExplainedCondition>& conditions, Branches& out) {
  for (const decision::ExplainedCondition& condition : conditions) {
    const auto branch = out.find(condition.expr);
    if (branch != out.end() && condition.status == value::Status::Ok) {
      ++(condition.value == "true" ? branch->second.yes : branch->second.no);
    }
  }
}

void Coverage::each_branch(const std::function<void(uint32_t expr, const Branch&)>& visit) const {
  for (const Rule& rule : rules_) {
    for (const auto& [expr, branch] : rule.branches) {
      visit(expr, branch);
    }
  }
  for (const Route& route : routes_) {
    for (const auto& [expr, branch] : route.branches) {
      visit(expr, branch);
    }
  }
}

void Coverage::count_rows(const std::vector<decision::ExplainedCondition>& conditions) {
  for (const decision::ExplainedCondition& condition : conditions) {
    const auto chooser = choosers_.find(condition.expr);
    if (chooser == choosers_.end() || condition.status != value::Status::Ok) {
      continue;
    }
    // The name of a row, of a table that collects a list of them.
    auto names = nlohmann::json::parse(condition.value, nullptr, false);
    if (!names.is_array()) {
      names = nlohmann::json::array({names});
    }
    for (Row& row : decisions_[chooser->second].rows) {
      row.decided += static_cast<uint32_t>(std::count(names.begin(), names.end(), row.name));
    }
  }
}

void Coverage::add(const ir::Test& test, const decision::Pack& pack) {
  if (!test.decision.empty()) {
    if (const auto decision = decision::find_decision(pack, test.decision)) {
      count_rows(decision::Caller().call(pack, *decision, test.args, decision::Explain::Yes).conditions);
    }
    return;
  }
  if (!test.claims.empty()) {
    for (const ir::TestClaim& claim : test.claims) {
      count_rows(decision::explain_value(pack, decision::Request(), claim.condition.index).conditions);
    }
    return;
  }
  const auto request = StoredRequest::from_test(test, pack);
  if (request.has_error()) {
    return;  // the test itself says so
  }
  const decision::Explanation explanation = decision::explain(pack, (*request)->request());
  for (const decision::ExplainedRule& seen : explanation.rules) {
    Rule& rule = rules_[seen.rule];
    count_rows(seen.conditions);
    const bool applied = seen.state == decision::ExplainedRule::State::Matched;
    ++(applied ? rule.applied : rule.refused);
    count_branches(seen.conditions, rule.branches);
  }
  for (Route& route : routes_) {
    if (!explanation.route || analysis_.module->routes[route.route].name != explanation.route->name) {
      continue;
    }
    for (const decision::ExplainedRoute::Prefer& prefer : explanation.route->prefers) {
      count_rows(prefer.conditions);
      count_branches(prefer.conditions, route.branches);
    }
  }
}

Coverage::Totals Coverage::totals() const {
  Totals out;
  for (const Rule& rule : rules_) {
    ++out.rules;
    out.rules_applied += rule.applied > 0 ? 1 : 0;
  }
  each_branch([&](uint32_t /*expr*/, const Branch& branch) {
    out.branches += 2;
    out.branches_covered += branch.covered();
  });
  for (const Decision& decision : decisions_) {
    out.rows += decision.rows.size();
    out.rows_decided += static_cast<size_t>(std::count_if(decision.rows.begin(), decision.rows.end(),
                                                          [](const Row& row) { return row.decided > 0; }));
  }
  return out;
}

size_t Coverage::least_percent() const {
  const Totals all = totals();
  return std::min({percent(all.rules_applied, all.rules), percent(all.branches_covered, all.branches),
                   percent(all.rows_decided, all.rows)});
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
  std::string out = "coverage: " + share(all.rules_applied, all.rules, "rules") + ", " +
                    share(all.branches_covered, all.branches, "branches") +
                    (all.rows == 0 ? "" : ", " + share(all.rows_decided, all.rows, "rows of decisions")) +
                    "\n";
  const auto uncovered = [&](const Branches& branches) {
    for (const auto& [expr, branch] : branches) {
      if (branch.covered() < 2) {
        const std::string source(analysis_.sources.text(branch.span));
        out += "  " + place(branch.span) + ": `" + source + "` is never " +
               (branch.yes == 0 ? "true" : "false") + " in a test\n";
      }
    }
  };
  for (const Rule& rule : rules_) {
    const ir::Rule& named = analysis_.module->rules[rule.rule];
    if (rule.applied == 0) {
      out += "  " + place(named.span) + ": rule " + named.name + " never applies in a test\n";
    } else {
      uncovered(rule.branches);
    }
  }
  for (const Route& route : routes_) {
    uncovered(route.branches);
  }
  for (const Decision& decision : decisions_) {
    for (const Row& row : decision.rows) {
      if (row.decided == 0) {
        out += "  " + place(row.span) + ": " + row.name + " of decision " +
               analysis_.module->decisions[decision.decision].name + " never decides in a test\n";
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
                                 {"rows", all.rows},
                                 {"rows_decided", all.rows_decided},
                                 {"by_rule", nlohmann::ordered_json::array()},
                                 {"by_decision", nlohmann::ordered_json::array()},
                                 {"by_route", nlohmann::ordered_json::array()}};
  const auto branches_json = [&](const Branches& all) {
    nlohmann::ordered_json branches = nlohmann::ordered_json::array();
    for (const auto& [expr, branch] : all) {
      branches.push_back({{"place", place(branch.span)},
                          {"source", std::string(analysis_.sources.text(branch.span))},
                          {"true", branch.yes},
                          {"false", branch.no}});
    }
    return branches;
  };
  for (const Rule& rule : rules_) {
    const ir::Rule& named = analysis_.module->rules[rule.rule];
    root["by_rule"].push_back({{"rule", named.name},
                               {"place", place(named.span)},
                               {"applied", rule.applied},
                               {"not_applied", rule.refused},
                               {"branches", branches_json(rule.branches)}});
  }
  for (const Route& route : routes_) {
    const ir::Route& named = analysis_.module->routes[route.route];
    root["by_route"].push_back(
        {{"route", named.name}, {"place", place(named.span)}, {"branches", branches_json(route.branches)}});
  }
  for (const Decision& decision : decisions_) {
    const ir::Decision& named = analysis_.module->decisions[decision.decision];
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const Row& row : decision.rows) {
      rows.push_back({{"row", row.name}, {"place", place(row.span)}, {"decided", row.decided}});
    }
    root["by_decision"].push_back({{"decision", named.name}, {"place", place(named.span)}, {"rows", rows}});
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
  }
  each_branch([&](uint32_t expr, const Branch& branch) {
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
  });
  for (const Decision& decision : decisions_) {
    for (const Row& row : decision.rows) {
      files[row.span.file.index].lines[analysis_.sources.position(row.span.file, row.span.begin).line] +=
          row.decided;
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
