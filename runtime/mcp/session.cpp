#include "runtime/mcp/session.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <tuple>

#include "runtime/base/base64.h"
#include "runtime/base/clock.h"
#include "runtime/mcp/asking.h"
#include "runtime/mcp/envelope.h"

namespace catalyst::mcp {
namespace {

void append_field(std::string& out, std::string_view text) {
  out += static_cast<char>(text.size() >> 8 & 0xFF);
  out += static_cast<char>(text.size() & 0xFF);
  out += text;
}

bool take_field(std::string_view& from, std::string& out) {
  if (from.size() < 2) {
    return false;
  }
  const size_t size =
      static_cast<size_t>(static_cast<unsigned char>(from[0])) << 8 | static_cast<unsigned char>(from[1]);
  if (from.size() < 2 + size) {
    return false;
  }
  out = from.substr(2, size);
  from.remove_prefix(2 + size);
  return true;
}

std::string binding_of(std::string_view principal_id, std::string_view scope_name) {
  return digest_of({"session", principal_id, scope_name});
}

}  // namespace

std::string seal_session(const Sealer& sealer, const SessionTerms& terms) {
  std::string text;
  const std::string opened = std::to_string(terms.opened_ms);
  for (const std::string_view field :
       {std::string_view(opened), std::string_view(terms.protocol_version),
        std::string_view(terms.client_name), std::string_view(terms.client_version),
        std::string_view(terms.capabilities), std::string_view(terms.upstream_session)}) {
    append_field(text, field);
  }
  return sealer.seal(binding_of(terms.principal_id, terms.scope_name), text);
}

std::optional<SessionTerms> open_session(const Sealer& sealer, std::string_view id,
                                         std::string_view principal_id, Scope scope,
                                         std::string_view scope_name) {
  const std::optional<std::string> text = sealer.open(binding_of(principal_id, scope_name), id);
  if (!text) {
    return std::nullopt;
  }
  SessionTerms terms;
  terms.scope = scope;
  terms.principal_id = principal_id;
  terms.scope_name = scope_name;
  std::string_view rest = *text;
  std::string opened;
  for (std::string* field : {&opened, &terms.protocol_version, &terms.client_name, &terms.client_version,
                             &terms.capabilities, &terms.upstream_session}) {
    if (!take_field(rest, *field)) {
      return std::nullopt;
    }
  }
  terms.opened_ms = std::strtoll(opened.c_str(), nullptr, 10);
  terms.askable = can_be_asked(terms.capabilities);
  return terms;
}

void InFlight::cancel(const std::shared_ptr<InFlight>& call) {
  asio::post(call->executor_, [call] {
    if (call->exchange_ != nullptr) {
      call->cancelled_ = true;
      call->exchange_->cancel();
    }
  });
}

Session::Session(std::string id, SessionTerms terms, const SessionLimits& limits)
    : id_(std::move(id)),
      label_(base64url_encode(digest_of({id_}).substr(0, 16))),
      terms_(std::move(terms)),
      limits_(limits),
      events_(limits.stream_events, limits.stream_bytes),
      replay_(limits.stream_events, limits.stream_bytes) {}

std::optional<LogLevel> Session::log_level() const {
  const int level = log_level_.load(std::memory_order_relaxed);
  return level == kNoLevel ? std::nullopt : std::optional(static_cast<LogLevel>(level));
}

void Session::set_log_level(LogLevel level) {
  log_level_.store(static_cast<int>(level), std::memory_order_relaxed);
}

bool Session::open_stream() { return !streaming_.exchange(true); }

void Session::close_stream() { streaming_.store(false); }

std::shared_ptr<InFlight> Session::begin_call(std::string_view id_json, const Executor& executor,
                                              HttpExchange& exchange) {
  auto call = std::make_shared<InFlight>(executor, exchange);
  const std::lock_guard lock(mutex_);
  if (calls_.size() >= limits_.calls_in_flight) {
    return nullptr;
  }
  calls_.push_back({std::string(id_json), call});
  return call;
}

void Session::end_call(const std::shared_ptr<InFlight>& call) {
  call->end();
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(calls_.begin(), calls_.end(), [&](const Call& c) { return c.call == call; });
  if (found != calls_.end()) {
    std::swap(*found, calls_.back());
    calls_.pop_back();
  }
}

bool Session::cancel_call(std::string_view id_json) {
  const std::lock_guard lock(mutex_);
  bool any = false;
  for (const Call& c : calls_) {
    if (c.id_json == id_json) {
      InFlight::cancel(c.call);
      any = true;
    }
  }
  return any;
}

void Session::cancel_all() {
  const std::lock_guard lock(mutex_);
  for (const Call& c : calls_) {
    InFlight::cancel(c.call);
  }
}

std::string Session::begin_ask(AskDone done) {
  const std::lock_guard lock(mutex_);
  if (asks_ended_ || asks_.size() >= limits_.calls_in_flight) {
    return {};
  }
  std::string id = "\"" + std::string(asking_engine()) + "-" + std::to_string(++asks_made_) + "\"";
  asks_.emplace(id, std::move(done));
  return id;
}

bool Session::end_ask(std::string_view id_json, bool is_error, std::string payload) {
  AskDone done;
  {
    const std::lock_guard lock(mutex_);
    const auto found = asks_.find(id_json);
    if (found == asks_.end()) {
      return false;
    }
    done = std::move(found->second);
    asks_.erase(found);
  }
  done(is_error, std::move(payload));
  return true;
}

void Session::drop_ask(std::string_view id_json) {
  const std::lock_guard lock(mutex_);
  const auto found = asks_.find(id_json);
  if (found != asks_.end()) {
    asks_.erase(found);
  }
}

void Session::end_asks() {
  std::map<std::string, AskDone, std::less<>> open;
  {
    const std::lock_guard lock(mutex_);
    asks_ended_ = true;
    open.swap(asks_);
  }
  for (const auto& [id, done] : open) {
    done(true, error_object(code::kInternalError, "The client has ended its session."));
  }
}

bool Session::subscribe(std::string_view uri) {
  const std::lock_guard lock(mutex_);
  if (subscriptions_.find(uri) != subscriptions_.end()) {
    return true;
  }
  if (subscriptions_.size() >= limits_.subscriptions) {
    return false;
  }
  subscriptions_.emplace(uri);
  return true;
}

bool Session::unsubscribe(std::string_view uri) {
  const std::lock_guard lock(mutex_);
  const auto found = subscriptions_.find(uri);
  if (found == subscriptions_.end()) {
    return false;
  }
  subscriptions_.erase(found);
  return true;
}

bool Session::is_subscribed(std::string_view uri) const {
  const std::lock_guard lock(mutex_);
  return subscriptions_.find(uri) != subscriptions_.end();
}

std::vector<std::string> Session::subscriptions() const {
  const std::lock_guard lock(mutex_);
  return {subscriptions_.begin(), subscriptions_.end()};
}

bool Session::busy() const {
  const std::lock_guard lock(mutex_);
  return streaming_.load() || !calls_.empty();
}

SessionTable::SessionTable(SessionLimits limits, const Sealer& sealer) : limits_(limits), sealer_(sealer) {}

bool SessionTable::expired(const Session& session, int64_t now_ms) const {
  return now_ms - session.last_used_ms() > limits_.idle_ms && !session.busy();
}

void SessionTable::forget(Session& session) const {
  session.events().close();
  session.cancel_all();
  session.end_asks();
  if (on_end_) {
    on_end_(session);
  }
  session.upstreams().close();
}

void SessionTable::end(Stripe& stripe, Session& session) const {
  forget(session);
  const uint64_t hash = Hash{}(session.id());
  if (stripe.ended.insert(hash).second) {
    stripe.ended_order.push_back(hash);
  }
  if (stripe.ended_order.size() > std::max<size_t>(1, limits_.ended / kStripes)) {
    stripe.ended.erase(stripe.ended_order.front());
    stripe.ended_order.pop_front();
  }
}

bool SessionTable::claim_place() {
  for (;;) {
    size_t taken = count_.load(std::memory_order_relaxed);
    while (taken < limits_.sessions) {
      if (count_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed)) {
        return true;
      }
    }
    if (!forget_one() && size() >= limits_.sessions) {
      return false;
    }
  }
}

/// Of the sessions in some stripes, in all of them while they are few or in use, the longest unused; false
/// when none can be forgotten.
bool SessionTable::forget_one() {
  constexpr size_t kLookedAt = 256;
  for (;;) {
    std::shared_ptr<Session> oldest;
    Stripe* home = nullptr;
    size_t seen = 0;
    const size_t first = next_stripe_.fetch_add(1, std::memory_order_relaxed);
    for (size_t i = 0; i < kStripes && (seen < kLookedAt || oldest == nullptr); ++i) {
      Stripe& stripe = stripes_[(first + i) % kStripes];
      const std::lock_guard lock(stripe.mutex);
      seen += stripe.sessions.size();
      for (const auto& [id, session] : stripe.sessions) {
        if ((oldest == nullptr || session->last_used_ms() < oldest->last_used_ms()) && !session->busy()) {
          oldest = session;
          home = &stripe;
        }
      }
    }
    if (oldest == nullptr) {
      return false;
    }
    const std::lock_guard lock(home->mutex);
    const auto found = home->sessions.find(oldest->id());
    if (found != home->sessions.end() && found->second == oldest && !oldest->busy()) {
      forget(*oldest);
      home->sessions.erase(found);
      release_places(1);
      return true;
    }
  }
}

std::shared_ptr<Session> SessionTable::create(SessionTerms terms, int64_t now_ms) {
  terms.opened_ms = wall_ms();
  std::string id = seal_session(sealer_, terms);
  auto session = std::make_shared<Session>(std::move(id), std::move(terms), limits_);
  session->touch(now_ms);
  if (!claim_place()) {
    return nullptr;
  }
  Stripe& stripe = stripe_of(session->id());
  const std::lock_guard lock(stripe.mutex);
  stripe.sessions.emplace(session->id(), session);
  return session;
}

SessionTable::Found SessionTable::find(std::string_view id, std::string_view principal_id, Scope scope,
                                       std::string_view scope_name, int64_t now_ms) {
  Stripe& stripe = stripe_of(id);
  std::unique_lock lock(stripe.mutex);
  auto found = stripe.sessions.find(id);
  if (found == stripe.sessions.end()) {
    // Another engine's, or one that had to make room.
    const bool ended = stripe.ended.contains(Hash{}(id));
    lock.unlock();
    std::optional<SessionTerms> terms;
    if (!ended) {
      terms = open_session(sealer_, id, principal_id, scope, scope_name);
    }
    if (!terms) {
      return {};
    }
    if (!claim_place()) {
      return {nullptr, true};
    }
    auto session = std::make_shared<Session>(std::string(id), std::move(*terms), limits_);
    session->touch(now_ms);
    lock.lock();
    found = stripe.sessions.end();
    bool taken_up = false;
    if (!stripe.ended.contains(Hash{}(id))) {
      std::tie(found, taken_up) = stripe.sessions.try_emplace(std::string(id), std::move(session));
    }
    if (!taken_up) {
      release_places(1);  // another request was faster
    }
    if (found == stripe.sessions.end()) {
      return {};
    }
  }
  Session& session = *found->second;
  if (session.terms().principal_id != principal_id || session.terms().scope != scope) {
    return {};
  }
  if (expired(session, now_ms) || wall_ms() - session.terms().opened_ms > limits_.max_ms) {
    end(stripe, session);
    stripe.sessions.erase(found);
    release_places(1);
    return {};
  }
  session.touch(now_ms);
  return {found->second};
}

bool SessionTable::erase(std::string_view id, std::string_view principal_id, Scope scope) {
  Stripe& stripe = stripe_of(id);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.sessions.find(id);
  if (found == stripe.sessions.end()) {
    return false;
  }
  Session& session = *found->second;
  if (session.terms().principal_id != principal_id || session.terms().scope != scope) {
    return false;
  }
  end(stripe, session);
  stripe.sessions.erase(found);
  release_places(1);
  return true;
}

void SessionTable::sweep(int64_t now_ms) {
  for (Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    const size_t over_count = std::erase_if(stripe.sessions, [&](const auto& entry) {
      const bool over = expired(*entry.second, now_ms);
      if (over) {
        end(stripe, *entry.second);
      }
      return over;
    });
    release_places(over_count);
  }
}

void SessionTable::for_each(const std::function<void(Session&)>& visit) const {
  for (const Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    for (const auto& entry : stripe.sessions) {
      visit(*entry.second);
    }
  }
}

void SessionTable::close_all() {
  for (Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    for (const auto& entry : stripe.sessions) {
      entry.second->events().close();
      entry.second->end_asks();
      entry.second->upstreams().close();
    }
    release_places(stripe.sessions.size());
    stripe.sessions.clear();
  }
}

}  // namespace catalyst::mcp
