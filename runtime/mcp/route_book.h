#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/mcp/route_runner.h"
#include "runtime/mcp/routed_upstream.h"

namespace catalyst::decision {
class Pack;
}

namespace catalyst::mcp {

/// The way along a declared route: calls go along it, everything else to the server that the call names.
class DeclaredRoute final : public Upstream {
 public:
  DeclaredRoute(std::shared_ptr<Upstream> server, RouteRule rule, Caches caches, uint64_t seed)
      : server_(std::move(server)), runner_(std::make_shared<RouteRunner>(std::move(rule), caches, seed)) {}

  [[nodiscard]] const std::shared_ptr<RouteRunner>& runner() const { return runner_; }

  [[nodiscard]] const std::string& name() const override { return server_->name(); }
  [[nodiscard]] UpstreamState state() const override { return server_->state(); }
  [[nodiscard]] std::string last_error() const override { return server_->last_error(); }
  void start(UpstreamEvent) override {}  // the server is started by whoever owns it
  Task<Result<std::shared_ptr<const UpstreamInfo>>> ready(int64_t timeout_ms) override {
    return server_->ready(timeout_ms);
  }
  Task<Result<UpstreamReply>> call(const UpstreamCall& call) override { return runner_->call(call); }
  Task<Result<void>> notify(std::string_view method, std::string_view params,
                            UpstreamSession* session) override {
    return server_->notify(method, params, session);
  }
  [[nodiscard]] bool shared() const override { return server_->shared(); }
  std::shared_ptr<UpstreamSession> open(ClientTerms terms) override {
    return server_->open(std::move(terms));
  }
  Task<Result<std::string>> establish(UpstreamSession& session) override {
    return server_->establish(session);
  }
  void watch(std::vector<std::string> uris) override { server_->watch(std::move(uris)); }
  Task<void> stop() override { co_return; }

 private:
  const std::shared_ptr<Upstream> server_;
  const std::shared_ptr<RouteRunner> runner_;
};

/// The routes of the packs in force, made when a call first takes one. A route that a new pack declares as
/// the old one did keeps what is known of its targets. Any thread; a lock held for a look-up.
class RouteBook {
 public:
  using Log = std::function<void(const std::string& line)>;

  /// The vectors outlive it.
  RouteBook(const std::vector<std::shared_ptr<Upstream>>& upstreams,
            const std::vector<std::shared_ptr<RoutedUpstream>>& routed, Caches caches, Log log)
      : upstreams_(upstreams), routed_(routed), caches_(caches), log_(std::move(log)) {}

  struct Entry {
    std::shared_ptr<DeclaredRoute> way;
    std::string meaning;  // of cache keys: the pack by its text, since another may mean another thing by the
                          // same key, and the same on another engine means the same
  };
  /// The way of calls of `server` along a route of the pack.
  Entry find(const std::shared_ptr<const decision::Pack>& pack, const abi::Route& route, uint32_t server);
  [[nodiscard]] std::vector<RouteStatus> status() const;

 private:
  struct Page {
    std::shared_ptr<const decision::Pack> pack;  // keeps the route where it is
    Entry entry;
    std::shared_ptr<const Lanes> replicas;  // of the server, as they were when the lanes were made
  };
  using Key = std::pair<const abi::Route*, uint32_t>;

  Page make(const std::shared_ptr<const decision::Pack>& pack, const abi::Route& route, uint32_t server);
  std::shared_ptr<const Lanes> lanes_of(const abi::Route& route, uint32_t server, const Lanes* replicas);
  std::optional<Lane> lane_of(const std::string& name, const Lanes* replicas);
  const std::shared_ptr<routing::Target>& target_of(uint32_t server);
  [[nodiscard]] std::shared_ptr<const Lanes> replicas_of(uint32_t server) const;
  void forget_old(const decision::Pack* now);

  const std::vector<std::shared_ptr<Upstream>>& upstreams_;
  const std::vector<std::shared_ptr<RoutedUpstream>>& routed_;
  const Caches caches_;
  const Log log_;
  mutable std::mutex mutex_;  // guards what is below
  std::map<Key, Page> pages_;
  std::map<uint32_t, std::shared_ptr<routing::Target>> targets_;  // of servers with one place
};

}  // namespace catalyst::mcp
