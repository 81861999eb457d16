#include "runtime/routing/target.h"

#include <algorithm>

#include "runtime/routing/random.h"

namespace catalyst::routing {

Target::Target(std::string name, BulkheadPolicy bulkhead, OutlierPolicy outliers, CheckPolicy checks,
               std::function<Reach()> reach)
    : name_(std::move(name)),
      hash_(hash_text(name_)),
      bulkhead_(bulkhead),
      outliers_(outliers),
      checks_(checks),
      reach_(std::move(reach)) {}

Target::Admission Target::enter(const std::shared_ptr<Waiter>& waiter) {
  const std::lock_guard lock(mutex_);
  if (!is_full()) {
    ++in_flight_;
    return Admission::Entered;
  }
  if (waiter == nullptr || waiting_.size() >= bulkhead_.queue) {
    return Admission::Full;
  }
  waiting_.push_back(waiter);
  return Admission::Queued;
}

bool Target::give_up(const std::shared_ptr<Waiter>& waiter) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find(waiting_.begin(), waiting_.end(), waiter);
  if (found == waiting_.end()) {
    return false;
  }
  waiting_.erase(found);
  return true;
}

void Target::leave() {
  std::shared_ptr<Waiter> next;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --in_flight_;
    } else {
      next = std::move(waiting_.front());  // the place changes hands
      waiting_.pop_front();
    }
  }
  if (next != nullptr) {
    next->wake();
  }
}

bool Target::report(Outcome outcome, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  switch (outcome) {
    case Outcome::Ok:
    case Outcome::Error:
      failures_ = 0;
      if (ejections_ > 0 && now_ms >= ejected_until_ms_ + outliers_.eject_max_ms) {
        ejections_ = 0;
      }
      return false;
    case Outcome::Timeout:
    case Outcome::Unavailable:
    case Outcome::Refused:
      ++failures_;
      return outliers_.failures > 0 && failures_ >= outliers_.failures;
    case Outcome::Full:
    case Outcome::Cancelled:
      return false;
  }
  return false;
}

void Target::eject(int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  ++ejections_;
  failures_ = 0;
  ejected_until_ms_ = now_ms + std::min(outliers_.eject_ms * ejections_, outliers_.eject_max_ms);
}

void Target::checked(bool passed) {
  const std::lock_guard lock(mutex_);
  if (passed != failing_) {
    check_streak_ = 0;  // as expected
    return;
  }
  ++check_streak_;
  if (check_streak_ >= (failing_ ? checks_.passing_after : checks_.failing_after)) {
    failing_ = !failing_;
    check_streak_ = 0;
    if (!failing_) {
      ejected_until_ms_ = 0;  // it was asked, and answers: no need to wait
    }
  }
}

void Target::drain(bool draining) {
  const std::lock_guard lock(mutex_);
  draining_ = draining;
}

void Target::set_differing(bool differing) {
  const std::lock_guard lock(mutex_);
  differing_ = differing;
}

Standing Target::standing_locked(int64_t now_ms) const {
  if (draining_) {
    return Standing::Draining;
  }
  switch (reach_()) {
    case Reach::Down:
      return Standing::Down;
    case Reach::Starting:
      return Standing::Starting;
    case Reach::Up:
      break;
  }
  if (differing_) {
    return Standing::Differing;
  }
  if (now_ms < ejected_until_ms_) {
    return Standing::Ejected;
  }
  if (failing_) {
    return Standing::Failing;
  }
  return is_full() ? Standing::Busy : Standing::Healthy;
}

Standing Target::standing(int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  return standing_locked(now_ms);
}

uint32_t Target::in_flight() const {
  const std::lock_guard lock(mutex_);
  return in_flight_;
}

Target::Status Target::status(int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  return {standing_locked(now_ms),
          in_flight_,
          static_cast<uint32_t>(waiting_.size()),
          failures_,
          ejections_,
          std::max<int64_t>(0, ejected_until_ms_ - now_ms),
          draining_};
}

}  // namespace catalyst::routing
