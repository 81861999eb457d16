#include "runtime/decision/evaluation.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/decision/tables.h"
#include "runtime/value/ops.h"

namespace catalyst::decision {

namespace {

using value::Kind;
using value::Status;
using value::Value;

constexpr size_t kSlotsAhead = 32;        // whose texts are fetched before they are needed
constexpr size_t kRankedErrorsMax = 256;  // of one evaluation, before the weaker ones are dropped

bool is_error(abi::Truth truth) { return truth >= abi::kTruthError; }

}  // namespace

Evaluation::Evaluation(const Limits& limits) : limits_(limits), arena_(limits.arena_bytes) {
  frame_.owner = this;
  frame_.decide_rule = decide_rule;
  ranked_errors_.reserve(kRankedErrorsMax);
  errors_.reserve(Verdict::kErrorsMax);
}

void Evaluation::prepare(const Pack& pack) {
  const abi::Unit& unit = pack.unit();
  pack_id_ = pack.tables().id;
  projector_.prepare(unit, pack.tables().paths, limits_.json_depth);
  tools_.prepare(unit, limits_.tools_cached);
  principals_.prepare(unit, limits_.principals_cached);
  slots_.assign(unit.slots.size(), Value::absent());
  facts_.assign(unit.fact_count, Value::absent());
  fact_status_.assign(unit.fact_count, abi::kFactUnset);
  fact_error_.assign(unit.fact_count, 0);
  symbols_.assign(unit.symbol_features.size(), abi::kSymbolAbsent);
  masks_.assign(unit.mask_words, 0);
  collected_.reserve(64);
  route_slots_.clear();
  for (const abi::Route& route : unit.routes) {
    route_slots_.push_back(select_slots(unit, route.slots));
  }
  frame_.slots = slots_.data();
  frame_.symbols = symbols_.data();
  frame_.masks = masks_.data();
  frame_.facts = facts_.data();
  frame_.fact_status = fact_status_.data();
  frame_.fact_error = fact_error_.data();
  frame_.arena = &arena_;
  frame_.fuel_limit = limits_.fuel_per_rule;
}

void Evaluation::forget_facts() { std::fill(fact_status_.begin(), fact_status_.end(), abi::kFactUnset); }

const HookBinding& Evaluation::begin(const Pack& pack, const Request& request) {
  if (pack.tables().id != pack_id_) [[unlikely]] {
    prepare(pack);
  }
  arena_.reset();
  pack_ = &pack;
  unit_ = &pack.unit();
  const auto hook = static_cast<size_t>(request.hook);
  plan_ = &unit_->plans[hook];
  briefs_ = pack.tables().briefs[hook].data();
  tool_ = &tools_.bind(request.server, request.tool);
  frame_.targets = tool_->targets;
  frame_.slots = slots_.data();
  principal_ = nullptr;
  who_ = request.principal;
  frame_.trace = nullptr;
  frame_.fuel = frame_.fuel_limit;
  forget_facts();
  return (*tool_->hooks)[hook];
}

bool Evaluation::load(const Pack& pack, const Request& request) {
  const HookBinding& tool = begin(pack, request);
  const bool invalid = projector_.project(request, tool.slots, arena_, slots_.data());
  return read_windows(request, tool) || invalid;
}

Request asked_request(const Request& listed) {
  Request out = listed;
  out.hook = *abi::asked_by(listed.hook);
  out.args = out.params = {};
  return out;
}

bool is_derived(const Pack& pack, const Request& request) {
  // A template stands for many uris, of which some may be readable.
  const bool is_template =
      request.hook == abi::Hook::ListResources && request.tool.find('{') != std::string_view::npos;
  return request.listing == Listing::Derived && !is_template &&
         pack.tables().derives[static_cast<size_t>(request.hook)];
}

abi::Truth Evaluation::whatever_is_asked(const abi::RuleInfo& rule) {
  if (rule.condition == abi::RuleInfo::kNone) {
    return abi::kTrue;
  }
  refuel();
  return unit_->interpreter.partial(unit_->interpreter.self, &frame_, rule.condition);
}

Evaluation::Derived Evaluation::derive_listing(const Pack& pack, const Request& request) {
  const Request asked = asked_request(request);
  const HookBinding& tool = begin(pack, asked);
  projector_.project(asked, tool.slots, arena_, slots_.data());
  const ListingRanks& listing = tools_.listing(*tool_, asked.hook);
  Derived out;
  for (const uint32_t rank : listing.hiding) {
    const uint32_t rule = plan_->ranked[rank];
    const abi::Truth truth = whatever_is_asked(unit_->rules[rule]);
    if (truth == abi::kTrue || (is_error(truth) && unit_->rules[rule].matches_failed())) {
      out.hidden = true;
      out.rule = rule;
      return out;
    }
  }
  out.hidden = unit_->default_deny[static_cast<size_t>(asked.hook)];
  for (size_t i = 0; out.hidden && i < listing.allowing.size(); ++i) {
    const abi::Truth truth = whatever_is_asked(unit_->rules[plan_->ranked[listing.allowing[i]]]);
    out.hidden = truth == abi::kFalse || is_error(truth);
  }
  return out;
}

const Verdict& Evaluation::run(const Pack& pack, const Request& request, Mode mode) {
  const Derived derived = is_derived(pack, request) ? derive_listing(pack, request) : Derived{};
  const HookBinding& tool = begin(pack, request);
  bool invalid = projector_.project(request, tool.slots, arena_, slots_.data());
  invalid = read_windows(request, tool) || invalid;
  if (request.principal != nullptr && request.principal->cache_key != 0) {
    principal_ = request.principal;
  }
  decide(invalid, mode, tool);
  if (derived.hidden && !verdict_.hidden) {
    verdict_.hidden = true;
    verdict_.rule = derived.rule;
    verdict_.rule_name = pack.rule_name(derived.rule);
  }
  return verdict_;
}

const Verdict& Evaluation::run_values(const Pack& pack, const Request& request, std::span<const Value> slots,
                                      Mode mode) {
  for (size_t i = 0; i < std::min(slots.size(), kSlotsAhead); ++i) {
    // Texts come from beyond the caches; which of them matter, the tool will tell.
    const bool points = (slots[i].kind == Kind::String) | (slots[i].kind == Kind::List);
    __builtin_prefetch(points ? static_cast<const void*>(slots[i].a.text) : &slots[i]);
  }
  const HookBinding& tool = begin(pack, request);
  CHECK(slots.size() == unit_->slots.size(), "one value per slot");
  frame_.slots = slots.data();
  const bool invalid = std::any_of(tool.slots.json.begin(), tool.slots.json.end(),
                                   [&](uint32_t slot) { return slots[slot].kind == Kind::Invalid; });
  return decide(invalid, mode, tool);
}

const Verdict& Evaluation::decide(bool exact, Mode mode, const HookBinding& tool) {
  evaluator_ = mode == Mode::Reference ? &unit_->interpreter : &unit_->evaluator;
  best_ = Match{abi::kNoRank, Status::Ok, 0};
  broken_ = best_;
  exact_ = best_;
  collected_.clear();
  ranked_errors_.clear();
  if (exact || mode == Mode::Reference) {
    decide_in_order();
  } else {
    decide_indexed(tool);
  }
  conclude();
  if (!tool.windows.empty() && verdict_.outcome == Outcome::Allow) {
    count_windows(tool);
    verdict_.counted = counted_;
  }
  if (!tool.shadow.empty()) {
    ask_shadows(tool);
  }
  return verdict_;
}

void Evaluation::ask_shadows(const HookBinding& tool) {
  shadows_.clear();
  for (const uint32_t index : tool.shadow) {
    const abi::RuleInfo& rule = unit_->rules[index];
    abi::Truth truth = abi::kTrue;
    if (rule.condition != abi::RuleInfo::kNone) {
      refuel();
      truth = evaluator_->condition(evaluator_->self, &frame_, rule.condition);
    }
    if (truth == abi::kTrue || (is_error(truth) && rule.matches_failed())) {
      shadows_.push_back(index);
    }
  }
  verdict_.shadows = shadows_;
}

Status Evaluation::evaluate(uint32_t expr, Value* out) {
  refuel();
  return evaluator_->evaluate(evaluator_->self, &frame_, expr, out);
}

void Evaluation::note_error(uint32_t rank, Status status, uint32_t expr) {
  if (ranked_errors_.size() < kRankedErrorsMax) {
    ranked_errors_.push_back({rank, RuleError{plan_->ranked[rank], status, expr}});
  }
}

bool Evaluation::holds(uint32_t rank, Match* match) {
  const abi::RuleInfo& rule = unit_->rules[plan_->ranked[rank]];
  *match = Match{rank, Status::Ok, 0};
  if (!target_matches(rule.target)) {
    return false;
  }
  if (rule.condition == abi::RuleInfo::kNone) {
    return true;
  }
  refuel();
  const abi::Truth truth = evaluator_->condition(evaluator_->self, &frame_, rule.condition);
  if (!is_error(truth)) {
    return truth == abi::kTrue;
  }
  match->status = static_cast<Status>(truth - abi::kTruthError);
  match->expr = frame_.error_expr;
  note_error(rank, match->status, match->expr);
  // Fail closed, unless the rule says otherwise: what cannot be decided denies, allows nothing, and still
  // hides, redacts and is audited.
  return rule.matches_failed();
}

int32_t Evaluation::decide_rule(abi::Frame* frame, uint32_t rank) noexcept {
  Evaluation* self = static_cast<OwnedFrame*>(frame)->owner;
  return self->holds(rank, &self->exact_) ? 1 : 0;
}

void Evaluation::decide_in_order() {
  Match match;
  for (uint32_t rank = 0; rank < plan_->ranked.size(); ++rank) {
    const abi::RuleInfo& rule = unit_->rules[plan_->ranked[rank]];
    const bool decides = rule.verdict != abi::RuleVerdict::None && best_.rank == abi::kNoRank;
    if ((!decides && !rule.collects()) || !holds(rank, &match)) {
      continue;
    }
    if (decides && gives_verdict(rule, match)) {
      best_ = match;
    }
    if (rule.collects()) {
      collected_.push_back(match);
    }
  }
}

void Evaluation::conclude() {
  verdict_ = Verdict{};
  asked_rank_ = best_.rank;
  decide_default();
  if (!collected_.empty()) {
    conclude_effects();
  }
  if (verdict_.rule != Verdict::kNoRule) {
    const Pack::Tables::Brief& brief = briefs_[best_.rank];
    verdict_.rule_name = {brief.name, brief.name_length};
    verdict_.error = RuleError{verdict_.rule, best_.status, best_.expr};
    // An allow that denies because it failed has nothing to say about that.
    const bool unsaid = best_.status != Status::Ok && !brief.deny;
    if (brief.message != abi::RuleInfo::kNone && !unsaid) {
      say_message(brief.message);
    }
  }
  finish_errors();
}

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

void Evaluation::decide_default() {
  if (best_.rank == abi::kNoRank) {
    const bool deny = unit_->default_deny[static_cast<size_t>(plan_ - unit_->plans)];
    verdict_.outcome = deny ? Outcome::Deny : Outcome::Allow;
    return;
  }
  const Pack::Tables::Brief& brief = briefs_[best_.rank];
  verdict_.rule = brief.rule;
  verdict_.outcome = brief.deny ? Outcome::Deny : Outcome::Allow;
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

void Evaluation::say_message(uint32_t message) {
  Value v;
  const Status status = evaluate(message, &v);
  if (status == Status::Ok && v.kind == Kind::String) {
    verdict_.message = v.text();
  } else if (best_.status == Status::Ok) {
    note_error(best_.rank, status, frame_.error_expr);
  }
}

void Evaluation::finish_errors() {
  if (!ranked_errors_.empty()) [[unlikely]] {
    errors_.clear();
    std::sort(ranked_errors_.begin(), ranked_errors_.end(), [](const RankedError& a, const RankedError& b) {
      return a.rank != b.rank ? a.rank < b.rank : a.error.expr < b.error.expr;
    });
    // Which rules without effects were asked beyond the deciding one depends on the tier; the answer must
    // not.
    const RankedError* last = nullptr;
    for (const RankedError& e : ranked_errors_) {
      if (last != nullptr && last->rank == e.rank && last->error.expr == e.error.expr) {
        continue;
      }
      last = &e;
      const bool counts = e.rank <= asked_rank_ || unit_->rules[e.error.rule].collects();
      if (counts && errors_.size() < Verdict::kErrorsMax) {
        errors_.push_back(e.error);
      }
    }
    verdict_.errors = errors_;
  }
}

}  // namespace catalyst::decision
