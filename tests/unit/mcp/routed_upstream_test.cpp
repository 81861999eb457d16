// A server that runs in several places: which replicas get calls, and what becomes of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/mcp/routed_upstream.h"
#include "tests/unit/mcp/fakes.h"

namespace catalyst::mcp {
namespace {

using testing::HasSubstr;

constexpr const char* kTools =
    R"({"tools":[{"name":"look","inputSchema":{},"annotations":{"readOnlyHint":true}}]})";
constexpr const char* kOthers = R"({"tools":[{"name":"look","inputSchema":{"type":"object"}}]})";

class Replicas {
 public:
  explicit Replicas(RoutedUpstreamOptions options = {}) : cache(1 << 20) {
    options.name = "search";
    options.make = [this](const ReplicaSpec& spec) -> Result<std::shared_ptr<Upstream>> {
      auto fake = std::make_shared<FakeUpstream>(spec.name, Era::Modern);
      fake->answers["tools/list"] = next_tools;
      fake->answers["tools/call"] = R"({"content":[]})";
      fake->answers["server/discover"] = "{}";
      fakes[spec.name] = fake;
      return std::shared_ptr<Upstream>(fake);
    };
    options.log = [this](std::string_view line) { lines += std::string(line) + "\n"; };
    routed = std::make_shared<RoutedUpstream>(io.get_executor(), std::move(options), cache);
  }
  ~Replicas() {
    asio::co_spawn(io, routed->stop(), [](const std::exception_ptr&) {});
    run_for(250);
  }

  void add(const std::string& name, const char* tools = kTools) {
    next_tools = tools;
    EXPECT_TRUE(routed->add({name, "http://" + name, "", 1}, "file").has_value());
  }
  void start() {
    routed->start([this](std::string_view method, std::string_view) { events.emplace_back(method); });
    run_for(50);
  }
  void run_for(int ms) {
    io.restart();
    io.run_for(std::chrono::milliseconds(ms));
  }
  int calls_of(const std::string& name) const {
    const auto& seen = fakes.at(name)->seen;
    return static_cast<int>(
        std::count_if(seen.begin(), seen.end(), [](const auto& one) { return one.method == "tools/call"; }));
  }
  std::string call() {
    std::string out = "nothing";
    UpstreamCall call;
    call.method = "tools/call";
    call.params = R"({"name":"look"})";
    bool done = false;
    asio::co_spawn(
        io,
        [](std::shared_ptr<RoutedUpstream> to, const UpstreamCall& what, std::string& text) -> Task<void> {
          const Result<UpstreamReply> reply = co_await to->call(what);
          text = reply ? std::string(reply->payload) : "failed: " + reply.error().message();
        }(routed, call, out),
        [&done](const std::exception_ptr&) { done = true; });
    for (int i = 0; i < 500 && !done; ++i) {
      run_for(1);
    }
    return out;
  }
  std::string state_of(const std::string& name) const {
    for (const LaneStatus& lane : routed->status().lanes) {
      if (lane.member.name == name) {
        return std::string(routing::text_of(lane.member.target.standing));
      }
    }
    return "gone";
  }

  asio::io_context io;
  routing::ResultCache cache;
  std::map<std::string, std::shared_ptr<FakeUpstream>> fakes;
  std::shared_ptr<RoutedUpstream> routed;
  std::string next_tools = kTools;
  std::string lines;
  std::vector<std::string> events;
};

TEST(RoutedUpstream, SpreadsCallsOverReplicas) {
  Replicas replicas;
  replicas.add("a");
  replicas.add("b");
  replicas.start();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(replicas.call(), R"({"content":[]})");
  }
  EXPECT_EQ(replicas.calls_of("a"), 5);
  EXPECT_EQ(replicas.calls_of("b"), 5);
  EXPECT_EQ(replicas.routed->state(), UpstreamState::Ready);
}

TEST(RoutedUpstream, EachReplicaHearsTheLogLevelWithItsOwnCredentials) {
  Replicas replicas;
  std::vector<std::shared_ptr<FakeUpstream>> servers;
  for (uint32_t i = 0; i < 2; ++i) {
    servers.push_back(std::make_shared<FakeUpstream>("server" + std::to_string(i), Era::Modern));
    servers[i]->answers = {{"tools/list", kTools}, {"logging/setLevel", "{}"}};
    replicas.routed->add_server(servers[i], i, 1);
  }
  replicas.add("a");
  replicas.fakes["a"]->answers["logging/setLevel"] = "{}";
  replicas.start();
  UpstreamCall call;
  call.method = "logging/setLevel";
  call.params = R"({"level":"debug"})";
  call.extra_headers = "Mcp-Param-X: 1\r\n";
  call.route = std::make_shared<RouteAsk>();
  call.route->headers = {{0, "Authorization: zero\r\n"},
                         {1, "Authorization: one\r\n"},
                         {Lane::kReplica, "Authorization: replicas\r\n"}};
  bool done = false;
  asio::co_spawn(
      replicas.io,
      [](std::shared_ptr<RoutedUpstream> to, const UpstreamCall& what) -> Task<void> {
        EXPECT_TRUE((co_await to->call(what)).has_value());
      }(replicas.routed, call),
      [&done](const std::exception_ptr&) { done = true; });
  replicas.run_for(50);
  EXPECT_TRUE(done);
  const auto sent_to = [](const FakeUpstream& server) {
    std::string out;
    for (const FakeUpstream::Seen& seen : server.seen) {
      out += seen.method == "logging/setLevel" ? seen.extra_headers : "";
    }
    return out;
  };
  EXPECT_EQ(sent_to(*servers[0]), "Authorization: zero\r\nMcp-Param-X: 1\r\n");
  EXPECT_EQ(sent_to(*servers[1]), "Authorization: one\r\nMcp-Param-X: 1\r\n");
  EXPECT_EQ(sent_to(*replicas.fakes["a"]), "Authorization: replicas\r\nMcp-Param-X: 1\r\n");
}

TEST(RoutedUpstream, NoCallBeforeAReplicasToolsAreKnown) {
  Replicas replicas;
  replicas.add("a");
  EXPECT_EQ(replicas.state_of("a"), "starting");
  replicas.start();
  EXPECT_EQ(replicas.state_of("a"), "healthy");
}

TEST(RoutedUpstream, AReplicaWithOtherToolsGetsNoCalls) {
  Replicas replicas;
  replicas.add("a");
  replicas.add("b", kOthers);
  replicas.start();
  for (int i = 0; i < 4; ++i) {
    replicas.call();
  }
  EXPECT_EQ(replicas.state_of("b"), "differing");
  EXPECT_EQ(replicas.calls_of("b"), 0);
  EXPECT_THAT(replicas.lines, HasSubstr("replica b of search lists other tools"));
  replicas.fakes["b"]->answers["tools/list"] = kTools;
  replicas.fakes["b"]->event("notifications/tools/list_changed", "{}");
  replicas.run_for(250);
  EXPECT_EQ(replicas.state_of("b"), "healthy");
  EXPECT_TRUE(replicas.events.empty()) << "the catalogue is that of a";
}

TEST(RoutedUpstream, OrderOfToolsIsNoDifference) {
  Replicas replicas;
  replicas.add("a", R"({"tools":[{"name":"x"},{"name":"y"}]})");
  replicas.add("b", R"({"tools":[{"name":"y"},{"name":"x"}]})");
  replicas.start();
  EXPECT_EQ(replicas.state_of("b"), "healthy");
}

TEST(RoutedUpstream, WhenAllWhoAgreedAreGoneTheOthersTakeOver) {
  Replicas replicas;
  replicas.add("a");
  replicas.add("b", kOthers);
  replicas.start();
  replicas.fakes["a"]->up = false;
  replicas.run_for(250);
  EXPECT_EQ(replicas.state_of("b"), "healthy");
  EXPECT_EQ(replicas.call(), R"({"content":[]})");
  EXPECT_EQ(replicas.calls_of("b"), 1);
}

TEST(RoutedUpstream, ListsComeFromTheFirstThatCanBeReached) {
  Replicas replicas;
  replicas.add("a");
  replicas.add("b");
  replicas.start();
  replicas.fakes["a"]->up = false;
  UpstreamCall call;
  call.method = "tools/list";
  call.params = "{}";
  std::string text;
  asio::co_spawn(
      replicas.io,
      [](std::shared_ptr<RoutedUpstream> to, const UpstreamCall& what, std::string& out) -> Task<void> {
        const Result<UpstreamReply> reply = co_await to->call(what);
        out = reply ? std::string(reply->payload) : "failed";
      }(replicas.routed, call, text),
      [](const std::exception_ptr&) {});
  replicas.run_for(20);
  EXPECT_EQ(text, kTools);
}

TEST(RoutedUpstream, DrainedAndBack) {
  Replicas replicas;
  replicas.add("a");
  replicas.add("b");
  replicas.start();
  ASSERT_TRUE(replicas.routed->drain("a", true).has_value());
  for (int i = 0; i < 4; ++i) {
    replicas.call();
  }
  EXPECT_EQ(replicas.calls_of("a"), 0);
  EXPECT_EQ(replicas.state_of("a"), "draining");
  ASSERT_TRUE(replicas.routed->drain("a", false).has_value());
  replicas.call();
  replicas.call();
  EXPECT_EQ(replicas.calls_of("a"), 1);
}

TEST(RoutedUpstream, AddedAndRemovedWhileItRuns) {
  Replicas replicas;
  replicas.add("a");
  replicas.start();
  replicas.add("b");
  replicas.run_for(50);
  EXPECT_EQ(replicas.state_of("b"), "healthy");
  ASSERT_TRUE(replicas.routed->remove("a").has_value());
  EXPECT_EQ(replicas.state_of("a"), "gone");
  replicas.call();
  EXPECT_EQ(replicas.calls_of("b"), 1);
  EXPECT_FALSE(replicas.routed->remove("a").has_value());
}

TEST(RoutedUpstream, WeightsChangeWhileItRuns) {
  Replicas replicas;
  replicas.add("a");
  replicas.add("b");
  replicas.start();
  ASSERT_TRUE(replicas.routed->set_weight("b", 0).has_value());
  for (int i = 0; i < 4; ++i) {
    replicas.call();
  }
  EXPECT_EQ(replicas.calls_of("b"), 0);
}

TEST(RoutedUpstream, RefusesWhatCannotBe) {
  RoutedUpstreamOptions options;
  options.replicas_max = 2;
  Replicas replicas(std::move(options));
  replicas.add("a");
  EXPECT_THAT(replicas.routed->add({"a", "http://a", "", 1}, "api").error().message(), HasSubstr("already"));
  EXPECT_THAT(replicas.routed->add({"a b", "http://a", "", 1}, "api").error().message(), HasSubstr("name"));
  replicas.add("b");
  EXPECT_THAT(replicas.routed->add({"c", "http://c", "", 1}, "api").error().message(), HasSubstr("as many"));
}

TEST(RoutedUpstream, AHealthCheckTakesAReplicaOutAndBackIn) {
  RoutedUpstreamOptions options;
  options.check_interval_ms = 50;
  options.checks = {1, 1};
  class Mute : public FakeUpstream {
   public:
    using FakeUpstream::FakeUpstream;
    bool mute = false;
    Task<Result<UpstreamReply>> call(const UpstreamCall& what) override {
      if (mute && what.method == "server/discover") {
        return fail();
      }
      return FakeUpstream::call(what);
    }

   private:
    static Task<Result<UpstreamReply>> fail() { co_return error(asio::error::timed_out, "mute"); }
  };
  Replicas replicas(std::move(options));
  const auto mute = std::make_shared<Mute>("m", Era::Modern);
  mute->answers["tools/list"] = kTools;
  mute->answers["server/discover"] = "{}";
  replicas.routed->add_server(mute, 0, 1);
  replicas.start();
  EXPECT_EQ(replicas.state_of("m"), "healthy");
  mute->mute = true;
  replicas.run_for(300);
  EXPECT_EQ(replicas.state_of("m"), "failing");
  mute->mute = false;
  replicas.run_for(300);
  EXPECT_EQ(replicas.state_of("m"), "healthy");
}

TEST(RoutedUpstream, FindsReplicasByName) {
  RoutedUpstreamOptions options;
  options.resolve_host = "127.0.0.1";
  options.resolve_port = "9";
  options.resolve_url = "http://127.0.0.1:9/mcp";
  Replicas replicas(std::move(options));
  replicas.start();
  replicas.run_for(100);
  EXPECT_EQ(replicas.state_of("127.0.0.1"), "healthy");
  EXPECT_EQ(replicas.routed->status().lanes.front().origin, "dns");
}

}  // namespace
}  // namespace catalyst::mcp
