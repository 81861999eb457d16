#include "runtime/decision/evaluation.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "runtime/decision/tables.h"

namespace catalyst::decision {

namespace {

using value::Kind;
using value::Status;
using value::Value;

constexpr size_t kSlotsAhead = 32;        // whose texts are fetched before they are needed
constexpr uint32_t kItemsAhead = 8;       // of a list
constexpr size_t kRankedErrorsMax = 256;  // of one evaluation, before the weaker ones are dropped

bool is_error(abi::Truth truth) { return truth >= abi::kTruthError; }

/// Asks memory for what a value points to. Which values point anywhere is chance, and a branch on it would
/// wait for the value itself: the address is computed.
[[gnu::always_inline]] inline void fetch_text(const Value& v) {
  auto points = -static_cast<uintptr_t>(int{v.kind == Kind::String} | int{v.kind == Kind::List});
  __asm__("" : "+r"(points));  // or the compiler makes a branch of it
  const auto self = reinterpret_cast<uintptr_t>(&v);
  const auto text = reinterpret_cast<uintptr_t>(v.a.text);
  __builtin_prefetch(reinterpret_cast<const void*>(self ^ ((self ^ text) & points)));
}

}  // namespace

Evaluation::Evaluation(const Limits& limits)
    : limits_(limits),
      arena_(limits.arena_bytes),
      // value::Scratch::charge_scan takes a step, and one for each 64 bytes
      parts_bytes_max_((int64_t{limits.fuel_per_rule} / kScansOnFuel - 1) * 64) {
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
  // Mostly tools are of the class of the one before. Compared instead of used, what the row says is not
  // waited for: the processor reads the inputs while the row is still on its way.
  const ToolClass* tool_class = last_class_;
  int is_other = static_cast<int>(tool_class != tool_->hooks);
  __asm__("" : "+r"(is_other));  // or the compiler would know that the two are the same behind this
  if (is_other != 0) {
    tool_class = last_class_ = tool_->hooks;
  }
  return (*tool_class)[hook];
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
  fetch_references(tool);
  if (request.principal != nullptr && request.principal->cache_key != 0) {
    principal_ = request.principal;
  }
  projector_.fill_trusted(request, tool.slots, arena_, slots_.data());
  fetch_ahead(tool);
  knows_principal_ = intern_principal(tool);
  bool invalid = projector_.read_json(request);
  invalid = read_windows(request, tool) || invalid;
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
  // Texts come from beyond the caches; which of them matter, the tool will tell.
  __builtin_prefetch(request.tool.data());
  __builtin_prefetch(request.server.data());
  const Value* const given = slots.data();
  const size_t ahead = std::min(slots.size(), kSlotsAhead);
  for (size_t i = 0; i < ahead; ++i) {
    fetch_text(given[i]);
  }
  const HookBinding& tool = begin(pack, request);
  fetch_references(tool);
  CHECK(slots.size() == unit_->slots.size(), "one value per slot");
  frame_.slots = given;
  unsigned invalid = 0;
  for (const uint32_t slot : tool.slots.json) {
    invalid |= unsigned{given[slot].kind == Kind::Invalid};
  }
  for (const SetRead& read : tool.sets) {  // their texts are two steps away: the first of them now
    const Value& v = given[read.slot];
    const uint32_t count = v.kind == Kind::List ? std::min(v.length, kItemsAhead) : 0;
    for (uint32_t i = 0; i < count; ++i) {
      __builtin_prefetch(v.a.items[i].a.text);
    }
  }
  fetch_ahead(tool);
  knows_principal_ = intern_principal(tool);
  return decide(invalid != 0, mode, tool);
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
  Match match;
  if (!self->holds(rank, &match)) {
    return 0;
  }
  self->exact_ = match;
  return 1;
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
