#include "runtime/routing/breaker.h"

namespace catalyst::routing {

BreakerState Breaker::state(int64_t now_ms) const {
  if (!open_) {
    return BreakerState::Closed;
  }
  return now_ms < until_ms_ ? BreakerState::Open : BreakerState::HalfOpen;
}

bool Breaker::allows(int64_t now_ms) const { return !open_ || (now_ms >= until_ms_ && !probing_); }

bool Breaker::begin(int64_t now_ms) {
  if (state(now_ms) != BreakerState::HalfOpen || probing_) {
    return false;
  }
  probing_ = true;
  return true;
}

void Breaker::succeeded(bool probe) {
  if (probe) {
    probing_ = false;
    open_ = false;
    failures_.clear();
  }
  // A call from before it opened does not close it: that it went well says nothing of the target now.
}

void Breaker::failed(bool probe, int64_t now_ms) {
  if (policy_.failures == 0) {
    return;
  }
  if (probe) {
    open(now_ms);
    return;
  }
  if (open_) {
    return;
  }
  failures_.push_back(now_ms);
  while (!failures_.empty() && failures_.front() <= now_ms - static_cast<int64_t>(policy_.window_ms)) {
    failures_.pop_front();
  }
  if (failures_.size() >= policy_.failures) {
    open(now_ms);
  }
}

void Breaker::abandoned(bool probe) {
  if (probe) {
    probing_ = false;
  }
}

void Breaker::open(int64_t now_ms) {
  open_ = true;
  probing_ = false;
  until_ms_ = now_ms + static_cast<int64_t>(policy_.open_ms);
  failures_.clear();
}

}  // namespace catalyst::routing
