#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/config/config.h"

namespace catalyst::server {
namespace {

using testing::HasSubstr;

LoadedConfig load(const std::string& text) {
  return load_config(ConfigText{"/etc/catalyst/catalyst.yaml", text}, {});
}

std::string problems(const LoadedConfig& loaded) {
  std::string out;
  for (const Problem& problem : loaded.problems) {
    out += problem.text() + "\n";
  }
  return out;
}

TEST(Routing, IsNotUsedUnlessItIsAskedFor) {
  const LoadedConfig loaded = load("servers: {web: {url: 'http://web/mcp', federate: false}}");
  ASSERT_EQ(problems(loaded), "");
  EXPECT_FALSE(loaded.config.servers[0].routing.used);
  EXPECT_FALSE(loaded.config.servers[0].routing.federate);
}

TEST(Routing, ReadsReplicasAndPolicies) {
  const LoadedConfig loaded = load(R"(
servers:
  spare: {url: "http://spare/mcp"}
  next: {url: "http://next/mcp"}
  search:
    replicas:
      - {url: "http://one/mcp", weight: 3}
      - {url: "http://two/mcp", name: two}
      - {server: spare, weight: 0}
    timeout: 3s
    balance: least_loaded
    retry: {attempts: 1, on: [timeout, unavailable], backoff_min: 50ms, backoff_max: 1s, budget: 10}
    breaker: {failures: 5, window: 10s, open: 30s}
    hedge_after: 200ms
    health: {interval: 5s}
    max_in_flight: 10
    queue: 20
    cache: {ttl: 1m, scope: public}
    shadow: {server: next, percent: 5}
)");
  ASSERT_EQ(problems(loaded), "");
  const UpstreamConfig& search = loaded.config.servers[2];
  const RoutingConfig& routing = search.routing;
  ASSERT_EQ(routing.replicas.size(), 3U);
  EXPECT_EQ(routing.replicas[0].name, "search-1");
  EXPECT_EQ(routing.replicas[0].weight, 3U);
  EXPECT_EQ(routing.replicas[1].name, "two");
  EXPECT_EQ(routing.replicas[2].name, "spare");
  EXPECT_EQ(routing.route.timeout_ms, 3'000U);
  EXPECT_EQ(routing.route.balance, abi::Balance::LeastLoaded);
  ASSERT_TRUE(routing.route.retry);
  EXPECT_EQ(routing.route.retry->attempts, 1U);
  EXPECT_EQ(routing.route.retry->on, 3);
  EXPECT_EQ(routing.route.breaker->failures, 5U);
  EXPECT_EQ(routing.route.hedge_after_ms, 200U);
  EXPECT_EQ(routing.check_interval_ms, 5'000);
  EXPECT_EQ(routing.route.cache->ttl_ms, 60'000U);
  EXPECT_EQ(routing.route.cache->scope, abi::CacheScope::Shared);
  EXPECT_EQ(routing.route.shadow->server, "next");
  EXPECT_EQ(routing.route.shadow->share_ppm, 50'000U);
  EXPECT_TRUE(routing.used);
}

TEST(Routing, DefaultsRetryWhatBroke) {
  const LoadedConfig loaded = load("servers: {web: {url: 'http://web/mcp', resolve: 10s}}");
  ASSERT_EQ(problems(loaded), "");
  const RoutingConfig& routing = loaded.config.servers[0].routing;
  EXPECT_TRUE(routing.used);
  EXPECT_EQ(routing.resolve_ms, 10'000);
  EXPECT_EQ(routing.route.retry->attempts, 2U);
  EXPECT_EQ(routing.route.retry->on, static_cast<uint8_t>(abi::RetryOn::Unavailable));
  EXPECT_FALSE(routing.route.breaker);
  EXPECT_FALSE(routing.route.cache);
}

TEST(Routing, SaysWhatIsWrongAllAtOnce) {
  const std::string text = problems(load(R"(
servers:
  a:
    replicas: [{url: "http://x", server: b}, {url: "ftp://x"}, {name: "a b", url: "http://x"}]
    retry: {on: [often]}
    queue: 3
    shadow: {percent: 5}
  b: {url: "http://b", replicas: [{server: nobody}]}
  c: {replicas: []}
  d: {command: x, resolve: 5s}
  e: {replicas: [{server: b}]}
  f: {replicas: [{url: "http://x"}, {name: f-1, url: "http://y"}]}
)"));
  for (const char* part : {"needs either `url` or `server`", "must start with http:// or https://",
                           "cannot be a replica's name", "`retry.on` cannot be `often`",
                           "`queue` without `max_in_flight`", "needs both `server` and `percent`",
                           "has `replicas` beside", "names `nobody` as replica, and no server is called that",
                           "is empty", "`resolve` looks up the name in `url`", "which has routing of its own",
                           "a second replica named `f-1`"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

}  // namespace
}  // namespace catalyst::server
