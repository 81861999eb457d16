// Calls whose result is fetched later: ids that are ours and their principal's alone, and results that pass
// by no rule.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/mcp/task_table.h"
#include "tests/unit/decision/module_maker.h"
#include "tests/unit/mcp/task_client.h"

namespace catalyst::mcp {
namespace {

using abi::Hook;
using test::ModuleMaker;
using ::testing::HasSubstr;
using ::testing::Not;
using T = types::TypeTable;

constexpr const char* kLegacyTasks = R"({"tools":{},"tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}})";
constexpr const char* kModernTasks = R"({"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}})";
constexpr const char* kState =
    R"("status":"working","statusMessage":"mail ana@acme.example","createdAt":"c","lastUpdatedAt":"u")";

/// A server that takes its time to say where a task stands.
class SlowServer : public FakeUpstream {
 public:
  using FakeUpstream::FakeUpstream;
  int standing_ms = 0;
  int given_up = 0;

  Task<Result<UpstreamReply>> call(const UpstreamCall& call) override {
    if (call.method == "tasks/get" && standing_ms > 0) {
      SteadyTimer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(standing_ms));
      const auto [failed] = co_await timer.async_wait(asio::as_tuple(use_awaitable));
      if (failed) {
        ++given_up;
        co_return error("cancelled");
      }
    }
    co_return co_await FakeUpstream::call(call);
  }
};

class Tasks : public ::testing::Test {
 protected:
  std::shared_ptr<FakeUpstream> server(Era era) {
    auto out = std::make_shared<FakeUpstream>("db", era);
    prepare(*out, era);
    return out;
  }
  std::shared_ptr<SlowServer> slow_server(const std::string& name) {
    auto out = std::make_shared<SlowServer>(name, Era::Legacy);
    prepare(*out, Era::Legacy);
    return out;
  }
  static void prepare(FakeUpstream& server, Era era) {
    FakeUpstream* const out = &server;
    const std::string state = kState;
    out->declare(era == Era::Legacy ? kLegacyTasks : kModernTasks);
    out->answers = {{"tools/list", R"({"tools":[{"name":"query"}]})"}, {"prompts/list", R"({"prompts":[]})"}};
    if (era == Era::Legacy) {
      out->answers["tools/call"] =
          R"({"task":{"taskId":"t1",)" + state + R"(,"ttl":1},"content":["smuggled"]})";
      out->answers["tasks/get"] = R"({"taskId":"t1",)" + state + R"(,"ttl":1})";
      out->answers["tasks/cancel"] = R"({"taskId":"t1","status":"cancelled"})";
      out->answers["tasks/result"] =
          R"({"content":[{"type":"text","text":"mail ana@acme.example"}],"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t1"}}})";
    } else {
      out->answers["tools/call"] = R"({"resultType":"task","taskId":"t1",)" + state + R"(,"ttlMs":1})";
      out->answers["tasks/get"] = R"({"resultType":"complete","taskId":"t1","status":"completed",)"
                                  R"("result":{"content":[{"type":"text","text":"mail ana@acme.example"}]}})";
      out->answers["tasks/update"] = R"({"resultType":"complete"})";
    }
  }
  std::string create(Gateway& gateway, const std::string& session) {
    return legacy(gateway, session, "tools/call",
                  R"({"name":"db__query","arguments":{"q":"x"},"task":{"ttl":5}})");
  }
  std::string modern_create(Gateway& gateway, bool declared = true) {
    return modern_ask(gateway, "tools/call", R"("name":"db__query","arguments":{"q":"x"},)", "db__query",
                      declared);
  }
  /// A rule on results that masks addresses.
  std::shared_ptr<const decision::Pack> guarded() { return masking(make); }

  ModuleMaker make;
};

TEST_F(Tasks, AreOfferedWhereAServerMakesThem) {
  Gateway with({server(Era::Legacy), server(Era::Modern)});
  FakeExchange greeting;
  greeting.text =
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})";
  with.run(greeting);
  EXPECT_THAT(greeting.sent,
              HasSubstr(R"("tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}})"));
  EXPECT_THAT(modern_ask(with, "server/discover", "", ""),
              HasSubstr(R"("extensions":{"io.modelcontextprotocol/tasks":{}})"));
  // Revisions that have no tasks hear of none, and cannot ask for any.
  FakeExchange older;
  older.text =
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})";
  with.run(older);
  EXPECT_THAT(older.sent, AllOf(HasSubstr(R"("2025-06-18")"), Not(HasSubstr("tasks"))));
  for (const char* method : {"tasks/get", "tasks/result", "tasks/cancel", "tasks/list"}) {
    EXPECT_THAT(legacy(with, older.sent_headers["Mcp-Session-Id"], method, R"({"taskId":"t1"})"),
                HasSubstr("-32601"));
  }
  auto plain = std::make_shared<FakeUpstream>("plain", Era::Legacy);
  plain->answers["tools/list"] = R"({"tools":[{"name":"query"}]})";
  Gateway without({plain});
  EXPECT_THAT(legacy(without, without.open(), "tasks/get", R"({"taskId":"t1"})"), HasSubstr("-32601"));
}

TEST_F(Tasks, AnIdIsOursAndLeadsToTheServer) {
  auto upstream = server(Era::Legacy);
  Gateway gateway({upstream});
  const std::string session = gateway.open();
  const std::string created = create(gateway, session);
  EXPECT_THAT(upstream->seen.back().params, HasSubstr(R"("task":{"ttl":5})"));
  const std::string id = id_in(created);
  EXPECT_GT(id.size(), 40U);
  EXPECT_THAT(created, Not(HasSubstr("smuggled"))) << "a result beside a task";
  const std::string params = R"({"taskId":")" + id + "\"}";
  EXPECT_EQ(id_in(legacy(gateway, session, "tasks/get", params)), id);
  EXPECT_THAT(upstream->seen.back().params, HasSubstr(R"("taskId":"t1")"));
  EXPECT_EQ(upstream->seen.back().name, "t1");
  const std::string result = legacy(gateway, session, "tasks/result", params);
  EXPECT_THAT(result, HasSubstr("ana@acme.example"));
  EXPECT_EQ(id_in(result), id) << "in _meta";
  EXPECT_EQ(gateway.observer.kept.back().tool, "query");
  EXPECT_EQ(id_in(legacy(gateway, session, "tasks/list", "{}")), id);
  EXPECT_THAT(legacy(gateway, session, "tasks/cancel", params), HasSubstr("cancelled"));
}

TEST_F(Tasks, AreTheirPrincipalsAlone) {
  auto upstream = server(Era::Modern);
  Gateway gateway({upstream});
  const std::string id = id_in(modern_create(gateway));
  const std::string params = R"("taskId":")" + id + "\",";
  const size_t before = upstream->seen.size();
  EXPECT_THAT(modern_ask(gateway, "tasks/get", params, id, true, "eve"), HasSubstr("Unknown task"));
  EXPECT_THAT(modern_ask(gateway, "tasks/get", R"("taskId":"t1",)", "t1"), HasSubstr("Unknown task"));
  EXPECT_EQ(upstream->seen.size(), before);
  EXPECT_THAT(modern_ask(gateway, "tasks/get", params, id), HasSubstr("completed"));
  EXPECT_EQ(upstream->seen.back().name, "t1") << "Mcp-Name of the hop behind";
  EXPECT_THAT(modern_ask(gateway, "tasks/get", params, "another"), HasSubstr("-32020"));
  EXPECT_THAT(modern_ask(gateway, "tasks/get", params, id, false), HasSubstr("-32021"));
  EXPECT_THAT(modern_ask(gateway, "tasks/update", params + R"("inputResponses":{},)", id),
              HasSubstr(R"("resultType":"complete")"));
  EXPECT_THAT(modern_ask(gateway, "tasks/list", "", ""), HasSubstr("-32601"));
}

TEST_F(Tasks, AreListedByAllServersAtOnce) {
  std::vector<std::shared_ptr<FakeUpstream>> servers;
  for (const char* name : {"db", "b", "c", "d"}) {
    const auto slow = slow_server(name);
    slow->standing_ms = 150;
    servers.push_back(slow);
  }
  Gateway gateway(servers);
  const std::string session = gateway.open();
  for (const auto& one : servers) {
    legacy(gateway, session, "tools/call",
           R"({"name":")" + one->name() + R"(__query","arguments":{},"task":{"ttl":5}})");
  }
  const auto begin = std::chrono::steady_clock::now();
  const std::string listed = legacy(gateway, session, "tasks/list", "{}");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(400)) << "not four times 150";
  size_t count = 0;
  for (size_t at = listed.find("taskId"); at != std::string::npos; at = listed.find("taskId", at + 1)) {
    ++count;
  }
  EXPECT_EQ(count, 4U) << listed;
}

TEST_F(Tasks, OneThatDoesNotAnswerIsLeftOutOfTheList) {
  const auto slow = slow_server("slow");
  slow->standing_ms = 60'000;
  const auto quick = slow_server("quick");
  EndpointOptions options;
  options.call_timeout_ms = 100;
  Gateway gateway({slow, quick}, empty_pack(), options);
  const std::string session = gateway.open();
  for (const char* name : {"slow", "quick"}) {
    legacy(gateway, session, "tools/call",
           std::string(R"({"name":")") + name + R"(__query","arguments":{},"task":{"ttl":5}})");
  }
  const auto begin = std::chrono::steady_clock::now();
  const std::string listed = legacy(gateway, session, "tasks/list", "{}");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(1'000));
  EXPECT_THAT(listed, HasSubstr(R"("tasks":[{"taskId":)"));
  EXPECT_EQ(slow->given_up, 1);
  // It has not forgotten the task.
  slow->standing_ms = 0;
  const std::string again = legacy(gateway, session, "tasks/list", "{}");
  EXPECT_GT(again.size(), listed.size());

  // A client of the old generation that goes away cancels nothing; its list ends with its time.
  slow->standing_ms = 60'000;
  FakeExchange exchange;
  exchange.headers["Mcp-Session-Id"] = session;
  exchange.text = R"({"jsonrpc":"2.0","id":5,"method":"tasks/list","params":{}})";
  gateway.begin(exchange);
  gateway.run_for(20);
  exchange.signal->emit(asio::cancellation_type::terminal);
  gateway.run_for(400);
  EXPECT_TRUE(exchange.done);
  EXPECT_EQ(slow->given_up, 2);
}

TEST_F(Tasks, AnotherEngineServesThem) {
  EndpointOptions options;
  options.secrets = {"a secret that two engines share, long enough"};
  auto upstream = server(Era::Legacy);
  Gateway one({upstream}, empty_pack(), options);
  Gateway two({upstream}, empty_pack(), options);
  const std::string session = one.open();
  const std::string params = R"({"taskId":")" + id_in(create(one, session)) + "\"}";
  EXPECT_THAT(legacy(two, session, "tasks/result", params), HasSubstr("ana@acme.example"));
}

TEST_F(Tasks, ResultsPassTheRules) {
  auto upstream = server(Era::Legacy);
  Gateway gateway({upstream}, guarded());
  const std::string session = gateway.open();
  const std::string created = create(gateway, session);
  EXPECT_THAT(created, Not(HasSubstr("ana@"))) << "texts of the server beside the result";
  const std::string params = R"({"taskId":")" + id_in(created) + "\"}";
  EXPECT_THAT(legacy(gateway, session, "tasks/get", params), Not(HasSubstr("ana@")));
  EXPECT_THAT(legacy(gateway, session, "tasks/list", "{}"), Not(HasSubstr("ana@")));
  EXPECT_THAT(legacy(gateway, session, "tasks/result", params), HasSubstr("mail [redacted]"));
  EXPECT_EQ(gateway.observer.kept.back().redactions, 1U);
}

TEST_F(Tasks, ResultsInsideTheirStatePassTheRules) {
  auto upstream = server(Era::Modern);
  Gateway gateway({upstream}, guarded());
  const std::string id = id_in(modern_create(gateway));
  const std::string state = modern_ask(gateway, "tasks/get", R"("taskId":")" + id + "\",", id);
  EXPECT_THAT(state, HasSubstr("mail [redacted]"));
  EXPECT_THAT(state, HasSubstr(R"("taskId":")" + id));
}

TEST_F(Tasks, ADeniedResultDoesNotLeave) {
  // The rule reads the arguments of the call that became the task.
  make.rule("no_x", Hook::Result, ir::TargetId{0U},
            make.boolean(ir::Op::IsPresent, {make.optional_arg({"q"}, T::kString)}), ir::VerdictKind::Deny);
  auto upstream = server(Era::Modern);
  Gateway gateway({upstream}, make.pack());
  const std::string id = id_in(modern_create(gateway));
  const std::string state = modern_ask(gateway, "tasks/get", R"("taskId":")" + id + "\",", id);
  EXPECT_THAT(state, HasSubstr(R"("rule":"no_x")"));
  EXPECT_THAT(state, Not(HasSubstr("ana@")));
}

TEST_F(Tasks, NobodyGetsATaskThatNobodyAskedFor) {
  auto upstream = server(Era::Modern);
  Gateway gateway({upstream});
  EXPECT_THAT(modern_create(gateway, false), HasSubstr("-32603"));
  auto old = server(Era::Legacy);
  Gateway legacy_gateway({old});
  const std::string session = legacy_gateway.open("/mcp", "2025-06-18");
  EXPECT_THAT(create(legacy_gateway, session), HasSubstr("-32603"));
  EXPECT_THAT(old->seen.back().params, Not(HasSubstr("task"))) << "an older revision has no tasks";
}

TEST_F(Tasks, ArgumentsBeyondWhatAnIdHoldsMakeNoTask) {
  const std::string big = R"({"q":")" + std::string(9000, 'x') + "\"}";
  auto old = server(Era::Legacy);
  Gateway gateway({old});
  const std::string session = gateway.open();
  EXPECT_THAT(
      legacy(gateway, session, "tools/call", R"({"name":"db__query","arguments":)" + big + R"(,"task":{}})"),
      HasSubstr("must not exceed 8192 bytes"));
}

TEST(TaskTable, ForgetsTheOldest) {
  TaskTable table(3);
  for (uint32_t i = 0; i < 5; ++i) {
    table.add(i % 2 == 0 ? "ana" : "eve", {0, std::to_string(i), "ours" + std::to_string(i)});
  }
  EXPECT_EQ(table.ours("ana", 0, "0"), std::nullopt);
  EXPECT_EQ(table.ours("eve", 0, "1"), std::nullopt);
  EXPECT_EQ(table.ours("ana", 0, "4"), "ours4");
  EXPECT_EQ(table.ours("eve", 0, "4"), std::nullopt);
  EXPECT_EQ(table.latest("ana", 10).size(), 2U);
  EXPECT_EQ(table.latest("ana", 1).front().theirs, "4");
  table.remove("ana", 0, "4");
  EXPECT_EQ(table.ours("ana", 0, "4"), std::nullopt);
  for (uint32_t i = 0; i < 100; ++i) {
    table.add("ana", {1, std::to_string(i), "o"});
    table.remove("ana", 1, std::to_string(i));
  }
  EXPECT_EQ(table.latest("ana", 10).size(), 1U)
      << "room made by what was removed is not taken from the living";
}

}  // namespace
}  // namespace catalyst::mcp
