// Answers that are not the target's alone: from the cache, of an identical call on its way, and those of the
// shadow, which nobody gets.

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>
#include <nlohmann/json.hpp>

#include "runtime/base/clock.h"
#include "runtime/mcp/asking.h"
#include "runtime/mcp/envelope.h"
#include "runtime/mcp/route_run.h"
#include "runtime/mcp/shared_results.h"

namespace catalyst::mcp {
namespace {

using routing::Outcome;

/// How a key names answers that are for one principal only, though the route would share them.
std::string private_key(std::string_view key, std::string_view principal) {
  return std::string(key) + "|private to " + std::string(principal);
}

/// Whether a result may be kept at all: complete, and of a call that went well.
bool is_cacheable(std::string_view result_json) {
  const std::string_view type = find_member(result_json, "resultType");
  return (type.empty() || type == R"("complete")") && find_member(result_json, "isError") != "true" &&
         !wants_input(result_json);
}

/// Whether the server says that a result is for the principal alone.
bool is_personal(std::string_view result_json) {
  return find_member(result_json, "cacheScope") == R"("private")";
}

/// `ttlMs` of a result (2026-07-28), where it has one.
std::optional<int64_t> ttl_hint(std::string_view result_json) {
  const std::string_view text = find_member(result_json, "ttlMs");
  int64_t ttl = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), ttl);
  return text.empty() || failure != std::errc{} ? std::nullopt : std::optional(ttl);
}

/// What two targets may well answer differently.
std::string without_meta(std::string_view result_json) {
  nlohmann::json value = nlohmann::json::parse(result_json, nullptr, false);
  if (value.is_object()) {
    value.erase("_meta");
  }
  return value.is_discarded() ? std::string(result_json) : value.dump();
}

}  // namespace

std::string RouteRunner::cache_key(const Run& run) const {
  const RouteAsk* ask = run.ask();
  if (!rule_.route.cache || rule_.route.cache->ttl_ms == 0 || ask == nullptr ||
      run.call.method != "tools/call" || run.params.find("inputResponses") != std::string_view::npos) {
    return {};
  }
  if (ask->cache_key) {
    return *ask->cache_key;  // the route says what it depends on
  }
  if (!ask->read_only && !rule_.route.repeatable) {
    return {};
  }
  // Each part with its length: no two calls run together into one key.
  std::string key;
  const bool shared = rule_.route.cache->scope == abi::CacheScope::Shared;
  for (const std::string_view part :
       {std::string_view(rule_.route.name), std::string_view(ask->tool), std::string_view(ask->arguments),
        shared ? std::string_view("shared") : std::string_view("of"),
        shared ? std::string_view() : std::string_view(ask->principal)}) {
    key += std::to_string(part.size()) + ":";
    key += part;
  }
  return key;
}

/// Until an identical call that is on its way has landed. `leads`: none is, or it came to nothing, and this
/// one goes (and lands).
Task<std::shared_ptr<const RouteRunner::Shared>> RouteRunner::join(const std::string& key, bool& leads) {
  const Executor executor = co_await asio::this_coro::executor;
  struct Wait {
    explicit Wait(const Executor& executor) : timer(executor) {}
    SteadyTimer timer;
    bool told = false;  // the executor's
    std::shared_ptr<const Shared> answer;
  };
  const auto wait = std::make_shared<Wait>(executor);
  const uint64_t number = flights_.join(key, [wait, executor](std::shared_ptr<const Shared> answer) {
    asio::post(executor, [wait, answer = std::move(answer)] {
      wait->told = true;
      wait->answer = answer;
      wait->timer.cancel();
    });
  });
  if (number == 0) {
    leads = true;
    co_return nullptr;
  }
  // Whoever is told to go and has gone away must pass it on.
  struct Leave {
    RouteRunner& runner;
    const std::string& key;
    uint64_t number;
    Wait& wait;
    bool armed = true;
    ~Leave() {
      if (armed && !runner.flights_.leave(key, number) && (!wait.told || wait.answer == nullptr)) {
        runner.flights_.land(key, nullptr);
      }
    }
  } leave{*this, key, number, *wait};
  while (!wait->told) {
    wait->timer.expires_at(SteadyTimer::time_point::max());
    co_await wait->timer.async_wait(asio::as_tuple(use_awaitable));
  }
  leave.armed = false;
  leads = wait->answer == nullptr;
  co_return wait->answer;
}

void RouteRunner::keep(const Run& run, const std::string& key, std::string_view result_json) {
  if (!is_cacheable(result_json)) {
    return;
  }
  int64_t ttl_ms = rule_.route.cache->ttl_ms;
  if (const std::optional<int64_t> hint = ttl_hint(result_json)) {
    ttl_ms = std::min(ttl_ms, *hint);
  }
  if (ttl_ms <= 0) {
    return;
  }
  const std::string own_key = is_personal(result_json) ? private_key(key, run.ask()->principal) : key;
  if (caches_.shared != nullptr) {
    caches_.shared->put(own_key, result_json, ttl_ms);
  }
  caches_.memory.put(own_key, std::string(result_json), steady_ms() + ttl_ms);
}

routing::ResultCache::Value RouteRunner::from_memory(const Run& run, const std::string& key) const {
  const int64_t now_ms = steady_ms();
  routing::ResultCache::Value kept = caches_.memory.find(key, now_ms);
  return kept != nullptr ? kept : caches_.memory.find(private_key(key, run.ask()->principal), now_ms);
}

/// What another engine has kept; from now on it is kept here, too.
Task<std::optional<RouteRunner::Shared>> RouteRunner::from_others(const Run& run, const std::string& key) {
  if (caches_.shared == nullptr) {
    co_return std::nullopt;
  }
  const std::string own_key = private_key(key, run.ask()->principal);
  // Whoever has little time spends the least of it on asking.
  const int64_t wait_ms = run.deadline_ms == INT64_MAX ? INT64_MAX : (run.deadline_ms - steady_ms()) / 4;
  std::optional<SharedResults::Found> found =
      co_await caches_.shared->find({key, own_key}, rule_.route.cache->ttl_ms, wait_ms);
  if (!found || !is_cacheable(found->result)) {
    co_return std::nullopt;
  }
  const std::string& under = found->key == 0 ? key : own_key;
  caches_.memory.put(under, found->result, steady_ms() + found->ttl_ms);
  Shared out;
  out.payload = std::move(found->result);
  out.personal = found->key != 0;
  out.principal = run.ask()->principal;
  co_return out;
}

/// Failures stay with whoever had them: they may be due to credentials, limits or a session of that
/// principal's.
RouteRunner::Shared RouteRunner::shared_of(const Run& run, const Reply& reply) {
  Shared out;
  out.principal = run.ask()->principal;
  if (!reply) {
    out.failure = reply.error();
    out.personal = true;
    return out;
  }
  out.payload = reply->payload;
  out.is_error = reply->is_error;
  out.own = !reply->is_error && !is_cacheable(reply->payload);
  out.personal = reply->is_error || is_personal(reply->payload);
  return out;
}

Result<UpstreamReply> RouteRunner::reply_of(const Shared& answer) {
  if (answer.failure) {
    return *answer.failure;
  }
  UpstreamReply reply;
  reply.body = answer.payload;
  reply.payload = reply.body;
  reply.is_error = answer.is_error;
  return reply;
}

Task<Result<UpstreamReply>> RouteRunner::through_cache(Run& run, std::string key) {
  Shared kept;
  if (const routing::ResultCache::Value found = from_memory(run, key)) {
    group_.cache_hits.fetch_add(1, std::memory_order_relaxed);
    run.trace->cache = CacheUse::Hit;
    kept.payload = *found;
    co_return reply_of(kept);
  }
  run.trace->cache = CacheUse::Miss;
  // Whoever wants to see progress, or can be asked, needs a call of its own.
  const bool alone = !run.call.progress_token.empty() || run.call.on_request;
  bool leads = false;
  if (!alone) {
    const std::shared_ptr<const Shared> answer = co_await join(key, leads);
    if (answer != nullptr && answer->serves(run.ask()->principal)) {
      group_.coalesced.fetch_add(1, std::memory_order_relaxed);
      run.trace->cache = CacheUse::Joined;
      co_return reply_of(*answer);
    }
  }
  struct Landing {
    RouteRunner& runner;
    const std::string& key;
    bool armed;
    ~Landing() {
      if (armed) {
        runner.flights_.land(key, nullptr);  // cancelled: the next one goes
      }
    }
    void land(Shared answer) {
      if (std::exchange(armed, false)) {
        runner.flights_.land(key, std::make_shared<Shared>(std::move(answer)));
      }
    }
  } landing{*this, key, leads};
  if (std::optional<Shared> found = co_await from_others(run, key)) {
    group_.cache_hits.fetch_add(1, std::memory_order_relaxed);
    run.trace->cache = CacheUse::Hit;
    Reply reply = reply_of(*found);
    landing.land(std::move(*found));
    co_return reply;
  }
  group_.cache_misses.fetch_add(1, std::memory_order_relaxed);
  Reply reply = co_await with_shadow(run);
  const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) {
    co_return reply;
  }
  if (reply && !reply->is_error) {
    keep(run, key, reply->payload);
  }
  if (leads) {
    landing.land(shared_of(run, reply));
  }
  co_return reply;
}

/// The answers of a target and of the shadow to the same call; whoever comes second compares.
struct RouteRunner::Comparison {
  std::shared_ptr<Upstream> upstream;
  std::shared_ptr<UpstreamSession> session;
  std::string method;
  std::string params;
  std::string name;
  std::string headers;
  int64_t timeout_ms = 0;
  std::optional<std::string> real;    // the executor's of the call, like what follows
  std::optional<std::string> shadow;  // result texts; "" for none
};

Task<Result<UpstreamReply>> RouteRunner::with_shadow(Run& run) {
  const bool copies = rule_.shadow && rule_.route.shadow && run.safe && run.call.method == "tools/call" &&
                      run.pinned.empty() && group_.chance_ppm(rule_.route.shadow->share_ppm);
  if (!copies) {
    co_return co_await deliver(run);
  }
  const Lane& lane = *rule_.shadow;
  const auto comparison = std::make_shared<Comparison>();
  comparison->upstream = lane.upstream;
  if (run.ask()->session_with && lane.server != Lane::kReplica) {
    comparison->session = run.ask()->session_with(lane.server);
  }
  comparison->method = run.call.method;
  comparison->params = run.params;
  comparison->name = run.call.name;
  comparison->headers =
      std::string(run.ask()->headers_for(lane.server)) + std::string(run.call.extra_headers);
  comparison->timeout_ms = run.call.timeout_ms;
  run.trace->shadowed = true;
  asio::co_spawn(co_await asio::this_coro::executor, send_shadow(comparison),
                 [self = shared_from_this()](const std::exception_ptr&) {});
  Reply reply = co_await deliver(run);
  comparison->real = reply && !reply->is_error ? without_meta(reply->payload) : std::string();
  compare(*comparison);
  co_return reply;
}

Task<void> RouteRunner::send_shadow(std::shared_ptr<Comparison> comparison) {
  UpstreamCall call;
  call.method = comparison->method;
  call.params = comparison->params;
  call.name = comparison->name;
  call.extra_headers = comparison->headers;
  call.session = comparison->session.get();
  call.timeout_ms = comparison->timeout_ms;
  const Reply reply = co_await comparison->upstream->call(call);
  comparison->shadow = reply && !reply->is_error ? without_meta(reply->payload) : std::string();
  if (!reply) {
    group_.shadows_failed.fetch_add(1, std::memory_order_relaxed);
    comparison->shadow.reset();
  }
  compare(*comparison);
}

void RouteRunner::compare(const Comparison& comparison) {
  if (comparison.real && comparison.shadow) {
    (*comparison.real == *comparison.shadow ? group_.shadows_same : group_.shadows_different)
        .fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace catalyst::mcp
