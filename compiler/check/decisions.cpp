#include "compiler/check/decisions.h"

#include <unordered_map>

#include "compiler/check/conditions.h"
#include "compiler/check/expr.h"
#include "compiler/check/narrowing.h"
#include "runtime/value/ip.h"

namespace catalyst::check {

using diagnostics::Kind;
using types::TypeKind;
using types::TypeTable;

namespace {

Bits first_bits(size_t count, const std::vector<size_t>& boxes) {
  Bits out = bits_for(count);
  for (const size_t box : boxes) {
    set_bit(out, box);
  }
  return out;
}

/// Rules that can never decide, `otherwise` that never does or is missing.
class RuleAnalysis {
 public:
  RuleAnalysis(Pack& pack, const ast::DecisionDecl& decision)
      : pack_(pack), decision_(decision), conditions_(pack) {}

  void run(const std::vector<ExprId>& conditions) {
    std::vector<bool> known;
    for (const ExprId condition : conditions) {
      known.push_back(conditions_.add(condition));
    }
    std::optional<Cover> cover = conditions_.cover();
    if (!cover) {
      return cannot_decide("texts are compared in too many ways");
    }
    std::vector<size_t> earlier;
    for (size_t i = 0; i < conditions.size(); ++i) {
      const std::vector<size_t>& own = conditions_.boxes_of(i);
      if (known[i] && pack_.emitter.constant_value(conditions[i]) == nullptr) {
        check_reachable(*cover, i, own, earlier);
      }
      earlier.insert(earlier.end(), own.begin(), own.end());
    }
    const std::optional<Cover::Witness> gap =
        cover->gap(first_bits(cover->box_count(), earlier), Cover::kEverywhere);
    if (cover->out_of_steps()) {
      return cannot_decide("the conditions can be combined in too many ways");
    }
    if (gap && decision_.otherwise == nullptr) {
      report_gap(*gap);
    } else if (!gap && decision_.otherwise != nullptr && !conditions.empty()) {
      pack_.sink.report(Kind::OtherwiseUnreachable, decision_.otherwise_span, {"rules"});
    }
  }

 private:
  void check_reachable(Cover& cover, size_t index, const std::vector<size_t>& own,
                       const std::vector<size_t>& earlier) {
    bool contradiction = true;
    bool reachable = false;
    const Bits before = first_bits(cover.box_count(), earlier);
    for (const size_t box : own) {
      contradiction = contradiction && cover.is_void(box);
      reachable = reachable || cover.out_of_steps() || (!cover.is_void(box) && cover.gap(before, box));
    }
    if (!reachable && !cover.out_of_steps()) {
      const ast::DecisionRule& rule = decision_.rules[index];
      pack_.sink.report(
          Kind::UnreachableRow, rule.name.span,
          {"rule `" + rule.name.text + "`",
           contradiction ? "its condition contradicts itself" : "the rules before it match all of it"});
    }
  }

  void report_gap(const Cover::Witness& gap) {
    std::string witness;
    for (size_t i = 0; i < gap.size(); ++i) {
      witness += (i == 0 ? "" : ", ") + conditions_.subjects()[i] + " = " + gap[i];
    }
    auto& diagnostic = pack_.sink.report(
        Kind::DecisionGap, decision_.name.span,
        {"rule of `" + decision_.name.text + "`", witness.empty() ? "anything" : "`" + witness + "`"});
    diagnostic.notes.push_back({{}, "add `otherwise => ...` behind the rules, or a rule for it"});
  }

  void cannot_decide(std::string reason) {
    if (decision_.otherwise == nullptr) {
      pack_.sink.report(
          Kind::CannotDecide, decision_.name.span,
          {"whether the rules of `" + decision_.name.text + "` cover everything", std::move(reason)});
    }
  }

  Pack& pack_;
  const ast::DecisionDecl& decision_;
  Conditions conditions_;
};

/// One rule: its condition and, knowing that it holds, its value.
void check_rule(Pack& pack, const ast::DecisionRule& rule, Scope& scope, TypeId result,
                std::vector<ExprId>& conditions, std::vector<ExprId>& values) {
  ExprChecker checker(pack, scope);
  conditions.push_back(checker.deciding_condition(*rule.condition));
  const PresentGuard guard(scope, paths_present_when(*rule.condition, true, scope));
  values.push_back(checker.expect(*rule.value, result));
}

}  // namespace

ir::TableTest is_test(Pack& pack, const value::Value& value, TypeId type) {
  ir::TableTest out;
  if (value.kind == value::Kind::Ip && value.scale != 128) {
    const auto [first, last] = value::network_ends(value);
    out.low = pack.emitter.constant_id(first, type);
    out.high = pack.emitter.constant_id(last, type);
    return out;
  }
  out.low = out.high = pack.emitter.constant_id(value, type);
  return out;
}

CheckedDecision check_decision(Pack& pack, const ast::DecisionDecl& decision, Scope& scope, TypeId result) {
  if (decision.is_table) {
    return check_table(pack, decision, scope, result);
  }
  CheckedDecision out;
  std::vector<ExprId> conditions;
  std::vector<ExprId> values;
  std::unordered_map<std::string_view, Span> names;
  const size_t errors = pack.sink.error_count();
  const size_t present = scope.present.size();
  for (const ast::DecisionRule& rule : decision.rules) {
    const auto [first, fresh] = names.try_emplace(rule.name.text, rule.name.span);
    if (!fresh) {
      auto& diagnostic = pack.sink.report(Kind::DuplicateName, rule.name.span, {"rule", rule.name.text});
      diagnostic.notes.push_back({first->second, "the first one is here"});
    }
    check_rule(pack, rule, scope, result, conditions, values);
    out.info.rows.push_back({rule.name.text, rule.span});
    // The rules behind it know that this one did not match.
    for (std::string& key : paths_present_when(*rule.condition, false, scope)) {
      scope.present.push_back(std::move(key));
    }
  }
  if (decision.otherwise != nullptr) {
    values.push_back(ExprChecker(pack, scope).expect(*decision.otherwise, result));
  }
  scope.present.resize(present);
  if (pack.sink.error_count() == errors && pack.well_formed) {
    RuleAnalysis(pack, decision).run(conditions);
  }
  out.info.has_otherwise = decision.otherwise != nullptr;
  const auto index = static_cast<uint32_t>(pack.module.decisions.size());
  out.info.chooser = pack.emitter.emit(Op::FirstTrue, TypeTable::kInt, decision.name.span, conditions, index);
  values.insert(values.begin(), out.info.chooser);
  out.body = pack.emitter.emit(Op::Switch, result, decision.name.span, values);
  return out;
}

}  // namespace catalyst::check
