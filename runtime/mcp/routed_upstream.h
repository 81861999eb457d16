#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/mcp/route_runner.h"
#include "runtime/mcp/route_status.h"
#include "runtime/mcp/upstream.h"
#include "runtime/routing/target.h"

namespace catalyst::mcp {

/// A replica to be made.
struct ReplicaSpec {
  std::string name;  // letters, digits, `_`, `-`, `.` and `:`, 64 at most; "": after its address
  std::string url;
  std::string address;  // where to connect instead of where the url's name leads; "" for that
  uint32_t weight = 1;
};

struct RoutedUpstreamOptions {
  std::string name;
  RouteRule rule;  // of calls that no declared route is for
  routing::BulkheadPolicy bulkhead;
  routing::OutlierPolicy outliers;
  routing::CheckPolicy checks;
  int64_t check_interval_ms = 0;  // between two health checks of a replica; 0: none
  int64_t check_timeout_ms = 2'000;
  bool shared = false;       // as Upstream::shared, of all replicas
  size_t replicas_max = 64;  // each keeps connections
  std::string resolve_host;  // every address of this name is a replica; "": none is found like this
  std::string resolve_port;
  std::string resolve_url;
  int64_t resolve_ms = 30'000;      // between two look-ups
  int64_t removal_ms = 60'000;      // how long the calls of a replica that is removed may take to end
  size_t definitions_max = 10'000;  // tools of one replica that are compared
  /// Makes the way to a replica.
  std::function<Result<std::shared_ptr<Upstream>>(const ReplicaSpec& spec)> make;
  std::function<void(std::string_view line)> log = [](auto&&) {};  // what an operator should know; any thread
};

/// A server that runs in several places, as one. Its catalogue is that of the first replica that can be
/// reached; a replica that lists other tools gets no calls, since rules and clients know those of the
/// catalogue. Calls go along a route (RouteRunner). Upkeep (comparing definitions, health checks, look-ups of
/// names) runs on the home executor, one coroutine a replica. Created with std::make_shared.
class RoutedUpstream final : public Upstream, public std::enable_shared_from_this<RoutedUpstream> {
 public:
  RoutedUpstream(Executor home, RoutedUpstreamOptions options, Caches caches);
  ~RoutedUpstream() override;

  /// Before start: a replica that is a server of the configuration, with its index there.
  void add_server(const std::shared_ptr<Upstream>& server, uint32_t index, uint32_t weight);
  /// Makes one more. `origin`: who wants it, "file", "dns" or "api". Any thread.
  Result<void> add(const ReplicaSpec& spec, const std::string& origin);
  /// Takes one out; its calls in flight go on. Any thread, like what follows.
  Result<void> remove(std::string_view name);
  Result<void> drain(std::string_view name, bool draining);
  Result<void> set_weight(std::string_view name, uint32_t weight);

  [[nodiscard]] const std::shared_ptr<RouteRunner>& runner() const { return runner_; }
  [[nodiscard]] RouteStatus status() const;
  /// A server of the configuration says that its tools changed; true when it is a replica of this one. Any
  /// thread.
  bool definitions_changed(uint32_t server);

  [[nodiscard]] const std::string& name() const override { return options_.name; }
  [[nodiscard]] UpstreamState state() const override;
  [[nodiscard]] std::string last_error() const override;
  void start(UpstreamEvent on_event) override;
  Task<Result<std::shared_ptr<const UpstreamInfo>>> ready(int64_t timeout_ms) override;
  Task<Result<UpstreamReply>> call(const UpstreamCall& call) override;
  Task<Result<void>> notify(std::string_view method, std::string_view params,
                            UpstreamSession* session) override;
  [[nodiscard]] bool shared() const override { return options_.shared; }
  std::shared_ptr<UpstreamSession> open(ClientTerms terms) override;
  Task<Result<std::string>> establish(UpstreamSession& session) override;
  void watch(std::vector<std::string> uris) override;
  Task<void> stop() override;

 private:
  /// What upkeep knows of a replica; the home executor's, but for the atomics.
  struct Replica;
  using ReplicaPtr = std::shared_ptr<Replica>;

  [[nodiscard]] std::vector<ReplicaPtr> replicas() const;
  [[nodiscard]] ReplicaPtr find(std::string_view name) const;
  /// The replica whose definitions are the catalogue's; nullptr while there is none.
  [[nodiscard]] ReplicaPtr lead() const;
  ReplicaPtr admit(Lane lane, bool owned);
  void publish_locked();
  void begin(const ReplicaPtr& replica);
  void take_event(const std::weak_ptr<Replica>& from, std::string_view method, std::string_view message);

  // routed_replicas.cpp
  Task<void> keep(ReplicaPtr replica);
  Task<void> inspect(const ReplicaPtr& replica);
  Task<Result<std::string>> definitions_of(const ReplicaPtr& replica);
  Task<void> check(const ReplicaPtr& replica);
  void elect();
  Task<void> retire(ReplicaPtr replica);
  Task<void> resolve();
  void take_addresses(const std::vector<std::string>& addresses);
  Task<Result<UpstreamReply>> set_level(const UpstreamCall& call);

  const Executor home_;
  const RoutedUpstreamOptions options_;
  const std::shared_ptr<RouteRunner> runner_;
  UpstreamEvent on_event_;
  std::atomic<bool> stopped_ = false;
  std::string reference_;  // digest of the definitions in force; the home executor's

  mutable std::mutex mutex_;  // guards what is below
  std::vector<ReplicaPtr> replicas_;
  std::vector<std::string> watched_;
  bool started_ = false;
};

}  // namespace catalyst::mcp
