// The upkeep of a routed server's replicas: whether they agree, whether they are well, and which there are.

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "runtime/base/clock.h"
#include "runtime/mcp/catalogue.h"
#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/routed_replica.h"
#include "runtime/mcp/seal.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);
constexpr auto kFirstTick = std::chrono::milliseconds(10);  // calls wait for it
constexpr int64_t kInspectTimeoutMs = 10'000;
constexpr int64_t kInspectAgainMs = 1'000;

Task<void> pause(std::chrono::milliseconds time, const Executor& executor) {
  SteadyTimer timer(executor, time);
  co_await timer.async_wait(asio::as_tuple(use_awaitable));
}

}  // namespace

Task<void> RoutedUpstream::keep(ReplicaPtr replica) {
  while (!stopped_ && !replica->gone) {
    const auto info = co_await replica->lane.upstream->ready(0);
    const bool looks = info && (*info != replica->info || !replica->known || replica->dirty);
    if (looks && steady_ms() >= replica->inspect_at_ms) {
      replica->info = *info;
      replica->dirty = false;
      co_await inspect(replica);
    }
    elect();
    if (options_.check_interval_ms > 0 && steady_ms() >= replica->check_at_ms) {
      replica->check_at_ms = steady_ms() + options_.check_interval_ms;
      if (info) {
        co_await check(replica);
      }
    }
    co_await pause(replica->known ? kTick : kFirstTick, home_);
  }
}

Task<void> RoutedUpstream::inspect(const ReplicaPtr& replica) {
  Result<std::string> digest = co_await definitions_of(replica);
  if (digest.has_error()) {
    options_.log("replica " + replica->lane.target->name() + " of " + options_.name +
                 ": its tools cannot be read: " + digest.error().message());
    replica->inspect_at_ms = steady_ms() + kInspectAgainMs;
    replica->dirty = true;
    co_return;
  }
  replica->digest = std::move(*digest);
  elect();  // before it gets calls
  replica->known = true;
}

/// A digest of the generation that it speaks and of every tool that it lists, in whatever order.
Task<Result<std::string>> RoutedUpstream::definitions_of(const ReplicaPtr& replica) {
  std::vector<Item> tools;
  CatalogueLimits limits;
  limits.items = options_.definitions_max;
  std::string cursor;
  const bool any = !find_member(replica->info->capabilities, "tools").empty();
  for (size_t page = 0; any && page < limits.pages; ++page) {
    const std::string params = cursor.empty() ? "{}" : R"({"cursor":)" + value::json_string(cursor) + "}";
    UpstreamCall call;
    call.method = "tools/list";
    call.params = params;
    call.timeout_ms = kInspectTimeoutMs;
    const Result<UpstreamReply> reply = co_await replica->lane.upstream->call(call);
    if (reply.has_error()) {
      co_return reply.error();
    }
    if (reply->is_error) {
      co_return error("tools/list: " + string_of(find_member(reply->payload, "message")));
    }
    Result<std::string> next = read_page(reply->payload, ListKind::Tools, limits, tools);
    if (next.has_error()) {
      co_return next.error();
    }
    if (next->empty() || *next == cursor) {
      break;
    }
    cursor = std::move(*next);
  }
  std::sort(tools.begin(), tools.end(), [](const Item& a, const Item& b) { return a.key < b.key; });
  std::string all = replica->info->era == Era::Modern ? "modern" : "legacy";
  for (const Item& tool : tools) {
    all += '\n';
    all += tool.json;
  }
  co_return digest_of({"definitions", all});
}

/// Whose definitions are in force: those that are, while anybody who can be reached has them; else those of
/// the first who can be. Everybody else differs.
void RoutedUpstream::elect() {
  const auto has = [](const ReplicaPtr& replica) {
    return !replica->digest.empty() && replica->lane.upstream->state() == UpstreamState::Ready &&
           !replica->lane.target->status(steady_ms()).draining;
  };
  const std::vector<ReplicaPtr> all = replicas();
  const bool alive = std::any_of(all.begin(), all.end(), [&](const ReplicaPtr& replica) {
    return has(replica) && replica->digest == reference_;
  });
  if (!alive) {
    const auto first = std::find_if(all.begin(), all.end(), has);
    if (first == all.end()) {
      return;
    }
    reference_ = (*first)->digest;
  }
  for (const ReplicaPtr& replica : all) {
    const bool differs = !replica->digest.empty() && replica->digest != reference_;
    if (differs != replica->differs) {
      replica->differs = differs;
      options_.log("replica " + replica->lane.target->name() + " of " + options_.name +
                   (differs ? " lists other tools than the catalogue: it gets no calls" : " agrees again"));
    }
    replica->lane.target->set_differing(differs);
  }
}

Task<void> RoutedUpstream::check(const ReplicaPtr& replica) {
  UpstreamCall call;
  call.method = replica->info != nullptr && replica->info->era == Era::Modern ? "server/discover" : "ping";
  call.params = "{}";
  call.timeout_ms = options_.check_timeout_ms;
  const Result<UpstreamReply> reply = co_await replica->lane.upstream->call(call);
  // An error is an answer: some servers do not know the method.
  replica->lane.target->checked(reply.has_value());
}

Task<void> RoutedUpstream::retire(ReplicaPtr replica) {
  const int64_t until_ms = steady_ms() + options_.removal_ms;
  while (!stopped_ && replica->lane.target->in_flight() > 0 && steady_ms() < until_ms) {
    co_await pause(kTick, home_);
  }
  elect();
  if (replica->owned) {
    co_await replica->lane.upstream->stop();
  }
}

Task<void> RoutedUpstream::resolve() {
  asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(home_);
  while (!stopped_) {
    const auto [failure, found] = co_await resolver.async_resolve(
        options_.resolve_host, options_.resolve_port, asio::as_tuple(use_awaitable));
    if (failure) {
      // Those that are known stay: a name server that is down is no reason to let go of servers that are not.
      options_.log("cannot look up " + options_.resolve_host + ": " + failure.message());
    } else {
      std::vector<std::string> addresses;
      for (const auto& entry : found) {
        addresses.push_back(entry.endpoint().address().to_string());
      }
      take_addresses(addresses);
    }
    const int64_t until_ms = steady_ms() + options_.resolve_ms;
    while (!stopped_ && steady_ms() < until_ms) {
      co_await pause(
          std::min<std::chrono::milliseconds>(kTick, std::chrono::milliseconds(options_.resolve_ms)), home_);
    }
  }
}

void RoutedUpstream::take_addresses(const std::vector<std::string>& addresses) {
  for (const ReplicaPtr& replica : replicas()) {
    const bool listed =
        std::find(addresses.begin(), addresses.end(), replica->lane.target->name()) != addresses.end();
    if (replica->lane.origin == "dns" && !listed) {
      remove(replica->lane.target->name());
    }
  }
  for (const std::string& address : addresses) {
    if (find(address) != nullptr) {
      continue;
    }
    const Result<void> added = add({address, options_.resolve_url, address, 1}, "dns");
    if (added.has_error()) {
      options_.log(added.error().message());
    }
  }
}

}  // namespace catalyst::mcp
