#include "runtime/routing/group.h"

#include <algorithm>

#include "runtime/routing/balance.h"

namespace catalyst::routing {
namespace {

bool is_tried(const Choice& choice, const Target* target) {
  return std::find(choice.tried.begin(), choice.tried.end(), target) != choice.tried.end();
}

}  // namespace

Group::Group(GroupOptions options) : options_(options), budget_(options.budget), random_(options.seed) {}

void Group::set_members(const std::vector<Member>& members) {
  const std::lock_guard lock(mutex_);
  std::vector<Slot> slots;
  for (const Member& member : members) {
    const auto old = std::find_if(slots_.begin(), slots_.end(),
                                  [&](const Slot& slot) { return slot.member.target == member.target; });
    if (old != slots_.end()) {
      slots.push_back(*old);
      slots.back().member.weight = member.weight;
    } else {
      slots.push_back({member, Breaker(options_.breaker), 0, {}});
    }
  }
  slots_ = std::move(slots);
}

void Group::asked(int64_t now_ms) {
  calls.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  budget_.asked(now_ms);
}

Standing Group::standing_of(const Slot& slot, int64_t now_ms) const {
  const Standing standing = slot.member.target->standing(now_ms);
  // Whatever is worse than an open breaker stays so.
  return standing < Standing::Open && !slot.breaker.allows(now_ms) ? Standing::Open : standing;
}

Group::Slot* Group::find(std::string_view name) {
  const auto found = std::find_if(slots_.begin(), slots_.end(),
                                  [&](const Slot& slot) { return slot.member.target->name() == name; });
  return found == slots_.end() ? nullptr : &*found;
}

const Group::Slot* Group::find(const Target& target) const {
  const auto found = std::find_if(slots_.begin(), slots_.end(),
                                  [&](const Slot& slot) { return slot.member.target.get() == &target; });
  return found == slots_.end() ? nullptr : &*found;
}

std::optional<Pick> Group::take(Slot& slot, Reason reason, int64_t now_ms) {
  const bool probe = slot.breaker.begin(now_ms);
  return Pick{slot.member.target, probe ? Reason::Probe : reason, probe};
}

Group::Slot& Group::balanced(std::span<Slot* const> among, const Choice& choice, Reason& reason) {
  std::vector<Candidate> candidates;
  candidates.reserve(among.size());
  for (size_t i = 0; i < among.size(); ++i) {
    const Member& member = among[i]->member;
    candidates.push_back(
        {i, member.weight, member.target->in_flight(), member.target->hash(), &among[i]->current});
  }
  if (options_.balance == abi::Balance::LeastLoaded) {
    reason = Reason::LeastLoaded;
    return *among[next_least_loaded(candidates, random_)];
  }
  if (options_.balance == abi::Balance::Hash && choice.key) {
    reason = Reason::Hash;
    return *among[next_by_hash(candidates, *choice.key)];
  }
  reason = Reason::Weighted;
  return *among[next_weighted(candidates)];
}

std::optional<Pick> Group::pick(const Choice& choice, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (!choice.pinned.empty()) {
    // What its conversation needs is there and nowhere else; only what cannot take calls at all is refused.
    Slot* slot = find(choice.pinned);
    const bool usable = slot != nullptr && standing_of(*slot, now_ms) < Standing::Open &&
                        !is_tried(choice, slot->member.target.get());
    return usable ? take(*slot, Reason::Pinned, now_ms) : std::nullopt;
  }
  // By standing: what can take calls, and among that the best there is.
  std::vector<Slot*> weighted;
  std::vector<Slot*> spare;  // weight 0
  Slot* best = nullptr;
  Standing best_standing = Standing::Open;
  Slot* preferred = nullptr;
  for (Slot& slot : slots_) {
    if (is_tried(choice, slot.member.target.get())) {
      continue;
    }
    const Standing standing = standing_of(slot, now_ms);
    if (standing < best_standing) {
      best = &slot;
      best_standing = standing;
    }
    if (standing == Standing::Healthy) {
      (slot.member.weight > 0 ? weighted : spare).push_back(&slot);
      preferred = slot.member.target->name() == choice.preferred ? &slot : preferred;
    }
  }
  if (preferred != nullptr) {
    return take(*preferred, Reason::Preferred, now_ms);
  }
  if (!weighted.empty()) {
    Reason reason = Reason::Only;
    Slot& chosen = balanced(weighted, choice, reason);
    const bool passed_by = !choice.preferred.empty() || !choice.tried.empty();
    return take(chosen, slots_.size() == 1 ? Reason::Only : passed_by ? Reason::Fallback : reason, now_ms);
  }
  if (!spare.empty()) {
    return take(*spare.front(), Reason::Fallback, now_ms);
  }
  if (best == nullptr) {
    return std::nullopt;
  }
  return take(*best,
              best_standing == Standing::Busy ? (slots_.size() == 1 ? Reason::Only : Reason::Fallback)
                                              : Reason::LastResort,
              now_ms);
}

void Group::end(const Pick& pick, Outcome outcome, int64_t now_ms) {
  const bool out = pick.target->report(outcome, now_ms);
  const std::lock_guard lock(mutex_);
  for (Slot& slot : slots_) {
    if (slot.member.target != pick.target) {
      continue;
    }
    ++slot.outcomes[static_cast<size_t>(outcome)];
    switch (outcome) {
      case Outcome::Ok:
      case Outcome::Error:
        slot.breaker.succeeded(pick.probe);
        break;
      case Outcome::Timeout:
      case Outcome::Unavailable:
      case Outcome::Refused:
        slot.breaker.failed(pick.probe, now_ms);
        break;
      case Outcome::Full:
      case Outcome::Cancelled:
        slot.breaker.abandoned(pick.probe);
        break;
    }
  }
  if (out) {
    consider_ejecting(*pick.target, now_ms);
  }
}

void Group::consider_ejecting(const Target& failed, int64_t now_ms) {
  size_t ejected = 0;
  for (const Slot& slot : slots_) {
    ejected += slot.member.target->standing(now_ms) == Standing::Ejected ? 1 : 0;
  }
  const Slot* slot = find(failed);
  if (slot != nullptr && (ejected + 1) * 100 <= slots_.size() * options_.eject_max_percent) {
    slot->member.target->eject(now_ms);
  }
}

bool Group::may_retry(int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const bool may = budget_.take(now_ms);
  (may ? retries : retries_denied).fetch_add(1, std::memory_order_relaxed);
  return may;
}

int64_t Group::pause_ms(const abi::RetryPolicy& policy, uint32_t attempt) {
  const std::lock_guard lock(mutex_);
  return routing::pause_ms(policy, attempt, random_);
}

bool Group::chance_ppm(uint32_t ppm) {
  const std::lock_guard lock(mutex_);
  return random_.chance_ppm(ppm);
}

std::string Group::why_none(int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const Slot& slot : slots_) {
    out += (out.empty() ? "" : ", ") + slot.member.target->name() + ": " +
           std::string(text_of(standing_of(slot, now_ms)));
  }
  return out.empty() ? "it has no targets" : out;
}

std::vector<MemberStatus> Group::status(int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  std::vector<MemberStatus> out;
  for (const Slot& slot : slots_) {
    MemberStatus one{slot.member.target->name(), slot.member.weight, slot.breaker.state(now_ms),
                     slot.member.target->status(now_ms), slot.outcomes};
    one.target.standing = standing_of(slot, now_ms);
    out.push_back(std::move(one));
  }
  return out;
}

BreakerState Group::breaker_of(const Target& target, int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  const Slot* slot = find(target);
  return slot == nullptr ? BreakerState::Closed : slot->breaker.state(now_ms);
}

}  // namespace catalyst::routing
