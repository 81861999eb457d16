#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/route.h"
#include "runtime/base/asio.h"
#include "runtime/base/result.h"
#include "runtime/mcp/route_ask.h"
#include "runtime/mcp/upstream.h"
#include "runtime/routing/flights.h"
#include "runtime/routing/group.h"
#include "runtime/routing/result_cache.h"

namespace catalyst::mcp {

/// A place where calls of a route can go.
struct Lane {
  static constexpr uint32_t kReplica = UINT32_MAX;

  std::shared_ptr<routing::Target> target;
  std::shared_ptr<Upstream> upstream;
  uint32_t weight = 1;
  uint32_t server = kReplica;  // index of a server of the configuration, whose sessions and credentials are
                               // its own; kReplica: the routed server's
  std::string place;           // its address, for people
  std::string origin;          // "file", "dns", "api": who named it
};
using Lanes = std::vector<Lane>;

/// What a balance by hash hashes.
enum class HashBy : uint8_t { Principal, Arguments, Expression };

/// A route and what the configuration adds to it.
struct RouteRule {
  abi::Route route;  // targets are lanes, by name; empty: all there are
  routing::BudgetPolicy budget;
  uint32_t eject_max_percent = 50;
  HashBy hash_by = HashBy::Principal;
  std::optional<Lane> shadow;  // of route.shadow
};

class SharedResults;

/// Where results are kept; both are the engine's and outlive whoever has this.
struct Caches {
  Caches(routing::ResultCache& in_memory, SharedResults* with_others = nullptr)  // NOLINT: is its memory
      : memory(in_memory), shared(with_others) {}
  routing::ResultCache& memory;
  SharedResults* shared;  // nullptr: this engine's alone
};

/// Sends calls along one route: chooses, tries again, hedges, answers from the cache, copies to the shadow.
/// Any thread; a call stays on the executor of its caller.
class RouteRunner : public std::enable_shared_from_this<RouteRunner> {
 public:
  RouteRunner(RouteRule rule, Caches caches, uint64_t seed);

  void set_lanes(std::shared_ptr<const Lanes> lanes);
  [[nodiscard]] std::shared_ptr<const Lanes> lanes() const;

  /// One call, with everything the route says. `pinned`: the lane that must have it, "" for any.
  Task<Result<UpstreamReply>> call(const UpstreamCall& call, std::string_view pinned = {});

  [[nodiscard]] const RouteRule& rule() const { return rule_; }
  [[nodiscard]] const routing::Group& group() const { return group_; }

 private:
  struct Run;
  struct Race;
  class Place;
  using Reply = Result<UpstreamReply>;
  /// An answer as several calls can have it.
  struct Shared {
    std::optional<Error> failure;
    std::string payload;
    bool is_error = false;
    bool own = false;       // the answer was for one call only: each gets its own
    bool personal = false;  // and this one for calls of one principal
    std::string principal;

    [[nodiscard]] bool serves(std::string_view who) const { return !own && (!personal || principal == who); }
  };
  struct Comparison;

  // route_runner.cpp
  Task<Reply> deliver(Run& run);
  Task<Reply> attempt(Run& run, routing::Pick pick, int64_t timeout_ms, bool hedge,
                      routing::Outcome& outcome);
  Task<Reply> send(Run& run, const Lane& lane, int64_t timeout_ms, bool hedge);
  [[nodiscard]] std::optional<routing::Pick> pick(Run& run);
  [[nodiscard]] std::optional<routing::Pick> pick_again(Run& run);
  [[nodiscard]] bool may_try_again(Run& run, routing::Outcome outcome);
  [[nodiscard]] std::optional<uint64_t> key_of(const RouteAsk& ask) const;
  [[nodiscard]] int64_t attempt_timeout_ms(const Run& run) const;

  // route_hedge.cpp
  Task<Reply> hedged(Run& run, routing::Pick first, int64_t timeout_ms, routing::Outcome& outcome);
  Task<void> race(std::shared_ptr<Race> race, Run& run, size_t runner, routing::Pick pick,
                  int64_t timeout_ms);

  // route_answers.cpp
  [[nodiscard]] std::string cache_key(const Run& run) const;
  Task<Reply> through_cache(Run& run, std::string key);
  Task<std::shared_ptr<const Shared>> join(const std::string& key, bool& leads);
  [[nodiscard]] routing::ResultCache::Value from_memory(const Run& run, const std::string& key) const;
  Task<std::optional<Shared>> from_others(const Run& run, const std::string& key);
  void keep(const Run& run, const std::string& key, std::string_view result_json);
  [[nodiscard]] static Shared shared_of(const Run& run, const Reply& reply);
  [[nodiscard]] static Reply reply_of(const Shared& answer);
  Task<Reply> with_shadow(Run& run);
  Task<void> send_shadow(std::shared_ptr<Comparison> comparison);
  void compare(const Comparison& comparison);

  const RouteRule rule_;
  const Caches caches_;
  routing::Group group_;
  routing::Flights<Shared> flights_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Lanes> lanes_ = std::make_shared<Lanes>();  // under mutex_
};

/// What an attempt's result says of its target.
routing::Outcome outcome_of(const Result<UpstreamReply>& reply);

}  // namespace catalyst::mcp
