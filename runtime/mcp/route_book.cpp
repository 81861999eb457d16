#include "runtime/mcp/route_book.h"

#include <algorithm>
#include <random>
#include <tuple>

#include "runtime/abi/unit.h"
#include "runtime/base/base64.h"
#include "runtime/decision/engine.h"
#include "runtime/mcp/seal.h"

namespace catalyst::mcp {
namespace {

auto retry_of(const abi::Route& route) {
  const abi::RetryPolicy policy = route.retry.value_or(abi::RetryPolicy());
  return std::tuple(route.retry.has_value(), policy.attempts, policy.on, policy.backoff_min_ms,
                    policy.backoff_max_ms);
}

auto breaker_of(const abi::Route& route) {
  const abi::BreakerPolicy policy = route.breaker.value_or(abi::BreakerPolicy());
  return std::tuple(policy.failures, policy.window_ms, policy.open_ms);
}

auto rest_of(const abi::Route& route) {
  const abi::CachePolicy cache = route.cache.value_or(abi::CachePolicy());
  const abi::ShadowPolicy shadow = route.shadow.value_or(abi::ShadowPolicy());
  return std::tuple(route.name, route.balance, route.timeout_ms, route.hedge_after_ms, route.repeatable,
                    cache.ttl_ms, cache.scope, shadow.server, shadow.share_ppm);
}

/// Whether two declarations treat targets alike.
bool is_same(const abi::Route& a, const abi::Route& b) {
  return std::equal(a.targets.begin(), a.targets.end(), b.targets.begin(), b.targets.end(),
                    [](const abi::RouteTarget& x, const abi::RouteTarget& y) {
                      return x.server == y.server && x.weight == y.weight;
                    }) &&
         retry_of(a) == retry_of(b) && breaker_of(a) == breaker_of(b) && rest_of(a) == rest_of(b);
}

/// Packs with the same text mean the same by a key.
std::string meaning_of(const decision::Pack& pack) {
  std::string texts;
  for (const abi::SourceText& file : pack.unit().files) {
    texts += digest_of({file.text});
  }
  return "pack " + base64url_encode(digest_of({"route keys", texts})) + ":";
}

routing::Reach reach_of(UpstreamState state) {
  switch (state) {
    case UpstreamState::Ready:
      return routing::Reach::Up;
    case UpstreamState::Starting:
      return routing::Reach::Starting;
    case UpstreamState::Backoff:
    case UpstreamState::Stopped:
      return routing::Reach::Down;
  }
  return routing::Reach::Down;
}

}  // namespace

std::shared_ptr<const Lanes> RouteBook::replicas_of(uint32_t server) const {
  return routed_[server] == nullptr ? nullptr : routed_[server]->runner()->lanes();
}

const std::shared_ptr<routing::Target>& RouteBook::target_of(uint32_t server) {
  std::shared_ptr<routing::Target>& target = targets_[server];
  if (target == nullptr) {
    target = std::make_shared<routing::Target>(
        upstreams_[server]->name(), routing::BulkheadPolicy(), routing::OutlierPolicy(),
        routing::CheckPolicy(), [upstream = upstreams_[server]] { return reach_of(upstream->state()); });
  }
  return target;
}

/// A replica of the server that the call names, else a server of the configuration.
std::optional<Lane> RouteBook::lane_of(const std::string& name, const Lanes* replicas) {
  if (replicas != nullptr) {
    const auto found = std::find_if(replicas->begin(), replicas->end(),
                                    [&](const Lane& lane) { return lane.target->name() == name; });
    if (found != replicas->end()) {
      return *found;
    }
  }
  for (uint32_t i = 0; i < upstreams_.size(); ++i) {
    if (upstreams_[i]->name() == name) {
      Lane lane;
      lane.target = target_of(i);
      lane.upstream = upstreams_[i];
      lane.server = i;
      lane.place = name;
      lane.origin = "policy";
      return lane;
    }
  }
  return std::nullopt;
}

std::shared_ptr<const Lanes> RouteBook::lanes_of(const abi::Route& route, uint32_t server,
                                                 const Lanes* replicas) {
  auto out = std::make_shared<Lanes>();
  if (route.targets.empty()) {
    if (replicas != nullptr) {
      *out = *replicas;
    } else {
      out->push_back(*lane_of(upstreams_[server]->name(), nullptr));
    }
    return out;
  }
  for (const abi::RouteTarget& target : route.targets) {
    std::optional<Lane> lane = lane_of(target.server, replicas);
    if (!lane) {
      log_("route " + route.name + ": no server is called `" + target.server + "`, it gets no calls");
      continue;
    }
    lane->weight = target.weight;
    out->push_back(std::move(*lane));
  }
  return out;
}

RouteBook::Page RouteBook::make(const std::shared_ptr<const decision::Pack>& pack, const abi::Route& route,
                                uint32_t server) {
  Page page;
  page.pack = pack;
  page.entry.meaning = meaning_of(*pack);
  for (const auto& [key, old] : pages_) {
    if (key.second == server && is_same(*key.first, route)) {
      page.entry.way = old.entry.way;
    }
  }
  page.replicas = replicas_of(server);
  if (page.entry.way == nullptr) {
    RouteRule rule;
    rule.route = route;
    rule.hash_by = HashBy::Expression;
    if (route.shadow) {
      rule.shadow = lane_of(route.shadow->server, page.replicas.get());
      if (!rule.shadow) {
        log_("route " + route.name + ": no server is called `" + route.shadow->server +
             "`, nothing is copied");
      }
    }
    page.entry.way =
        std::make_shared<DeclaredRoute>(upstreams_[server], std::move(rule), caches_, std::random_device{}());
  }
  page.entry.way->runner()->set_lanes(lanes_of(route, server, page.replicas.get()));
  return page;
}

/// Packs that nobody else holds decide nothing any more.
void RouteBook::forget_old(const decision::Pack* now) {
  std::erase_if(pages_, [now](const auto& entry) {
    return entry.second.pack.get() != now && entry.second.pack.use_count() == 1;
  });
}

RouteBook::Entry RouteBook::find(const std::shared_ptr<const decision::Pack>& pack, const abi::Route& route,
                                 uint32_t server) {
  const std::lock_guard lock(mutex_);
  const auto found = pages_.find({&route, server});
  if (found == pages_.end()) {
    Page page = make(pack, route, server);
    const Entry entry = page.entry;
    pages_.emplace(Key{&route, server}, std::move(page));
    forget_old(pack.get());
    return entry;
  }
  Page& page = found->second;
  if (std::shared_ptr<const Lanes> replicas = replicas_of(server); replicas != page.replicas) {
    page.replicas = std::move(replicas);
    page.entry.way->runner()->set_lanes(lanes_of(route, server, page.replicas.get()));
  }
  return page.entry;
}

std::vector<RouteStatus> RouteBook::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<RouteStatus> out;
  std::vector<const DeclaredRoute*> seen;
  for (const auto& [key, page] : pages_) {
    const DeclaredRoute* way = page.entry.way.get();
    if (std::find(seen.begin(), seen.end(), way) != seen.end()) {
      continue;  // two packs declare it alike
    }
    seen.push_back(way);
    RouteStatus one = status_of(*way->runner(), upstreams_[key.second]->name());
    one.declared = true;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace catalyst::mcp
