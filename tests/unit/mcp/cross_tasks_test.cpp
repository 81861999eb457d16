// Tasks between a client of one generation and a server of the other.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/mcp/asking.h"
#include "runtime/mcp/held_results.h"
#include "runtime/mcp/task_forms.h"
#include "tests/unit/decision/module_maker.h"
#include "tests/unit/mcp/task_client.h"

namespace catalyst::mcp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kForm = R"("elicitation":{"form":{}},)";
constexpr const char* kQuestion =
    R"({"mode":"form","message":"Who?","requestedSchema":{"type":"object","properties":{}}})";

UpstreamReply reply_of(std::string text) {
  UpstreamReply reply;
  reply.is_error = text.starts_with('!');
  reply.body = reply.is_error ? text.substr(1) : text;
  reply.payload = reply.body;
  return reply;
}

/// A server that runs calls as tasks; tests move its one task.
class TaskServer : public FakeUpstream {
 public:
  TaskServer(std::string name, Era era) : FakeUpstream(std::move(name), era), era_(era) {
    declare(era == Era::Legacy ? R"({"tools":{},"tasks":{"cancel":{},"requests":{"tools":{"call":{}}}}})"
                               : R"({"tools":{},"extensions":{"io.modelcontextprotocol/tasks":{}}})");
    answers = {
        {"tools/list",
         era == Era::Legacy
             ? R"({"tools":[{"name":"slow","execution":{"taskSupport":"required"}},{"name":"maybe","execution":{"taskSupport":"optional"}},{"name":"plain"}]})"
             : R"({"tools":[{"name":"slow"}],"resultType":"complete"})"},
        {"prompts/list", R"({"prompts":[]})"},
    };
  }

  std::string status = "working";
  std::string end =
      R"({"content":[{"type":"text","text":"done by ana@acme.example"}]})";  // "!" as in answers
  std::string answered;   // what the client said to the question
  bool asks = false;      // while it runs
  bool at_once = false;   // a new server that makes no task of the call
  int cancels_after = 0;  // looks that a new server takes to see that it was cancelled

  Task<Result<UpstreamReply>> call(const UpstreamCall& call) override {
    if (call.method == "tools/list" || call.method == "prompts/list") {
      co_return co_await FakeUpstream::call(call);
    }
    seen.push_back({std::string(call.method), std::string(call.params), std::string(call.name),
                    std::string(call.log_level), std::string(call.extra_headers)});
    capabilities = call.capabilities;
    if (call.method == "tasks/result") {
      co_return co_await wait_for_end(call);
    }
    co_return reply_of(answer_to(call));
  }

  std::string capabilities;  // of the last call

 private:
  [[nodiscard]] std::string standing() const {
    const bool modern = era_ == Era::Modern;
    std::string out = R"("taskId":"t1","status":")" + status +
                      R"(","statusMessage":"mail ana@acme.example","createdAt":"c","lastUpdatedAt":"u",)" +
                      (modern ? R"("ttlMs":9,"pollIntervalMs":100)" : R"("ttl":9,"pollInterval":100)");
    if (modern && status == "input_required") {
      out += R"(,"inputRequests":{"k1":{"method":"elicitation/create","params":)" + std::string(kQuestion) +
             "}}";
    } else if (modern && status == "completed") {
      out += R"(,"result":)" + end;
    } else if (modern && status == "failed") {
      out += R"(,"error":)" + end.substr(1);
    }
    return out;
  }
  std::string answer_to(const UpstreamCall& call) {
    const bool modern = era_ == Era::Modern;
    const bool is_call = call.method == "tools/call";
    if (is_call && !modern) {
      return find_member(call.params, "task").empty() ? R"(!{"code":-32601,"message":"a task or nothing"})"
                                                      : R"({"task":{)" + standing() + "}}";
    }
    if (is_call) {
      return at_once || !takes_tasks(call.capabilities) ? end : R"({"resultType":"task",)" + standing() + "}";
    }
    if (string_of(find_member(call.params, "taskId")) != "t1") {
      return R"(!{"code":-32602,"message":"Unknown task"})";
    }
    if (call.method == "tasks/update") {
      answered = find_member(find_member(call.params, "inputResponses"), "k1");
      status = "completed";
      return R"({"resultType":"complete"})";
    }
    if (call.method == "tasks/cancel" && !modern && status == "completed") {
      return R"(!{"code":-32602,"message":"Cannot cancel"})";
    }
    if (call.method == "tasks/cancel") {
      cancelling_ = true;
    }
    if (cancelling_ && (!modern || cancels_after-- <= 0)) {
      status = "cancelled";
    }
    return modern && call.method == "tasks/cancel" ? R"({"resultType":"complete"})" : "{" + standing() + "}";
  }
  Task<Result<UpstreamReply>> wait_for_end(const UpstreamCall& call) {
    if (asks) {
      call.on_request({"elicitation/create", kQuestion, [this](bool, std::string payload) {
                         answered = std::move(payload);
                         status = "completed";
                       }});
    }
    SteadyTimer timer(co_await asio::this_coro::executor);
    while (status != "completed" && status != "failed") {
      timer.expires_after(std::chrono::milliseconds(5));
      const auto [stopped] = co_await timer.async_wait(asio::as_tuple(use_awaitable));
      if (stopped) {
        cancelled = true;
        co_return error("cancelled");
      }
    }
    co_return reply_of(end);
  }

  const Era era_;
  bool cancelling_ = false;
};

class CrossTasks : public ::testing::Test {
 protected:
  void SetUp() override {
    old_server = std::make_shared<TaskServer>("old", Era::Legacy);
    new_server = std::make_shared<TaskServer>("new", Era::Modern);
    gateway = std::make_unique<Gateway>(std::vector<std::shared_ptr<FakeUpstream>>{old_server, new_server});
  }
  void guard() {
    gateway = std::make_unique<Gateway>(std::vector<std::shared_ptr<FakeUpstream>>{old_server, new_server},
                                        masking(make));
  }
  /// A task of a new client at the old server.
  std::string begin_new(const std::string& tool = "old__slow") {
    created = modern_ask(*gateway, "tools/call", R"("name":")" + tool + R"(","arguments":{"q":"x"},)", tool);
    return id_in(created);
  }
  std::string ask_new(const std::string& method, const std::string& id, const std::string& more = "") {
    FakeExchange exchange = modern_task(method, R"("taskId":")" + id + "\"," + more, id, kForm);
    gateway->run(exchange);
    return exchange.sent;
  }
  /// A task of an old client at the new server.
  std::string begin_old(const std::string& session) {
    created = legacy(*gateway, session, "tools/call",
                     R"({"name":"new__slow","arguments":{"q":"x"},"task":{"ttl":60000}})");
    return id_in(created);
  }
  std::string ask_old(const std::string& session, const std::string& method, const std::string& id) {
    return legacy(*gateway, session, method, R"({"taskId":")" + id + "\"}");
  }

  test::ModuleMaker make;
  std::shared_ptr<TaskServer> old_server;
  std::shared_ptr<TaskServer> new_server;
  std::unique_ptr<Gateway> gateway;
  std::string created;
};

TEST_F(CrossTasks, ANewClientPollsAnOldServer) {
  const std::string id = begin_new();
  EXPECT_THAT(old_server->seen.back().params, HasSubstr(R"("task":{})"));
  EXPECT_THAT(created, AllOf(HasSubstr(R"("resultType":"task")"), HasSubstr(R"("ttlMs":9)"),
                             HasSubstr(R"("pollIntervalMs":100)"), Not(HasSubstr(R"("ttl":)"))));
  EXPECT_THAT(ask_new("tasks/get", id),
              AllOf(HasSubstr(R"("resultType":"complete")"), HasSubstr(R"("status":"working")")));
  old_server->status = "completed";
  const std::string done = ask_new("tasks/get", id);
  EXPECT_THAT(done, AllOf(HasSubstr(R"("status":"completed")"),
                          HasSubstr(R"("result":{"content":[{"type":"text","text":"done)")));
  EXPECT_EQ(id_in(done), id);
  EXPECT_THAT(begin_new("old__maybe"), Not(testing::IsEmpty())) << "a tool that may be a task becomes one";
  begin_new("old__plain");
  EXPECT_THAT(old_server->seen.back().params, Not(HasSubstr("task"))) << "one that may not does not";
}

TEST_F(CrossTasks, AToolsFailureIsAResultAndAnErrorIsAFailure) {
  const std::string id = begin_new();
  old_server->status = "failed";
  old_server->end = R"({"content":[],"isError":true})";
  EXPECT_THAT(ask_new("tasks/get", id), AllOf(HasSubstr(R"("status":"completed")"), HasSubstr("isError")));
  old_server->end = R"(!{"code":-32000,"message":"broken"})";
  EXPECT_THAT(ask_new("tasks/get", id),
              AllOf(HasSubstr(R"("status":"failed")"), HasSubstr(R"("error":{"code":-32000)")));
  const std::string session = gateway->open();
  const std::string other = begin_old(session);
  new_server->status = "completed";
  new_server->end = R"({"content":[],"isError":true})";
  EXPECT_THAT(ask_old(session, "tasks/get", other),
              AllOf(HasSubstr(R"("status":"failed")"), Not(HasSubstr("content"))));
  EXPECT_THAT(ask_old(session, "tasks/result", other), HasSubstr(R"("isError":true)"));
  new_server->status = "failed";
  new_server->end = R"(!{"code":-32000,"message":"broken"})";
  EXPECT_THAT(ask_old(session, "tasks/result", other), HasSubstr(R"("error":{"code":-32000)"));
}

TEST_F(CrossTasks, AToolThatInsistsRefusesANewClientThatTakesNone) {
  const size_t before = old_server->seen.size();
  EXPECT_THAT(modern_ask(*gateway, "tools/call", R"("name":"old__slow","arguments":{},)", "old__slow", false),
              AllOf(HasSubstr("-32021"), HasSubstr("io.modelcontextprotocol/tasks")));
  EXPECT_EQ(old_server->seen.size(), before);
}

TEST_F(CrossTasks, AnOldServersQuestionIsAnsweredByAnUpdate) {
  old_server->asks = true;
  old_server->status = "input_required";
  const std::string id = begin_new();
  const std::string asked = ask_new("tasks/get", id);
  EXPECT_THAT(asked, AllOf(HasSubstr(R"("status":"input_required")"), HasSubstr(R"("message":"Who?")")));
  EXPECT_EQ(ask_new("tasks/get", id), asked) << "the same question under the same key";
  const size_t at = asked.find(R"("inputRequests":{")") + std::string_view(R"("inputRequests":{")").size();
  const std::string key = asked.substr(at, asked.find('"', at) - at);
  EXPECT_THAT(ask_new("tasks/update", id, R"("inputResponses":{"unknown":{"action":"decline"}},)"),
              HasSubstr(R"("resultType":"complete")"));
  EXPECT_EQ(old_server->answered, "");
  ask_new("tasks/update", id, R"("inputResponses":{")" + key + R"(":{"action":"accept","content":{}}},)");
  EXPECT_THAT(old_server->answered, HasSubstr("accept"));
  EXPECT_THAT(ask_new("tasks/get", id), HasSubstr("done by"));
  size_t results = 0;
  for (const FakeUpstream::Seen& call : old_server->seen) {
    results += call.method == "tasks/result" ? 1 : 0;
  }
  EXPECT_EQ(results, 1U) << "it stayed open while the server asked";
}

TEST_F(CrossTasks, ANewClientCancelsAnOldTaskAsOftenAsItLikes) {
  old_server->asks = true;
  old_server->status = "input_required";
  const std::string id = begin_new();
  ask_new("tasks/get", id);
  EXPECT_THAT(ask_new("tasks/cancel", id),
              AllOf(HasSubstr(R"("resultType":"complete")"), Not(HasSubstr("error"))));
  gateway->run_for(20);
  EXPECT_TRUE(old_server->cancelled) << "the call that waited for its result";
  EXPECT_THAT(ask_new("tasks/get", id), HasSubstr(R"("status":"cancelled")"));
  old_server->status = "completed";
  EXPECT_THAT(ask_new("tasks/cancel", id), Not(HasSubstr("error"))) << "although it is over";
}

TEST_F(CrossTasks, AnOldClientWaitsForANewServer) {
  const std::string session = gateway->open();
  EXPECT_THAT(legacy(*gateway, session, "tools/list", "{}"),
              HasSubstr(R"({"name":"new__slow","execution":{"taskSupport":"optional"}})"));
  const std::string older = gateway->open("/mcp", "2025-06-18");
  EXPECT_THAT(legacy(*gateway, older, "tools/list", "{}"), HasSubstr(R"({"name":"new__slow"})"));
  const std::string id = begin_old(session);
  EXPECT_THAT(new_server->capabilities, HasSubstr("io.modelcontextprotocol/tasks"));
  EXPECT_THAT(new_server->seen.back().params, Not(HasSubstr("\"task\"")));
  EXPECT_THAT(created, AllOf(HasSubstr(R"("result":{"task":{)"), HasSubstr(R"("ttl":9)"),
                             HasSubstr(R"("pollInterval":100)"), Not(HasSubstr("resultType"))));
  EXPECT_THAT(ask_old(session, "tasks/get", id), HasSubstr(R"("status":"working")"));
  EXPECT_EQ(new_server->seen.back().name, "t1") << "Mcp-Name";
  FakeExchange waiting;
  waiting.headers["Mcp-Session-Id"] = session;
  waiting.text = R"({"jsonrpc":"2.0","id":6,"method":"tasks/result","params":{"taskId":")" + id + "\"}}";
  gateway->begin(waiting);
  gateway->run_for(150);
  EXPECT_FALSE(waiting.done) << "while it works";
  new_server->status = "completed";
  gateway->run_for(300);
  EXPECT_TRUE(waiting.done);
  EXPECT_THAT(waiting.sent, AllOf(HasSubstr("notifications/tasks/status"), HasSubstr("done by"),
                                  HasSubstr(R"("io.modelcontextprotocol/related-task":{"taskId":")" + id)));
  EXPECT_EQ(gateway->observer.kept.back().tool, "slow");
  EXPECT_THAT(legacy(*gateway, session, "tasks/list", "{}"),
              AllOf(HasSubstr(id), HasSubstr(R"("status":"completed")"), Not(HasSubstr("done by"))));
}

TEST_F(CrossTasks, ANewServersQuestionComesOnTheStreamOfAnOldClient) {
  FakeExchange greeting;
  greeting.text =
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"}}})";
  gateway->run(greeting);
  const std::string session = greeting.sent_headers["Mcp-Session-Id"];
  const std::string id = begin_old(session);
  new_server->status = "input_required";
  FakeExchange waiting;
  waiting.headers["Mcp-Session-Id"] = session;
  waiting.text = R"({"jsonrpc":"2.0","id":6,"method":"tasks/result","params":{"taskId":")" + id + "\"}}";
  gateway->begin(waiting);
  gateway->run_for(60);
  ASSERT_THAT(waiting.sent, HasSubstr(R"("message":"Who?")"));
  EXPECT_THAT(waiting.sent, HasSubstr(R"("io.modelcontextprotocol/related-task":{"taskId":")" + id));
  gateway->ask(session, R"({"jsonrpc":"2.0","id":)" + question_id(waiting.sent) +
                            R"(,"result":{"action":"accept","content":{}}})");
  gateway->run_for(300);
  EXPECT_THAT(new_server->answered, HasSubstr("accept"));
  EXPECT_TRUE(waiting.done);
  EXPECT_THAT(waiting.sent, HasSubstr("done by"));
}

TEST_F(CrossTasks, AnOldClientCancelsOnceAndSeesIt) {
  const std::string session = gateway->open();
  const std::string id = begin_old(session);
  new_server->cancels_after = 3;
  EXPECT_THAT(ask_old(session, "tasks/cancel", id), HasSubstr(R"("status":"cancelled")"));
  EXPECT_THAT(ask_old(session, "tasks/cancel", id), HasSubstr("-32602"));
  EXPECT_THAT(ask_old(session, "tasks/result", id), HasSubstr(R"("error")"));
}

TEST_F(CrossTasks, WhoWaitsForAResultCanStopWaiting) {
  const std::string session = gateway->open();
  const std::string id = begin_old(session);
  FakeExchange waiting;
  waiting.headers["Mcp-Session-Id"] = session;
  waiting.text = R"({"jsonrpc":"2.0","id":6,"method":"tasks/result","params":{"taskId":")" + id + "\"}}";
  gateway->begin(waiting);
  gateway->run_for(50);
  gateway->ask(session, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":6}})");
  gateway->run_for(300);
  EXPECT_TRUE(waiting.done);
  EXPECT_EQ(new_server->status, "working") << "the task goes on";
}

TEST_F(CrossTasks, AnAnswerAtOnceIsKeptForWhoWantedATask) {
  new_server->at_once = true;
  const std::string session = gateway->open();
  const std::string id = begin_old(session);
  ASSERT_NE(id, "") << created;
  EXPECT_THAT(created, AllOf(HasSubstr(R"("status":"working")"), HasSubstr(R"("ttl":60000)")));
  EXPECT_THAT(ask_old(session, "tasks/get", id), HasSubstr(R"("status":"completed")"));
  EXPECT_THAT(ask_old(session, "tasks/result", id), AllOf(HasSubstr("done by"), HasSubstr("related-task")));
  EXPECT_THAT(ask_old(session, "tasks/cancel", id), HasSubstr("-32602"));
  EXPECT_THAT(legacy(*gateway, session, "tasks/list", "{}"), HasSubstr(id));
  EXPECT_THAT(ask_new("tasks/get", id), AllOf(HasSubstr(R"("status":"completed")"), HasSubstr("done by")));
  EXPECT_THAT(legacy(*gateway, session, "tasks/get", R"({"taskId":")" + id + "\"}", "eve"),
              HasSubstr("error"));
}

TEST_F(CrossTasks, ResultsPassTheRulesBothWays) {
  guard();
  const std::string id = begin_new();
  EXPECT_THAT(created, Not(HasSubstr("ana@")));
  old_server->status = "completed";
  EXPECT_THAT(ask_new("tasks/get", id), AllOf(HasSubstr("done by [redacted]"), Not(HasSubstr("ana@"))));
  const std::string session = gateway->open();
  const std::string other = begin_old(session);
  EXPECT_THAT(created, Not(HasSubstr("ana@")));
  new_server->status = "completed";
  EXPECT_THAT(ask_old(session, "tasks/get", other), Not(HasSubstr("ana@")));
  EXPECT_THAT(ask_old(session, "tasks/result", other),
              AllOf(HasSubstr("done by [redacted]"), Not(HasSubstr("ana@"))));
}

TEST_F(CrossTasks, AStreamTellsOfTheTasksItNames) {
  const std::string old_id = begin_new();
  const std::string new_id = begin_new("new__slow");
  FakeExchange listening =
      modern_task("subscriptions/listen",
                  R"("notifications":{"taskIds":[")" + old_id + R"(",")" + new_id + R"(","guess"]},)", "");
  gateway->begin(listening);
  gateway->run_for(60);
  EXPECT_THAT(listening.sent, HasSubstr(R"("notifications/subscriptions/acknowledged")"));
  EXPECT_THAT(listening.sent, Not(HasSubstr("guess"))) << "what is no task of this client is not promised";
  EXPECT_THAT(
      listening.sent,
      AllOf(HasSubstr(R"("method":"notifications/tasks")"), HasSubstr(R"("status":"working")"),
            HasSubstr(R"("io.modelcontextprotocol/subscriptionId":"m1")"), Not(HasSubstr("done by"))));
  const size_t before = listening.sent.size();
  gateway->run_for(300);
  EXPECT_EQ(listening.sent.size(), before) << "nothing is said twice";
  old_server->status = "completed";
  new_server->status = "completed";
  gateway->run_for(300);
  for (const std::string& id : {old_id, new_id}) {
    const size_t at = listening.sent.rfind(R"("taskId":")" + id);
    ASSERT_NE(at, std::string::npos);
    EXPECT_THAT(listening.sent.substr(at, 1000), HasSubstr("done by"));
  }
  const size_t looks = old_server->seen.size();
  gateway->run_for(300);
  EXPECT_EQ(old_server->seen.size(), looks) << "what is over is not looked at";
  EXPECT_FALSE(listening.done);
  listening.cut();
  gateway->run_for(20);
  EXPECT_TRUE(listening.done);
  EXPECT_THAT(
      modern_ask(*gateway, "subscriptions/listen", R"("notifications":{"taskIds":["x"]},)", "", false),
      HasSubstr("-32021"));
}

TEST(HeldResults, AreBoundedAndEnd) {
  HeldResults held(2'000);
  EXPECT_EQ(held.add({std::string(3'000, 'x'), 0, 1000}), "");
  const std::string first = held.add({std::string(700, 'a'), 0, 1000});
  const std::string second = held.add({std::string(700, 'b'), 10, 1000});
  ASSERT_NE(held.find(first, 900), nullptr);
  EXPECT_EQ(held.find(first, 1001), nullptr) << "its time is over";
  const std::string third = held.add({std::string(700, 'c'), 20, 1000});
  EXPECT_EQ(held.find(first, 30), nullptr) << "made room";
  EXPECT_EQ(held.find(second, 30)->result.front(), 'b');
  EXPECT_EQ(held.find(third, 30)->result.front(), 'c');
}

TEST(TaskForms, KeepWhatTheyDoNotKnow) {
  EXPECT_EQ(
      task_for(Era::Modern, R"({"taskId":"t","status":"working","ttl":null,"x":1})", TaskStatus::Working),
      R"({"taskId":"t","status":"working","x":1,"ttlMs":null})");
  EXPECT_EQ(
      task_for(Era::Legacy, R"({"resultType":"complete","status":"failed","ttlMs":5,"error":{"code":1}})",
               TaskStatus::Failed),
      R"({"status":"failed","ttl":5})");
  EXPECT_EQ(task_status(R"({"status":"asleep"})"), std::nullopt);
  EXPECT_EQ(task_time(1'795'651'200'000), "2026-11-26T00:00:00Z");
}

}  // namespace
}  // namespace catalyst::mcp
