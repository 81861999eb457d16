#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/mcp/catalogue_guard.h"

namespace catalyst::mcp {

using CataloguePtr = std::shared_ptr<const Catalogue>;

/// Which lists changed, one flag per ListKind.
using KindSet = std::array<bool, 4>;

/// Keeps the catalogue true: one coroutine per upstream greets it, follows all pages of its lists, and does
/// so again when the upstream says that a list changed, reconnects, or a listing has grown old. Upstreams
/// never wait for each other. All upkeep runs on its home.
class CatalogueKeeper : public std::enable_shared_from_this<CatalogueKeeper> {
 public:
  /// What the keeper tells; runs on the home executor.
  struct Hooks {
    /// After a changed catalogue is in place.
    std::function<void(uint32_t server, const KindSet& kinds)> changed;
    /// Schemas of a server's tools that cannot be checked against.
    std::function<void(uint32_t server, const std::string& reason)> unchecked;
    /// After a new connection to the server was greeted and its lists are loaded.
    std::function<void(uint32_t server)> greeted;
  };

  CatalogueKeeper(const Executor& home, std::vector<std::shared_ptr<Upstream>> upstreams,
                  CatalogueLimits limits, std::string separator, Hooks hooks);

  /// Before start: who looks at tools, and the servers whose calls are not checked against schemas.
  void guard(CatalogueGuard* guard, std::vector<std::string> unchecked);
  /// Before start: servers that are not part of what is served for all.
  void keep_apart(const std::vector<std::string>& servers);
  ~CatalogueKeeper();

  void start();
  void stop();
  /// An upstream's notification that a list changed. Any thread.
  void mark_changed(uint32_t server, ListKind kind);
  /// The guard would answer otherwise now: has it look at everything again. Any thread.
  void inspect_again();
  /// A client asked for lists: renews those that are older than the limit, in the background. Any thread.
  void mark_used(Scope scope);
  /// Any thread; lock-free while nothing changes.
  [[nodiscard]] CataloguePtr current() const;
  /// current(), after servers that are still starting got their chance (limits.settle_ms since start at
  /// most).
  Task<CataloguePtr> settled(Scope scope) const;

 private:
  struct Slot;

  Task<void> keep(uint32_t server);
  Task<Result<std::shared_ptr<const Listing>>> load(uint32_t server,
                                                    std::shared_ptr<const UpstreamInfo> info);
  void inspect_tools(uint32_t server, Listing& listing);
  Task<Result<void>> load_kind(uint32_t server, const UpstreamInfo& info, ListKind kind,
                               std::vector<Item>& out);
  Task<void> refresh(uint32_t server, std::shared_ptr<const UpstreamInfo> info);
  Task<void> pause(Slot& slot, int64_t ms);
  void publish(uint32_t server, ServerEntry entry, KindSet changed);
  void set_missing(uint32_t server, const std::string& why);

  const Executor home_;
  const std::vector<std::shared_ptr<Upstream>> upstreams_;
  const CatalogueLimits limits_;
  const std::string separator_;
  const Hooks hooks_;
  CatalogueGuard* guard_ = nullptr;
  std::vector<std::string> unchecked_;
  std::vector<std::unique_ptr<Slot>> slots_;  // home only, but for the atomics in them
  std::atomic<bool> stopped_ = false;
  std::atomic<int64_t> start_ms_ = 0;

  mutable std::mutex mutex_;
  CataloguePtr current_;  // under mutex_
  std::atomic<uint64_t> generation_ =
      0;  // unique over all keepers, so that a thread's cached pointer is never another's
};

}  // namespace catalyst::mcp
