#include "runtime/mcp/http_upstream.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/this_coro.hpp>
#include <mutex>

#include "runtime/mcp/envelope.h"
#include "tests/unit/transport/harness.h"

namespace catalyst::mcp {
namespace {

using test::eventually;
using test::run_on;
using test::TestServer;

constexpr Header kJson{"Content-Type", "application/json"};
constexpr Header kEvents{"Content-Type", "text/event-stream"};

/// A small MCP server over our own front door. Speaks the legacy era with sessions, or the modern one.
struct FakeServer {
  std::atomic<bool> modern{false};
  std::atomic<bool> forget{false};  // sessions: 404 once
  std::atomic<bool> quirk{false};   // 400 -32000 instead of 404
  std::atomic<int> greetings{0};
  std::atomic<int> cancelled{0};
  std::atomic<int> cut_streams{0};
  std::atomic<int> deleted{0};
  std::mutex mutex;
  std::string last_head;
  std::string last_body;
  std::string answers_to_server;

  Task<void> serve(HttpExchange& exchange) {
    std::string head;
    exchange.for_each_header([&](std::string_view name, std::string_view value) {
      head += std::string(name) + ": " + std::string(value) + "\n";
    });
    const std::string method(string_of(find_member(exchange.body(), "method")));
    {
      const std::lock_guard lock(mutex);
      last_head = head;
      last_body = exchange.body();
      if (method.empty()) {
        answers_to_server += exchange.body();
      }
    }
    if (exchange.method() == "DELETE") {
      ++deleted;
      co_await exchange.respond(200, {}, "");
    } else if (exchange.method() == "GET" && !modern && exchange.path() == "/mcp") {
      co_await serve_get(exchange);
    } else if (exchange.method() != "POST") {
      co_await exchange.respond(405, {}, "");
    } else if (method.empty() || method.starts_with("notifications/")) {
      cancelled += method == "notifications/cancelled" ? 1 : 0;
      co_await exchange.respond(202, {}, "");
    } else {
      co_await serve_request(exchange, method);
    }
  }

  Task<void> serve_get(HttpExchange& exchange) {
    if (const auto last = exchange.header("Last-Event-ID"); last && *last == "cut-1") {
      const std::lock_guard lock(mutex);
      resumed_ = true;
    }
    co_await exchange.begin_stream(200, std::span(&kEvents, 1), {});
    if (resumed_) {
      resumed_ = false;
      co_await exchange.write("data: {\"jsonrpc\":\"2.0\",\"id\":" + cut_id_ +
                              ",\"result\":{\"resumed\":true}}\n\n");
      co_await exchange.end_stream({});
      co_return;
    }
    co_await exchange.write(
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n");
    SteadyTimer timer(co_await asio::this_coro::executor, std::chrono::seconds(60));
    co_await timer.async_wait(use_awaitable);
  }

  Task<void> serve_request(HttpExchange& exchange, std::string method) {
    const std::string id(find_member(exchange.body(), "id"));
    const std::string name = string_of(find_member(find_member(exchange.body(), "params"), "name"));
    if (method == "server/discover") {
      if (modern) {
        ++greetings;
        co_await answer(
            exchange, 200,
            result_message(
                id,
                R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fake"}}})"));
      } else {
        co_await answer(exchange, 400, error_message("null", error_object(-32000, "Server not initialized")));
      }
      co_return;
    }
    if (method == "initialize") {
      ++greetings;
      const std::string session = "s" + std::to_string(greetings);
      const Header headers[] = {kJson, {"Mcp-Session-Id", session}};
      co_await exchange.respond(
          200, headers,
          result_message(
              id, R"({"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"fake"}})"));
      co_return;
    }
    if (forget.exchange(false)) {
      co_await answer(exchange, quirk ? 400 : 404, error_message("null", error_object(-32000, "no session")));
      co_return;
    }
    co_await serve_call(exchange, id, name);
  }

  Task<void> serve_call(HttpExchange& exchange, std::string id, std::string name) {
    const auto event = [](std::string_view text) {
      return "event: message\ndata: " + std::string(text) + "\n\n";
    };
    if (name == "stream") {
      co_await exchange.begin_stream(200, std::span(&kEvents, 1), {});
      co_await exchange.write(
          event(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" + id +
                R"(,"progress":1}})"));
      co_await exchange.write(event(R"({"jsonrpc":"2.0","id":"ask","method":"roots/list"})"));
      co_await exchange.write(event(R"({"jsonrpc":"2.0","method":"notifications/resources/list_changed"})"));
      co_await exchange.write(event(result_message(id, R"({"ok":1})")));
      co_await exchange.end_stream({});
    } else if (name == "cut") {
      cut_id_ = id;
      co_await exchange.begin_stream(200, std::span(&kEvents, 1), {});
      co_await exchange.write("id: cut-1\nretry: 10\ndata:\n\n");
      co_await exchange.end_stream({});
    } else if (name == "empty") {
      co_await exchange.begin_stream(200, std::span(&kEvents, 1), {});
      co_await exchange.end_stream({});
    } else if (name == "hang") {
      struct Cut {
        std::atomic<int>& count;
        ~Cut() { ++count; }
      } cut{cut_streams};
      SteadyTimer timer(co_await asio::this_coro::executor, std::chrono::seconds(60));
      co_await timer.async_wait(use_awaitable);
    } else if (name == "502") {
      co_await answer(exchange, 502, "<html>");
    } else if (name == "garbage") {
      co_await answer(exchange, 200, "{\"id\":" + id + ",\"result\":{");
    } else if (name == "other-id") {
      co_await answer(exchange, 200, result_message("999999", "{}"));
    } else if (name == "fail") {
      co_await answer(exchange, 404, error_message(id, error_object(-32601, "nope")));
    } else {
      co_await answer(exchange, 200, result_message(id, R"({"echo":true})"));
    }
  }

  static Task<void> answer(HttpExchange& exchange, int status, std::string body) {
    co_await exchange.respond(status, std::span(&kJson, 1), body);
  }

 private:
  std::atomic<bool> resumed_{false};
  std::string cut_id_;
};

class HttpUpstreamTest : public ::testing::Test {
 protected:
  HttpUpstreamTest()
      : server_([this](HttpExchange& exchange) { return fake_.serve(exchange); }), client_pool_(1) {
    client_pool_.start();
  }
  ~HttpUpstreamTest() override {
    if (upstream_) {
      run_on(client_pool_.executor(0), upstream_->stop());
    }
    client_pool_.stop();
  }

  HttpUpstreamOptions options() {
    HttpUpstreamOptions options;
    options.name = "fake";
    options.url = *parse_http_url("http://127.0.0.1:" + std::to_string(server_.listener.port()) + "/mcp");
    options.headers = {{"X-Key", "secret"}};
    options.renew_min_ms = 0;
    return options;
  }
  std::shared_ptr<const UpstreamInfo> start(HttpUpstreamOptions with) {
    upstream_ = std::make_shared<HttpUpstream>(client_pool_.executor(0), std::move(with));
    upstream_->start([this](std::string_view method, std::string_view) {
      const std::lock_guard lock(mutex_);
      events_ += std::string(method) + ";";
    });
    auto info = run_on(client_pool_.executor(0), upstream_->ready(5'000));
    return info ? *info : nullptr;
  }
  Result<UpstreamReply> call(std::string_view name, int64_t timeout_ms = 5'000,
                             std::function<void(std::string)> notified = {}) {
    UpstreamCall call;
    call.method = "tools/call";
    const std::string params = R"({"name":")" + std::string(name) + R"("})";
    call.params = params;
    call.name = name;
    call.timeout_ms = timeout_ms;
    call.traceparent = "00-11111111111111111111111111111111-2222222222222222-01";
    if (notified) {
      call.progress_token = "\"mine\"";
      call.on_notification = std::move(notified);
    }
    return run_on(client_pool_.executor(0), upstream_->call(call));
  }
  std::string events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  std::string last_head() {
    const std::lock_guard lock(fake_.mutex);
    return fake_.last_head;
  }

  FakeServer fake_;
  TestServer server_;
  server::IoPool client_pool_;
  std::shared_ptr<HttpUpstream> upstream_;
  std::mutex mutex_;
  std::string events_;
};

TEST_F(HttpUpstreamTest, LegacyServerIsRecognisedAndServed) {
  const auto info = start(options());
  ASSERT_TRUE(info);
  EXPECT_EQ(info->era, Era::Legacy);
  EXPECT_EQ(info->server_info, R"({"name":"fake"})");
  EXPECT_EQ(upstream_->state(), UpstreamState::Ready);
  const auto reply = call("echo");
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->payload, R"({"echo":true})");
  EXPECT_FALSE(reply->is_error);
  EXPECT_NE(last_head().find("Mcp-Session-Id: s1\n"), std::string::npos);
  EXPECT_NE(last_head().find("X-Key: secret\n"), std::string::npos);
  EXPECT_NE(last_head().find("traceparent: 00-1111"), std::string::npos);
  EXPECT_EQ(last_head().find("Mcp-Method"), std::string::npos);
  EXPECT_TRUE(
      eventually([&] { return events().find("notifications/tools/list_changed;") != std::string::npos; }));
  run_on(client_pool_.executor(0), upstream_->stop());
  EXPECT_EQ(fake_.deleted, 1);
  EXPECT_FALSE(call("echo"));
}

TEST_F(HttpUpstreamTest, ModernServer) {
  fake_.modern = true;
  const auto info = start(options());
  ASSERT_TRUE(info);
  EXPECT_EQ(info->era, Era::Modern);
  EXPECT_EQ(info->server_info, R"({"name":"fake"})");
  ASSERT_TRUE(call("ünï"));
  EXPECT_NE(last_head().find("Mcp-Method: tools/call\nMcp-Name: =?base64?w7xuw68=?=\n"), std::string::npos)
      << last_head();
  EXPECT_NE(fake_.last_body.find("io.modelcontextprotocol/protocolVersion"), std::string::npos);
}

TEST_F(HttpUpstreamTest, EventStreamAnswers) {
  ASSERT_TRUE(start(options()));
  std::string notified;
  const auto reply = call("stream", 5'000, [&](std::string text) { notified += text; });
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->payload, R"({"ok":1})");
  EXPECT_EQ(
      notified,
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"mine","progress":1}})");
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(fake_.mutex);
    return fake_.answers_to_server == R"({"jsonrpc":"2.0","id":"ask","result":{"roots":[]}})";
  }));
  EXPECT_TRUE(eventually(
      [&] { return events().find("notifications/resources/list_changed;") != std::string::npos; }));
}

TEST_F(HttpUpstreamTest, ACutStreamIsResumed) {
  ASSERT_TRUE(start(options()));
  const auto reply = call("cut");
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->payload, R"({"resumed":true})");
}

TEST_F(HttpUpstreamTest, AForgottenSessionIsRenewedOnce) {
  ASSERT_TRUE(start(options()));
  for (const bool quirk : {false, true}) {
    fake_.quirk = quirk;
    fake_.forget = true;
    const int before = fake_.greetings;
    const auto reply = call("echo");
    ASSERT_TRUE(reply) << reply.error().message();
    EXPECT_EQ(fake_.greetings, before + 1);
    EXPECT_TRUE(eventually(
        [&] { return events().find("notifications/prompts/list_changed;") != std::string::npos; }));
  }
}

TEST_F(HttpUpstreamTest, FailuresAreClear) {
  ASSERT_TRUE(start(options()));
  const auto text = [&](std::string_view name) {
    const auto reply = call(name, 500);
    return reply ? std::string("reply ") + std::string(reply->payload) : reply.error().message();
  };
  EXPECT_EQ(text("502"), "fake: HTTP 502");
  EXPECT_EQ(text("garbage"), "fake: the answer is not a JSON-RPC response to the request");
  EXPECT_EQ(text("other-id"), "fake: the answer is not a JSON-RPC response to the request");
  EXPECT_EQ(text("empty"), "fake: the event stream ended without an answer");
  EXPECT_EQ(call("hang", 200).error().code, asio::error::timed_out);
  EXPECT_TRUE(eventually([&] { return fake_.cancelled == 1; }));
  ASSERT_TRUE(call("echo"));
}

TEST_F(HttpUpstreamTest, ErrorsArePassedOn) {
  fake_.modern = true;
  ASSERT_TRUE(start(options()));
  const auto reply = call("fail");
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_TRUE(reply->is_error);
  EXPECT_EQ(reply->payload, R"({"code":-32601,"message":"nope"})");
}

TEST_F(HttpUpstreamTest, CancellingTheCallerTellsTheServer) {
  ASSERT_TRUE(start(options()));
  asio::cancellation_signal signal;
  UpstreamCall hang;
  hang.method = "tools/call";
  hang.params = R"({"name":"hang"})";
  std::promise<Result<UpstreamReply>> done;
  asio::co_spawn(
      client_pool_.executor(0), upstream_->call(hang),
      asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr, Result<UpstreamReply> reply) {
        done.set_value(std::move(reply));
      }));
  ::usleep(100'000);
  asio::post(client_pool_.executor(0), [&] { signal.emit(asio::cancellation_type::terminal); });
  EXPECT_FALSE(done.get_future().get());
  EXPECT_TRUE(eventually([&] { return fake_.cancelled == 1 && fake_.cut_streams == 1; }));
}

TEST_F(HttpUpstreamTest, ADeadServerFailsFastAndComesBack) {
  HttpUpstreamOptions with = options();
  with.url = *parse_http_url("http://127.0.0.1:1/mcp");
  with.backoff_min_ms = 10;
  EXPECT_FALSE(start(with));
  EXPECT_TRUE(eventually([&] { return upstream_->state() == UpstreamState::Backoff; }));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(call("echo"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(500));
  EXPECT_NE(upstream_->last_error().find("Connection refused"), std::string::npos) << upstream_->last_error();
}

TEST_F(HttpUpstreamTest, ManyCallsAtOnceFromManyContexts) {
  ASSERT_TRUE(start(options()));
  server::IoPool callers(3);
  callers.start();
  std::vector<std::future<Result<UpstreamReply>>> replies;
  UpstreamCall echo;
  echo.method = "tools/call";
  echo.params = R"({"name":"echo"})";
  for (int i = 0; i < 600; ++i) {
    replies.push_back(asio::co_spawn(callers.executor(i % 3), upstream_->call(echo), asio::use_future));
  }
  for (auto& reply : replies) {
    const auto result = reply.get();
    ASSERT_TRUE(result) << result.error().message();
  }
  run_on(client_pool_.executor(0), upstream_->stop());
  ::usleep(50'000);
  callers.stop();
  upstream_.reset();
}

}  // namespace
}  // namespace catalyst::mcp
