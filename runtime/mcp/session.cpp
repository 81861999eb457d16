#include "runtime/mcp/session.h"

#include <openssl/rand.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "runtime/base/check.h"
#include "runtime/mcp/envelope.h"

namespace catalyst::mcp {
namespace {

std::string random_id() {
  unsigned char bytes[16];
  CHECK(RAND_bytes(bytes, sizeof bytes) == 1, "the system gives no random bytes");
  std::string id;
  id.reserve(32);
  for (const unsigned char byte : bytes) {
    id += "0123456789abcdef"[byte >> 4];
    id += "0123456789abcdef"[byte & 15];
  }
  return id;
}

}  // namespace

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
      terms_(std::move(terms)),
      limits_(limits),
      events_(limits.stream_events, limits.stream_bytes) {}

std::optional<LogLevel> Session::log_level() const {
  const int level = log_level_.load(std::memory_order_relaxed);
  return level == kNoLevel ? std::nullopt : std::optional(static_cast<LogLevel>(level));
}

void Session::set_log_level(LogLevel level) {
  log_level_.store(static_cast<int>(level), std::memory_order_relaxed);
}

bool Session::open_stream() { return !streaming_.exchange(true); }

void Session::close_stream() { streaming_.store(false); }

std::shared_ptr<InFlight> Session::begin_call(std::string_view id_json, const asio::any_io_executor& executor,
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
  std::string id = std::to_string(++asks_made_);
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

SessionTable::SessionTable(SessionLimits limits) : limits_(limits) {}

bool SessionTable::expired(const Session& session, int64_t now_ms) const {
  return now_ms - session.last_used_ms() > limits_.idle_ms && !session.busy();
}

void SessionTable::end(Session& session) const {
  session.events().close();
  session.cancel_all();
  session.end_asks();
  if (on_end_) {
    on_end_(session);
  }
}

bool SessionTable::make_room(Stripe& stripe) {
  const size_t share = std::max<size_t>(1, limits_.sessions / kStripes);
  if (stripe.sessions.size() < share) {
    return true;
  }
  auto oldest = stripe.sessions.end();
  for (auto it = stripe.sessions.begin(); it != stripe.sessions.end(); ++it) {
    const bool older =
        oldest == stripe.sessions.end() || it->second->last_used_ms() < oldest->second->last_used_ms();
    if (older && !it->second->busy()) {
      oldest = it;
    }
  }
  if (oldest == stripe.sessions.end()) {
    return false;
  }
  end(*oldest->second);
  stripe.sessions.erase(oldest);
  return true;
}

std::shared_ptr<Session> SessionTable::create(SessionTerms terms, int64_t now_ms) {
  auto session = std::make_shared<Session>(random_id(), std::move(terms), limits_);
  session->touch(now_ms);
  Stripe& stripe = stripe_of(session->id());
  const std::lock_guard lock(stripe.mutex);
  if (!make_room(stripe)) {
    return nullptr;
  }
  stripe.sessions.emplace(session->id(), session);
  return session;
}

std::shared_ptr<Session> SessionTable::find(std::string_view id, std::string_view principal_id, Scope scope,
                                            int64_t now_ms) {
  Stripe& stripe = stripe_of(id);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.sessions.find(id);
  if (found == stripe.sessions.end()) {
    return nullptr;
  }
  Session& session = *found->second;
  if (session.terms().principal_id != principal_id || session.terms().scope != scope) {
    return nullptr;
  }
  if (expired(session, now_ms)) {
    end(session);
    stripe.sessions.erase(found);
    return nullptr;
  }
  session.touch(now_ms);
  return found->second;
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
  end(session);
  stripe.sessions.erase(found);
  return true;
}

void SessionTable::sweep(int64_t now_ms) {
  for (Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    std::erase_if(stripe.sessions, [&](const auto& entry) {
      const bool over = expired(*entry.second, now_ms);
      if (over) {
        end(*entry.second);
      }
      return over;
    });
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
    }
    stripe.sessions.clear();
  }
}

size_t SessionTable::size() const {
  size_t count = 0;
  for (const Stripe& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    count += stripe.sessions.size();
  }
  return count;
}

}  // namespace catalyst::mcp
