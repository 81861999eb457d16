#include "runtime/mcp/route_runner.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "runtime/base/clock.h"
#include "runtime/mcp/asking.h"
#include "runtime/mcp/envelope.h"
#include "runtime/mcp/route_run.h"
#include "runtime/mcp/routed_session.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

using routing::Outcome;
using routing::Pick;

routing::GroupOptions group_options(const RouteRule& rule, uint64_t seed) {
  routing::GroupOptions out;
  out.balance = rule.route.balance;
  out.breaker = rule.route.breaker.value_or(abi::BreakerPolicy());
  out.budget = rule.budget;
  out.eject_max_percent = rule.eject_max_percent;
  out.seed = seed;
  return out;
}

std::string names(const std::vector<const routing::Target*>& targets) {
  std::string out;
  for (const routing::Target* target : targets) {
    out += (out.empty() ? "" : ", ") + target->name();
  }
  return out;
}

bool never_sent(Outcome outcome) { return outcome == Outcome::Refused || outcome == Outcome::Full; }

/// A server that asks and wants its own state back must get it back itself: its name goes with the state.
/// "" when there is none.
std::string pinned_of(std::string_view params, std::string& own_params) {
  if (params.find("requestState") == std::string_view::npos) {
    return {};
  }
  const std::string state = string_of(find_member(params, "requestState"));
  const size_t blank = state.find(' ');
  if (blank == std::string::npos) {
    return {};
  }
  const std::string own = value::json_string(std::string_view(state).substr(blank + 1));
  const MemberEdit edit = {MemberEdit::Kind::Set, "requestState", own};
  own_params = edit_object(params, {&edit, 1});
  return state.substr(0, blank);
}

void pin(UpstreamReply& reply, std::string_view target) {
  if (reply.is_error || !wants_input(reply.payload)) {
    return;
  }
  const std::string_view state = find_member(reply.payload, "requestState");
  if (state.empty()) {
    return;  // it keeps nothing: any target may go on
  }
  const std::string named = value::json_string(std::string(target) + " " + string_of(state));
  const MemberEdit edit = {MemberEdit::Kind::Set, "requestState", named};
  reply.body = edit_object(reply.payload, {&edit, 1});
  reply.payload = reply.body;
}

}  // namespace

Outcome outcome_of(const Result<UpstreamReply>& reply) {
  if (reply.has_value()) {
    return reply->is_error ? Outcome::Error : Outcome::Ok;
  }
  const boost::system::error_code& code = reply.error().code;
  if (code == asio::error::timed_out) {
    return Outcome::Timeout;
  }
  const bool refused = code == asio::error::not_connected || code == asio::error::connection_refused ||
                       code == asio::error::host_unreachable || code == asio::error::network_unreachable ||
                       code == asio::error::host_not_found || code == asio::error::host_not_found_try_again ||
                       code == asio::error::try_again || code == asio::error::no_buffer_space;
  return refused ? Outcome::Refused : Outcome::Unavailable;
}

RouteRunner::RouteRunner(RouteRule rule, Caches caches, uint64_t seed)
    : rule_(std::move(rule)), caches_(caches), group_(group_options(rule_, seed)) {}

void RouteRunner::set_lanes(std::shared_ptr<const Lanes> lanes) {
  std::vector<routing::Member> members;
  for (const Lane& lane : *lanes) {
    members.push_back({lane.target, lane.weight});
  }
  const std::lock_guard lock(mutex_);
  lanes_ = std::move(lanes);
  group_.set_members(members);
}

std::shared_ptr<const Lanes> RouteRunner::lanes() const {
  const std::lock_guard lock(mutex_);
  return lanes_;
}

/// A place at a target, waited for and given back whatever happens, also when a cancelled coroutine unwinds;
/// and the group is told what became of the call.
class RouteRunner::Place {
 public:
  Place(routing::Group& group, Pick pick) : group_(group), pick_(std::move(pick)) {}
  ~Place() {
    if (!ended_) {
      end(Outcome::Cancelled);
    }
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  /// False when there is no place, and none becomes free in time.
  Task<bool> enter(int64_t timeout_ms) {
    if (pick_.target->enter() == routing::Target::Admission::Entered) {
      inside_ = true;
      co_return true;
    }
    const Executor executor = co_await asio::this_coro::executor;
    struct Turn {
      explicit Turn(const Executor& executor) : timer(executor) {}
      SteadyTimer timer;
      std::atomic<bool> mine = false;
    };
    const auto turn = std::make_shared<Turn>(executor);
    waiter_ = std::make_shared<routing::Target::Waiter>();
    waiter_->wake = [turn, executor] {
      turn->mine = true;
      asio::post(executor, [turn] { turn->timer.cancel(); });
    };
    switch (pick_.target->enter(waiter_)) {
      case routing::Target::Admission::Entered:
        inside_ = true;
        co_return true;
      case routing::Target::Admission::Full:
        co_return false;
      case routing::Target::Admission::Queued:
        break;
    }
    queued_ = true;
    turn->timer.expires_after(std::chrono::milliseconds(timeout_ms));
    if (!turn->mine) {
      co_await turn->timer.async_wait(asio::as_tuple(use_awaitable));
    }
    queued_ = false;
    inside_ = turn->mine || !pick_.target->give_up(waiter_);
    co_return inside_;
  }

  void end(Outcome outcome) {
    ended_ = true;
    if (queued_ && !pick_.target->give_up(waiter_)) {
      inside_ = true;  // given while the caller went away
    }
    if (inside_) {
      pick_.target->leave();
    }
    group_.end(pick_, outcome, steady_ms());
  }

 private:
  routing::Group& group_;
  const Pick pick_;
  std::shared_ptr<routing::Target::Waiter> waiter_;
  bool queued_ = false;
  bool inside_ = false;
  bool ended_ = false;
};

/// What a balance by hash keeps together; nullopt: nothing, the weights decide.
std::optional<uint64_t> RouteRunner::key_of(const RouteAsk& ask) const {
  switch (rule_.hash_by) {
    case HashBy::Principal:
      return routing::hash_text(ask.principal);
    case HashBy::Arguments:
      return routing::hash_text(ask.arguments);
    case HashBy::Expression:
      return ask.hash ? std::optional(routing::hash_text(*ask.hash)) : std::nullopt;
  }
  return std::nullopt;
}

Task<Result<UpstreamReply>> RouteRunner::call(const UpstreamCall& call, std::string_view pinned) {
  const std::shared_ptr<RouteRunner> self = shared_from_this();  // a new pack may replace it meanwhile
  Run run(call);
  RouteTrace unseen;
  run.lanes = lanes();
  run.trace = call.route != nullptr ? &call.route->trace : &unseen;
  run.trace->route = rule_.route.name;
  const int64_t limit_ms = rule_.route.timeout_ms;
  const int64_t timeout_ms =
      limit_ms > 0 && (call.timeout_ms == 0 || limit_ms < call.timeout_ms) ? limit_ms : call.timeout_ms;
  run.deadline_ms = timeout_ms == 0 ? INT64_MAX : steady_ms() + timeout_ms;
  std::string own_params;
  run.pinned = pinned.empty() ? pinned_of(call.params, own_params) : std::string(pinned);
  run.params = own_params.empty() ? call.params : std::string_view(own_params);
  if (const RouteAsk* ask = run.ask()) {
    run.safe = rule_.route.repeatable || ask->read_only || ask->idempotent;
    run.key = key_of(*ask);
  }
  if (const RouteAsk* ask = run.ask(); ask != nullptr && !ask->unfit.empty()) {
    for (const Lane& lane : *run.lanes) {
      if (std::find(ask->unfit.begin(), ask->unfit.end(), lane.server) != ask->unfit.end()) {
        run.unfit.push_back(lane.target.get());
      }
    }
    run.tried = run.unfit;
  }
  group_.asked(steady_ms());
  std::string key = run.pinned.empty() ? cache_key(run) : std::string();
  if (!key.empty()) {
    co_return co_await through_cache(run, std::move(key));
  }
  co_return co_await with_shadow(run);
}

std::optional<Pick> RouteRunner::pick(Run& run) {
  routing::Choice choice;
  choice.pinned = run.pinned;
  choice.preferred = run.ask() == nullptr ? std::string_view() : std::string_view(run.ask()->preferred);
  choice.key = run.key;
  choice.tried = run.tried;
  return group_.pick(choice, steady_ms());
}

/// When each has had its chance: from the beginning, and only then at once the same one again when there is
/// no other.
std::optional<Pick> RouteRunner::pick_again(Run& run) {
  const routing::Target* last = run.tried.back();
  std::optional<Pick> next = pick(run);
  if (!next) {
    run.tried = run.unfit;
    run.tried.push_back(last);
    next = pick(run);
  }
  if (!next) {
    run.tried = run.unfit;
    next = pick(run);
  }
  return next;
}

int64_t RouteRunner::attempt_timeout_ms(const Run& run) const {
  if (run.deadline_ms == INT64_MAX) {
    return 0;
  }
  const int64_t left = std::max<int64_t>(1, run.deadline_ms - steady_ms());
  const std::optional<abi::RetryPolicy>& retry = rule_.route.retry;
  // Who wants another attempt after a time-out must leave time for it.
  const bool shares =
      retry && run.safe && routing::retries_on(*retry, Outcome::Timeout) && retry->attempts > run.retries;
  return shares ? std::max<int64_t>(1, left / (retry->attempts - run.retries + 1)) : left;
}

bool RouteRunner::may_try_again(Run& run, Outcome outcome) {
  const std::optional<abi::RetryPolicy>& retry = rule_.route.retry;
  const bool unsent = never_sent(outcome);
  if (!retry || run.retries >= retry->attempts || !(unsent || run.safe) ||
      !routing::retries_on(*retry, unsent ? Outcome::Unavailable : outcome)) {
    return false;
  }
  if (!group_.may_retry(steady_ms())) {
    run.trace->budget_denied = true;
    return false;
  }
  ++run.retries;
  return true;
}

Task<Result<UpstreamReply>> RouteRunner::deliver(Run& run) {
  std::optional<Pick> next = pick(run);
  if (!next) {
    const std::string why = group_.why_none(steady_ms()) +
                            (run.unfit.empty() ? "" : "; another tool of that name: " + names(run.unfit));
    co_return error(asio::error::not_connected,
                    "route " + rule_.route.name + ": no target can take the call (" + why + ")");
  }
  for (;;) {
    // A second attempt beside the first must not ask the client anything a second time.
    const bool hedges = rule_.route.hedge_after_ms && run.safe && run.pinned.empty() &&
                        !run.call.on_request && run.lanes->size() > 1;
    Outcome outcome = Outcome::Cancelled;
    const int64_t timeout_ms = attempt_timeout_ms(run);
    run.tried.push_back(next->target.get());
    Reply reply = hedges ? co_await hedged(run, std::move(*next), timeout_ms, outcome)
                         : co_await attempt(run, std::move(*next), timeout_ms, false, outcome);
    if (outcome == Outcome::Ok || outcome == Outcome::Cancelled) {
      co_return reply;
    }
    next = never_sent(outcome) ? pick(run) : std::nullopt;
    if (next) {
      continue;  // another target may have it, whatever it does
    }
    if (!may_try_again(run, outcome)) {
      co_return reply;
    }
    const int64_t pause = group_.pause_ms(*rule_.route.retry, run.retries);
    if (run.deadline_ms != INT64_MAX && steady_ms() + pause >= run.deadline_ms) {
      co_return reply;
    }
    if (pause > 0) {
      SteadyTimer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(pause));
      co_await timer.async_wait(use_awaitable);
    }
    next = pick_again(run);
    if (!next) {
      co_return reply;
    }
  }
}

Task<Result<UpstreamReply>> RouteRunner::attempt(Run& run, Pick pick, int64_t timeout_ms, bool hedge,
                                                 Outcome& outcome) {
  const int64_t start_ms = steady_ms();
  const std::shared_ptr<routing::Target> target = pick.target;
  const routing::Reason reason = pick.reason;
  Place place(group_, std::move(pick));
  std::optional<Reply> reply;
  const Lane* lane = run.lane_of(*target);
  if (lane == nullptr) {
    outcome = Outcome::Refused;
    reply.emplace(error(asio::error::not_connected, target->name() + " has just been removed"));
  } else if (!co_await place.enter(timeout_ms == 0 ? INT32_MAX : timeout_ms)) {
    outcome = Outcome::Full;
    reply.emplace(error(asio::error::try_again, target->name() + ": too many calls at a time"));
  } else {
    const int64_t left_ms = timeout_ms == 0 ? 0 : std::max<int64_t>(1, timeout_ms - (steady_ms() - start_ms));
    reply.emplace(co_await send(run, *lane, left_ms, hedge));
    outcome = outcome_of(*reply);
  }
  const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) {
    outcome = Outcome::Cancelled;
  }
  place.end(outcome);
  if (reply->has_value()) {
    pin(**reply, target->name());
  }
  const int64_t now_ms = steady_ms();
  run.trace->attempts.push_back(
      {target->name(), reason, outcome, group_.breaker_of(*target, now_ms), now_ms - start_ms, hedge});
  co_return std::move(*reply);
}

Task<Result<UpstreamReply>> RouteRunner::send(Run& run, const Lane& lane, int64_t timeout_ms, bool hedge) {
  UpstreamCall call = run.call;
  call.params = run.params;
  call.timeout_ms = timeout_ms;
  call.route = nullptr;
  std::shared_ptr<UpstreamSession> session;
  const RouteAsk* ask = run.ask();
  if (lane.server != Lane::kReplica) {
    session = ask != nullptr && ask->session_with ? ask->session_with(lane.server) : nullptr;
  } else if (auto* routed = dynamic_cast<RoutedSession*>(call.session)) {
    session = routed->with(lane.upstream);
  }
  call.session = session.get();
  std::string headers;
  if (ask != nullptr && !ask->headers.empty()) {
    headers.append(ask->headers_for(lane.server)).append(call.extra_headers);
    call.extra_headers = headers;
  }
  if (hedge) {
    call.on_notification = nullptr;  // progress of one attempt is enough
    call.progress_token = {};
  }
  co_return co_await lane.upstream->call(call);
}

}  // namespace catalyst::mcp
