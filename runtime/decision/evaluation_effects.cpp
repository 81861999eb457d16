// What rules that matched do besides deciding.

#include <algorithm>

#include "runtime/decision/evaluation.h"
#include "runtime/value/ops.h"

namespace catalyst::decision {

using value::Kind;
using value::Status;
using value::Value;

void Evaluation::conclude_effects() {
  sets_.clear();
  set_texts_.clear();
  text_.clear();
  redactions_.clear();
  tags_.clear();
  emits_.clear();
  starts_.clear();
  labels_.clear();
  limits_of_rules_.clear();
  requirements_.clear();
  std::sort(collected_.begin(), collected_.end(),
            [](const Match& a, const Match& b) { return a.rank < b.rank; });
  // A rule filed under several symbols may have been met more than once.
  collected_.erase(std::unique(collected_.begin(), collected_.end(),
                               [](const Match& a, const Match& b) { return a.rank == b.rank; }),
                   collected_.end());
  for (const Match& match : collected_) {
    apply_effects(match);
  }
  if (broken_.rank != abi::kNoRank && verdict_.outcome == Outcome::Allow) {
    // A value that must be set and cannot be, or a rule that says so: the request must not pass.
    verdict_.outcome = Outcome::Deny;
    best_ = broken_;
    verdict_.rule = plan_->ranked[best_.rank];
  }
  if (verdict_.outcome == Outcome::Deny) {
    sets_.clear();
    redactions_.clear();
    starts_.clear();
    limits_of_rules_.clear();
    requirements_.clear();
    verdict_.route = {};
    verdict_.route_rule = Verdict::kNoRule;
  }
  for (size_t i = 0; i < sets_.size(); ++i) {
    sets_[i].json = std::string_view(text_).substr(set_texts_[i].first, set_texts_[i].second);
  }
  verdict_.sets = sets_;
  verdict_.redactions = redactions_;
  verdict_.tags = tags_;
  verdict_.emits = emits_;
  verdict_.labels = labels_;
  verdict_.starts = starts_;
  verdict_.limits = limits_of_rules_;
  verdict_.requirements = requirements_;
}

void Evaluation::apply_effects(const Match& match) {
  const uint32_t index = plan_->ranked[match.rank];
  const abi::RuleInfo& rule = unit_->rules[index];
  if (match.status != Status::Ok && rule.on_error == abi::OnError::Deny &&
      rule.verdict != abi::RuleVerdict::Deny) {
    broken_ = broken_.rank == abi::kNoRank ? match : broken_;
    return;
  }
  for (uint32_t i = 0; i < rule.effects.size(); ++i) {
    const abi::RuleEffect& effect = rule.effects[i];
    switch (effect.kind) {
      case abi::RuleEffect::Kind::Hide:
        if (effect.target == abi::RuleEffect::kNone || target_matches(effect.target)) {
          if (!verdict_.hidden && verdict_.rule == Verdict::kNoRule) {
            verdict_.rule = index;
            best_ = match;
          }
          verdict_.hidden = true;
        }
        break;
      case abi::RuleEffect::Kind::Set:
        apply_set(match, effect, i);
        break;
      case abi::RuleEffect::Kind::Describe:
        apply_describe(match, effect);
        break;
      case abi::RuleEffect::Kind::Redact:
        redactions_.push_back(
            RedactEffect{pack_->tables().effect_paths[index][i], effect.redactions, index, effect.place});
        break;
      case abi::RuleEffect::Kind::Audit:
        verdict_.audit = std::max(verdict_.audit, static_cast<AuditLevel>(effect.audit_level));
        break;
      case abi::RuleEffect::Kind::Tag:
        apply_tag(match, effect);
        break;
      case abi::RuleEffect::Kind::Limit:
        apply_limit(match, effect);
        break;
      case abi::RuleEffect::Kind::Require:
        apply_require(index, effect);
        break;
      case abi::RuleEffect::Kind::Emit:
        apply_named(match, effect, emits_);
        break;
      case abi::RuleEffect::Kind::Start:
        apply_named(match, effect, starts_);
        break;
      case abi::RuleEffect::Kind::Route:
        if (verdict_.route.empty()) {
          verdict_.route = effect.tag;
          verdict_.route_rule = index;
        }
        break;
      case abi::RuleEffect::Kind::Label:
        labels_.push_back(NamedEffect{effect.tag, {}, index});
        break;
    }
  }
}

void Evaluation::apply_set(const Match& match, const abi::RuleEffect& effect, uint32_t effect_index) {
  const uint32_t index = plan_->ranked[match.rank];
  Match failed = match;
  if (match.status == Status::Ok) {
    Value v;
    failed.status = evaluate(effect.value, &v);
    failed.expr = frame_.error_expr;
    if (failed.status == Status::Ok && v.kind == Kind::Absent) {
      failed.status = Status::Missing;
      failed.expr = effect.value;
    }
    if (failed.status == Status::Ok) {
      const size_t begin = text_.size();
      value::append_json(text_, v);
      set_texts_.emplace_back(begin, text_.size() - begin);
      sets_.push_back(SetEffect{pack_->tables().effect_paths[index][effect_index], {}, index});
      return;
    }
    note_error(match.rank, failed.status, failed.expr);
  }
  if (broken_.rank == abi::kNoRank) {
    broken_ = failed;
  }
}

/// A limit whose key cannot be known denies, as a set without a value does.
void Evaluation::apply_limit(const Match& match, const abi::RuleEffect& effect) {
  LimitEffect limit{{}, effect.count, effect.duration_us, effect.burst, plan_->ranked[match.rank]};
  if (effect.value != abi::RuleEffect::kNone) {
    Value key;
    const Status status = evaluate(effect.value, &key);
    if (status != Status::Ok || key.kind != Kind::String) {
      const Match failed{match.rank, status == Status::Ok ? Status::Missing : status, frame_.error_expr};
      note_error(match.rank, failed.status, failed.expr);
      broken_ = broken_.rank == abi::kNoRank ? failed : broken_;
      return;
    }
    limit.key = key.text();
  }
  limits_of_rules_.push_back(limit);
}

void Evaluation::apply_describe(const Match& match, const abi::RuleEffect& effect) {
  Value v;
  const Status status = match.status == Status::Ok ? evaluate(effect.value, &v) : match.status;
  if (status == Status::Ok && v.kind == Kind::String) {
    verdict_.description = v.length == 0 ? std::string_view("") : v.text();
  } else if (match.status == Status::Ok) {
    note_error(match.rank, status, frame_.error_expr);
  }
}

void Evaluation::apply_require(uint32_t rule, const abi::RuleEffect& effect) {
  if (effect.tag == "mfa" && who_ != nullptr && who_->mfa) {
    return;
  }
  for (RequireEffect& known : requirements_) {
    if (known.what == effect.tag && known.role == effect.role) {
      const bool shorter =
          effect.duration_us != 0 && (known.within_us == 0 || effect.duration_us < known.within_us);
      if (shorter) {
        known.within_us = effect.duration_us;
        known.rule = rule;
      }
      return;
    }
  }
  requirements_.push_back(RequireEffect{effect.tag, effect.role, effect.duration_us, rule});
}

void Evaluation::apply_named(const Match& match, const abi::RuleEffect& effect,
                             std::vector<NamedEffect>& out) {
  NamedEffect named{effect.tag, {}, plan_->ranked[match.rank]};
  if (effect.value != abi::RuleEffect::kNone) {
    Value v;
    const Status status = evaluate(effect.value, &v);
    if (status == Status::Ok) {
      // In the arena: `text_` may still move.
      std::string& text = scratch_text_;
      text.clear();
      value::append_json(text, v);
      named.json = arena_.copy(text);
    } else if (match.status == Status::Ok) {
      note_error(match.rank, status, frame_.error_expr);
    }
  }
  out.push_back(named);
}

void Evaluation::apply_tag(const Match& match, const abi::RuleEffect& effect) {
  const uint32_t index = plan_->ranked[match.rank];
  std::string_view text = "true";
  if (effect.value != abi::RuleEffect::kNone) {
    Value v;
    const Status status = evaluate(effect.value, &v);
    text = status == Status::Ok && v.kind == Kind::String ? v.text() : std::string_view{};
    if (status != Status::Ok && match.status == Status::Ok) {
      note_error(match.rank, status, frame_.error_expr);
    }
  }
  tags_.push_back(TagEffect{effect.tag, text, index});
}

}  // namespace catalyst::decision
