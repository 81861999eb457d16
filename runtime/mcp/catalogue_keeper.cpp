#include "runtime/mcp/catalogue_keeper.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <unordered_set>

#include "runtime/base/clock.h"
#include "runtime/mcp/argument_schemas.h"
#include "runtime/mcp/envelope.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr int64_t kReadyWaitMs = 1'000;
constexpr int64_t kTickMs = 1'000;
constexpr int64_t kSettlePollMs = 10;
constexpr int64_t kRetryFirstMs = 500;
constexpr int64_t kRetryMaxMs = 30'000;
constexpr int kMethodNotFound = -32601;

std::atomic<uint64_t> next_generation = 1;

bool any(const KindSet& kinds) { return std::find(kinds.begin(), kinds.end(), true) != kinds.end(); }

bool same_items(const std::vector<Item>& a, const std::vector<Item>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Item& x, const Item& y) { return x.json == y.json; });
}

bool is_method_not_found(const UpstreamReply& reply) {
  return reply.is_error && find_member(reply.payload, "code") == std::to_string(kMethodNotFound);
}

}  // namespace

struct CatalogueKeeper::Slot {
  explicit Slot(const Executor& executor) : timer(executor) {}
  SteadyTimer timer;
  std::shared_ptr<const UpstreamInfo> info;  // of the last load
  KindSet dirty = {};
  std::atomic<bool> stale = false;
  std::atomic<int64_t> loaded_ms = 0;
  int64_t retry_ms = 0;  // pause after the last failed load, 0 = none failed
  int64_t retry_at_ms = 0;
  ServerEntry entry;
};

CatalogueKeeper::CatalogueKeeper(const Executor& home, std::vector<std::shared_ptr<Upstream>> upstreams,
                                 CatalogueLimits limits, std::string separator, Hooks hooks)
    : home_(home),
      upstreams_(std::move(upstreams)),
      limits_(limits),
      separator_(std::move(separator)),
      hooks_(std::move(hooks)) {
  std::vector<ServerEntry> entries;
  for (const std::shared_ptr<Upstream>& upstream : upstreams_) {
    slots_.push_back(std::make_unique<Slot>(home_));
    slots_.back()->entry.name = upstream->name();
    entries.push_back(slots_.back()->entry);
  }
  current_ = std::make_shared<const Catalogue>(std::move(entries), separator_);
  generation_ = next_generation++;
}

CatalogueKeeper::~CatalogueKeeper() = default;

void CatalogueKeeper::keep_apart(const std::vector<std::string>& servers) {
  std::vector<ServerEntry> entries;
  for (const std::unique_ptr<Slot>& slot : slots_) {
    slot->entry.federated = std::find(servers.begin(), servers.end(), slot->entry.name) == servers.end();
    entries.push_back(slot->entry);
  }
  const std::lock_guard lock(mutex_);
  current_ = std::make_shared<const Catalogue>(std::move(entries), separator_);
  generation_ = next_generation++;
}

void CatalogueKeeper::guard(CatalogueGuard* guard, std::vector<std::string> unchecked) {
  guard_ = guard;
  unchecked_ = std::move(unchecked);
}

void CatalogueKeeper::start() {
  start_ms_ = steady_ms();
  for (uint32_t server = 0; server < upstreams_.size(); ++server) {
    asio::co_spawn(home_, keep(server), asio::detached);
  }
}

void CatalogueKeeper::stop() {
  stopped_ = true;
  asio::post(home_, [self = shared_from_this()] {
    for (const std::unique_ptr<Slot>& slot : self->slots_) {
      slot->timer.cancel();
    }
  });
}

void CatalogueKeeper::mark_changed(uint32_t server, ListKind kind) {
  asio::post(home_, [self = shared_from_this(), server, kind] {
    Slot& slot = *self->slots_[server];
    slot.dirty[static_cast<size_t>(kind)] = true;
    slot.timer.cancel();
  });
}

void CatalogueKeeper::inspect_again() {
  for (uint32_t server = 0; server < slots_.size(); ++server) {
    mark_changed(server, ListKind::Tools);
  }
}

void CatalogueKeeper::mark_used(Scope scope) {
  const int64_t now = steady_ms();
  for (uint32_t server = 0; server < slots_.size(); ++server) {
    Slot& slot = *slots_[server];
    const int64_t loaded = slot.loaded_ms.load(std::memory_order_relaxed);
    if (scope.covers(server) && loaded != 0 && now - loaded > limits_.refresh_ms &&
        !slot.stale.exchange(true)) {
      asio::post(home_, [self = shared_from_this(), server] { self->slots_[server]->timer.cancel(); });
    }
  }
}

CataloguePtr CatalogueKeeper::current() const {
  struct Cached {
    uint64_t generation = 0;
    CataloguePtr catalogue;
  };
  static thread_local Cached cached;
  const uint64_t generation = generation_.load(std::memory_order_acquire);
  if (cached.generation != generation) {
    const std::lock_guard lock(mutex_);
    cached.catalogue = current_;
    cached.generation = generation_.load(std::memory_order_relaxed);
  }
  return cached.catalogue;
}

Task<CataloguePtr> CatalogueKeeper::settled(Scope scope) const {
  CataloguePtr catalogue = current();
  if (catalogue->settled(scope)) {
    co_return catalogue;
  }
  SteadyTimer timer(co_await asio::this_coro::executor);
  while (!catalogue->settled(scope) && steady_ms() - start_ms_ < limits_.settle_ms) {
    timer.expires_after(std::chrono::milliseconds(kSettlePollMs));
    co_await timer.async_wait(use_awaitable);
    catalogue = current();
  }
  co_return catalogue;
}

Task<void> CatalogueKeeper::pause(Slot& slot, int64_t ms) {
  if (!stopped_) {
    slot.timer.expires_after(std::chrono::milliseconds(ms));
    co_await slot.timer.async_wait(asio::as_tuple(use_awaitable));
  }
}

Task<void> CatalogueKeeper::keep(uint32_t server) {
  const std::shared_ptr<CatalogueKeeper> self = shared_from_this();
  Slot& slot = *slots_[server];
  while (!stopped_) {
    const Result<std::shared_ptr<const UpstreamInfo>> info = co_await upstreams_[server]->ready(kReadyWaitMs);
    if (stopped_) {
      break;
    }
    if (!info) {
      const bool still_starting = slot.entry.state == ServerEntry::State::Unknown &&
                                  upstreams_[server]->state() == UpstreamState::Starting &&
                                  steady_ms() - start_ms_ < limits_.settle_ms;
      if (!still_starting) {
        set_missing(server, info.error().message());
      }
      co_await pause(slot, kTickMs / 4);
      continue;
    }
    const bool due =
        *info != slot.info || any(slot.dirty) || slot.stale || slot.entry.state != ServerEntry::State::Listed;
    if (due && steady_ms() >= slot.retry_at_ms) {
      co_await refresh(server, *info);
    }
    if (!any(slot.dirty)) {
      co_await pause(slot, kTickMs);
    } else {
      // More notifications of the same burst shall find their lists not loaded yet.
      SteadyTimer timer(home_, std::chrono::milliseconds(limits_.coalesce_ms));
      co_await timer.async_wait(asio::as_tuple(use_awaitable));
    }
  }
}

Task<void> CatalogueKeeper::refresh(uint32_t server, std::shared_ptr<const UpstreamInfo> info) {
  Slot& slot = *slots_[server];
  KindSet changed = slot.dirty;
  slot.dirty = {};
  slot.stale = false;
  const Result<std::shared_ptr<const Listing>> listing = co_await load(server, info);
  slot.loaded_ms = steady_ms();
  if (!listing) {
    slot.retry_ms = std::clamp(slot.retry_ms * 2, kRetryFirstMs, kRetryMaxMs);
    slot.retry_at_ms = steady_ms() + slot.retry_ms;
    if (slot.info != info) {
      set_missing(server, listing.error().message());
    }
    co_return;
  }
  slot.retry_ms = 0;
  slot.retry_at_ms = 0;
  const bool greeted = slot.info != info;
  slot.info = std::move(info);
  const bool was_listed = slot.entry.state == ServerEntry::State::Listed;
  for (const ListKind kind : kListKinds) {
    const std::vector<Item>& now = (*listing)->of(kind);
    const bool same = was_listed ? same_items(slot.entry.listing->of(kind), now) : now.empty();
    changed[static_cast<size_t>(kind)] = changed[static_cast<size_t>(kind)] || !same;
  }
  ServerEntry entry = slot.entry;
  entry.state = ServerEntry::State::Listed;
  entry.listing = *listing;
  entry.error.clear();
  publish(server, std::move(entry), changed);
  if (greeted && hooks_.greeted) {
    hooks_.greeted(server);
  }
}

Task<Result<std::shared_ptr<const Listing>>> CatalogueKeeper::load(uint32_t server,
                                                                   std::shared_ptr<const UpstreamInfo> info) {
  auto listing = std::make_shared<Listing>();
  listing->info = info;
  for (const ListKind kind : kListKinds) {
    std::vector<Item>& items = listing->items[static_cast<size_t>(kind)];
    const Result<void> loaded = co_await load_kind(server, *info, kind, items);
    if (!loaded) {
      co_return loaded.error();
    }
    const bool named = kind == ListKind::Tools || kind == ListKind::Prompts;
    ItemIndex& index = listing->index[static_cast<size_t>(kind)];
    // What a server lists twice could be called only once.
    std::unordered_set<std::string> seen;
    std::erase_if(items, [&seen](const Item& item) { return !seen.insert(item.key).second; });
    if (kind == ListKind::Tools) {
      // Clients mirror arguments for every tool that says so, whatever its server speaks; only a modern one
      // that says it wrong is left out.
      std::erase_if(items, [&info](Item& item) {
        std::optional<std::vector<ParamHeader>> headers = read_param_headers(item.json);
        item.headers = headers.value_or(std::vector<ParamHeader>());
        const std::string_view annotations = find_member(item.json, "annotations");
        item.read_only = find_member(annotations, "readOnlyHint") == "true";
        item.idempotent = find_member(annotations, "idempotentHint") == "true";
        return !headers && info->era == Era::Modern;
      });
    }
    if (kind == ListKind::Tools) {
      inspect_tools(server, *listing);
    }
    for (Item& item : items) {
      item.federated = named ? upstreams_[server]->name() + separator_ + item.key : item.key;
      index.try_emplace(item.key, &item);
    }
  }
  co_return std::shared_ptr<const Listing>(std::move(listing));
}

void CatalogueKeeper::inspect_tools(uint32_t server, Listing& listing) {
  const std::string& name = upstreams_[server]->name();
  std::vector<Item>& tools = listing.items[static_cast<size_t>(ListKind::Tools)];
  if (guard_ != nullptr) {
    guard_->inspect(name, tools, listing.held);
    for (Item& item : listing.held) {
      item.federated = name + separator_ + item.key;
    }
  }
  if (std::find(unchecked_.begin(), unchecked_.end(), name) == unchecked_.end()) {
    for (const std::string& reason : attach_schemas(tools, slots_[server]->entry.listing.get())) {
      if (hooks_.unchecked) {
        hooks_.unchecked(server, reason);
      }
    }
  }
}

Task<Result<void>> CatalogueKeeper::load_kind(uint32_t server, const UpstreamInfo& info, ListKind kind,
                                              std::vector<Item>& out) {
  const ListSpec& spec = list_spec(kind);
  if (find_member(info.capabilities, spec.capability).empty()) {
    co_return Result<void>();
  }
  std::string cursor;
  for (size_t page = 0; page < limits_.pages; ++page) {
    UpstreamCall call;
    call.method = spec.method;
    const std::string params = cursor.empty() ? "{}" : R"({"cursor":)" + value::json_string(cursor) + "}";
    call.params = params;
    call.timeout_ms = limits_.load_timeout_ms;
    const Result<UpstreamReply> reply = co_await upstreams_[server]->call(call);
    if (!reply) {
      co_return add_context(reply.error(), std::string(spec.method));
    }
    if (is_method_not_found(*reply)) {
      co_return Result<void>();
    }
    if (reply->is_error) {
      co_return error(std::string(spec.method) + ": " + string_of(find_member(reply->payload, "message")));
    }
    Result<std::string> next = read_page(reply->payload, kind, limits_, out);
    if (!next) {
      co_return next.error();
    }
    if (next->empty() || *next == cursor) {
      co_return Result<void>();
    }
    cursor = std::move(*next);
  }
  co_return error(std::string(spec.method) + ": more pages than the limit allows");
}

void CatalogueKeeper::set_missing(uint32_t server, const std::string& why) {
  Slot& slot = *slots_[server];
  if (slot.entry.state == ServerEntry::State::Missing && slot.entry.error == why) {
    return;
  }
  KindSet changed = {};
  if (slot.entry.state == ServerEntry::State::Listed) {
    for (const ListKind kind : kListKinds) {
      changed[static_cast<size_t>(kind)] = !slot.entry.listing->of(kind).empty();
    }
  }
  ServerEntry entry = slot.entry;
  entry.state = ServerEntry::State::Missing;
  entry.error = why;
  publish(server, std::move(entry), changed);
}

void CatalogueKeeper::publish(uint32_t server, ServerEntry entry, KindSet changed) {
  slots_[server]->entry = std::move(entry);
  std::vector<ServerEntry> entries;
  for (const std::unique_ptr<Slot>& slot : slots_) {
    entries.push_back(slot->entry);
  }
  auto catalogue = std::make_shared<const Catalogue>(std::move(entries), separator_);
  {
    const std::lock_guard lock(mutex_);
    current_ = std::move(catalogue);
    generation_.store(next_generation++, std::memory_order_release);
  }
  if (any(changed) && hooks_.changed) {
    hooks_.changed(server, changed);
  }
}

}  // namespace catalyst::mcp
