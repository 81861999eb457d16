#include "runtime/mcp/stdio_link.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <fstream>
#include <mutex>
#include <thread>

#include "runtime/mcp/duplex_upstream.h"
#include "tests/unit/transport/harness.h"

namespace catalyst::mcp {
namespace {

using test::eventually;
using test::run_on;

/// A real child: a shell that speaks line by line. `$line` is the request; `id` its id; `say` writes a line.
constexpr const char* kPrelude = R"sh(
say() { printf '%s\n' "$1"; }
while IFS= read -r line; do
  id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
  case "$line" in
)sh";
constexpr const char* kLegacy = R"sh(
  *server/discover*) say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"error\":{\"code\":-32601,\"message\":\"Method not found\"}}";;
  *\"initialize\"*)
    say '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
    say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"serverInfo\":{\"name\":\"sh\"}}}";;
  *notifications/initialized*) say '{"jsonrpc":"2.0","id":0,"method":"roots/list"}';;
  *notifications/cancelled*) printf 'cancelled seen\n' >&2;;
  *'"roots":[]'*) printf 'roots answered\n' >&2;;
)sh";
constexpr const char* kEnd = R"sh(
  *'"echo"'*) say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"echo\":true}}";;
  *'"fail"'*) say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"error\":{\"code\":-32602,\"message\":\"bad\"}}";;
  *'"progress"'*)
    say "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":$id,\"progress\":1}}"
    say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"done\":true}}";;
  *'"late"'*) sleep 0.4; say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"late\":true}}";;
  *'"garbage"'*) say 'hello there'; say '{"jsonrpc":'; say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{}}";;
  *'"huge"'*) head -c 200000 /dev/zero | tr '\0' x; say ''; say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{}}";;
  *'"stderr"'*) printf 'one\033[31m\ntwo\n' >&2; say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{}}";;
  *'"exit"'*) exit 3;;
  *'"env"'*) say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"env\":\"$CATALYST_TEST\",\"cwd\":\"$(pwd)\"}}";;
  *'"group"'*) sleep 1000 & say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"pid\":$!}}";;
  esac
done
)sh";

/// A child and how it is spoken to.
struct ChildUpstreamOptions : DuplexUpstreamOptions {
  StdioLinkOptions link;
};

class DuplexUpstreamTest : public ::testing::Test {
 protected:
  DuplexUpstreamTest() : pool_(2) { pool_.start(); }
  ~DuplexUpstreamTest() override {
    stop();
    pool_.stop();
  }
  void stop() {
    if (upstream_) {
      run_on(pool_.executor(1), upstream_->stop());
      EXPECT_EQ(upstream_->state(), UpstreamState::Stopped);
    }
  }
  ChildUpstreamOptions options(const std::string& cases = kLegacy) {
    ChildUpstreamOptions options;
    options.name = "child";
    options.link.child.command = "sh";
    options.link.child.args = {"-c", kPrelude + cases + kEnd};
    options.link.child.env = {{"CATALYST_TEST", "set"}};
    options.link.child.cwd = "/tmp";
    options.backoff_min_ms = 20;
    options.link.stop_grace_ms = 300;
    options.max_message_bytes = 100'000;
    options.link.log_stderr = [this](std::string_view line) { note(stderr_, line); };
    options.log = [this](std::string_view line) { note(log_, line); };
    return options;
  }
  std::shared_ptr<const UpstreamInfo> start(ChildUpstreamOptions with) {
    with.connect = connect_child(with.link);
    upstream_ = std::make_shared<DuplexUpstream>(pool_.executor(0), std::move(with));
    upstream_->start([this](std::string_view method, std::string_view) { note(events_, method); });
    auto info = run_on(pool_.executor(1), upstream_->ready(10'000));
    return info ? *info : nullptr;
  }
  Result<UpstreamReply> call(std::string_view name, int64_t timeout_ms = 10'000,
                             std::function<void(std::string)> notified = {}) {
    UpstreamCall call;
    call.method = "tools/call";
    const std::string params = "{\n\"name\":\"" + std::string(name) + "\"\r\n}";
    call.params = params;
    call.timeout_ms = timeout_ms;
    if (notified) {
      call.progress_token = "\"mine\"";
      call.on_notification = std::move(notified);
    }
    return run_on(pool_.executor(1), upstream_->call(call));
  }
  void note(std::string& where, std::string_view text) {
    const std::lock_guard lock(mutex_);
    where += std::string(text) + ";";
  }
  bool noted(const std::string& where, std::string_view text) {
    const std::lock_guard lock(mutex_);
    return where.find(text) != std::string::npos;
  }

  server::IoPool pool_;
  std::shared_ptr<DuplexUpstream> upstream_;
  std::mutex mutex_;
  std::string stderr_;
  std::string log_;
  std::string events_;
};

TEST_F(DuplexUpstreamTest, LegacyServer) {
  const auto info = start(options());
  ASSERT_TRUE(info) << upstream_->last_error();
  EXPECT_EQ(info->era, Era::Legacy);
  const auto reply = call("echo");
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->payload, R"({"echo":true})");
  const auto failed = call("fail");
  ASSERT_TRUE(failed);
  EXPECT_TRUE(failed->is_error);
  EXPECT_EQ(call("env")->payload, R"({"env":"set","cwd":"/tmp"})");
  EXPECT_TRUE(noted(events_, "notifications/tools/list_changed"));
  EXPECT_TRUE(eventually([&] { return noted(stderr_, "roots answered"); }));
}

TEST_F(DuplexUpstreamTest, ModernServer) {
  const auto info = start(options(
      R"sh(*server/discover*) say "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{}}}";;)sh"));
  ASSERT_TRUE(info) << upstream_->last_error();
  EXPECT_EQ(info->era, Era::Modern);
  EXPECT_TRUE(call("echo"));
}

TEST_F(DuplexUpstreamTest, AChildThatDiesOfTheProbeIsAskedTheOldWay) {
  const auto info = start(options(std::string("*server/discover*) exit 1;;") + kLegacy));
  ASSERT_TRUE(info) << upstream_->last_error();
  EXPECT_EQ(info->era, Era::Legacy);
}

TEST_F(DuplexUpstreamTest, AChildThatIgnoresTheProbeIsAskedTheOldWay) {
  auto with = options(std::string("*server/discover*) ;;") + kLegacy);
  with.probe_timeout_ms = 200;
  const auto info = start(with);
  ASSERT_TRUE(info) << upstream_->last_error();
  EXPECT_EQ(info->era, Era::Legacy);
}

TEST_F(DuplexUpstreamTest, ProgressReachesTheCallerBeforeTheReply) {
  ASSERT_TRUE(start(options()));
  std::string notified;
  ASSERT_TRUE(call("progress", 10'000, [&](std::string text) { notified += text; }));
  EXPECT_EQ(
      notified,
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"mine","progress":1}})");
}

TEST_F(DuplexUpstreamTest, GarbageIsSkippedAndCounted) {
  ASSERT_TRUE(start(options()));
  EXPECT_TRUE(call("garbage"));
  EXPECT_EQ(upstream_->dropped(), 2U);
  EXPECT_TRUE(call("huge"));
  EXPECT_EQ(upstream_->dropped(), 3U);
  EXPECT_TRUE(call("stderr"));
  EXPECT_TRUE(eventually([&] { return noted(stderr_, "one\\x1b[31m;two;"); })) << stderr_;
}

TEST_F(DuplexUpstreamTest, TimeOutCancelsAndTheLateAnswerIsDropped) {
  ASSERT_TRUE(start(options()));
  EXPECT_EQ(call("late", 100).error().code, asio::error::timed_out);
  EXPECT_EQ(call("echo")->payload, R"({"echo":true})");
  EXPECT_TRUE(eventually([&] { return noted(stderr_, "cancelled seen"); }));
}

TEST_F(DuplexUpstreamTest, CancellingTheCallerTellsTheServer) {
  ASSERT_TRUE(start(options()));
  asio::cancellation_signal signal;
  UpstreamCall late;
  late.method = "tools/call";
  late.params = R"({"name":"late"})";
  std::promise<Result<UpstreamReply>> done;
  asio::co_spawn(
      pool_.executor(1), upstream_->call(late),
      asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr, Result<UpstreamReply> reply) {
        done.set_value(std::move(reply));
      }));
  ::usleep(50'000);
  asio::post(pool_.executor(1), [&] { signal.emit(asio::cancellation_type::terminal); });
  EXPECT_EQ(done.get_future().get().error().code, asio::error::operation_aborted);
  EXPECT_TRUE(eventually([&] { return noted(stderr_, "cancelled seen"); }));
}

TEST_F(DuplexUpstreamTest, ACrashFailsWhatIsInFlightAndIsRepaired) {
  ASSERT_TRUE(start(options()));
  UpstreamCall late;
  late.method = "tools/call";
  late.params = R"({"name":"exit"})";
  const auto began = std::chrono::steady_clock::now();
  const auto reply = call("exit");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().context, "child: the server process ended");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(500));
  EXPECT_TRUE(eventually([&] {
    return upstream_->state() == UpstreamState::Ready && noted(log_, "exited with status 3");
  })) << log_;
  EXPECT_TRUE(call("echo"));
}

TEST_F(DuplexUpstreamTest, ACommandThatIsNotThere) {
  auto with = options();
  with.link.child.command = "/nowhere/at/all";
  with.connect = connect_child(with.link);
  upstream_ = std::make_shared<DuplexUpstream>(pool_.executor(0), with);
  upstream_->start({});
  EXPECT_TRUE(eventually([&] { return upstream_->last_error().find("No such file") != std::string::npos; }));
  EXPECT_FALSE(call("echo", 200));
}

TEST_F(DuplexUpstreamTest, StopEndsTheWholeGroup) {
  auto with = options();
  with.link.child.args = {"-c", "trap '' TERM; " + with.link.child.args[1] + "\nsleep 1000"};
  ASSERT_TRUE(start(with));
  const auto reply = call("group");
  ASSERT_TRUE(reply);
  const pid_t grandchild = std::stoi(std::string(reply->payload.substr(reply->payload.find(':') + 1)));
  EXPECT_EQ(::kill(grandchild, 0), 0);
  stop();
  EXPECT_TRUE(eventually([&] {
    std::ifstream stat("/proc/" + std::to_string(grandchild) + "/stat");
    std::string text;
    return !std::getline(stat, text) || text.find(") Z") != std::string::npos;
  }));
}

TEST_F(DuplexUpstreamTest, AChildThatDoesNotReadIsNotAllowedToFillUs) {
  auto with = options(std::string("*stall*) sleep 2;;") + kLegacy);
  with.max_queued_bytes = 200'000;
  ASSERT_TRUE(start(with));
  UpstreamCall stall;
  stall.method = "stall";
  auto first = asio::co_spawn(pool_.executor(1), upstream_->call(stall), asio::use_future);
  ::usleep(50'000);
  const std::string big = "{\"x\":\"" + std::string(150'000, 'x') + "\"}";
  UpstreamCall load;
  load.method = "load";
  load.params = big;
  load.timeout_ms = 300;
  auto second = asio::co_spawn(pool_.executor(1), upstream_->call(load), asio::use_future);
  auto third = asio::co_spawn(pool_.executor(1), upstream_->call(load), asio::use_future);
  EXPECT_EQ(third.get().error().code, asio::error::no_buffer_space);
  EXPECT_EQ(second.get().error().code, asio::error::timed_out);
  stop();
  EXPECT_FALSE(first.get());
}

}  // namespace
}  // namespace catalyst::mcp
