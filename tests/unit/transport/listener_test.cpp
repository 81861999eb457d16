#include "server/http/listener.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "tests/unit/transport/harness.h"

namespace catalyst::server {
namespace {

using namespace std::string_literals;
using test::eventually;
using test::RawClient;
using test::TestServer;

constexpr mcp::Header kText{"Content-Type", "text/plain"};

std::atomic<int> g_cancelled{0};

Task<void> sleep_ms(int ms) {
  SteadyTimer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(ms));
  co_await timer.async_wait(use_awaitable);
}

Task<void> serve(mcp::HttpExchange& exchange) {
  const std::string_view path = exchange.path();
  if (path == "/echo") {
    co_await exchange.respond(200, std::span(&kText, 1), exchange.body());
  } else if (path == "/big") {
    const std::string body(8 * 1024 * 1024, 'b');
    co_await exchange.respond(200, std::span(&kText, 1), body);
  } else if (path == "/slow") {
    struct Noted {
      bool finished = false;
      ~Noted() { g_cancelled += finished ? 0 : 1; }
    } noted;
    co_await sleep_ms(3'000);
    noted.finished = true;
    co_await exchange.respond(200, {}, "slow");
  } else if (path == "/soon") {
    co_await sleep_ms(200);
    co_await exchange.respond(200, {}, "soon");
  } else if (path == "/stream") {
    const mcp::Header type{"Content-Type", "text/event-stream"};
    co_await exchange.begin_stream(200, std::span(&type, 1), {});
    co_await exchange.write("data: 1\n\n");
    co_await sleep_ms(500);
    co_await exchange.write("data: 2\n\n");
    co_await exchange.end_stream({});
  } else if (path == "/half") {
    co_await exchange.begin_stream(200, {}, {});
    co_await exchange.write("half");
  } else if (path == "/throw") {
    throw std::runtime_error("broken");
  } else if (path == "/who") {
    const std::string text = std::string(exchange.principal().id) + " " + std::string(exchange.request_id());
    co_await exchange.respond(200, {}, text);
  } else if (path == "/inject") {
    const mcp::Header evil{"X-Evil", "a\r\nSet-Cookie: b"};
    co_await exchange.respond(200, std::span(&evil, 1), "");
  } else if (path != "/silent") {
    co_await exchange.respond(404, {}, "");
  }
}

std::string get(std::string_view path, std::string_view more = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}
std::string post(std::string_view body) {
  return "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}
/// Status line of whatever a fresh connection answers to these bytes.
std::string status_of(TestServer& server, std::string_view bytes) {
  RawClient client(server.listener.port());
  client.send(bytes);
  return client.read_until("\r\n").substr(0, 12);
}

TEST(Listener, AnswersAndKeepsTheConnection) {
  TestServer server(serve);
  RawClient client(server.listener.port());
  for (int i = 0; i < 3; ++i) {
    client.forget();
    client.send(post("hello"));
    const std::string& answer = client.read_until("hello");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << answer;
    EXPECT_NE(answer.find("\r\nContent-Length: 5\r\n"), std::string::npos);
    EXPECT_EQ(answer.find("Connection: close"), std::string::npos);
  }
}

TEST(Listener, PipelinedRequestsAreAnsweredInOrder) {
  TestServer server(serve);
  RawClient client(server.listener.port());
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all += post("<" + std::to_string(i) + ">");
  }
  client.send(get("/soon") + all);
  const std::string answer = client.read_until("<199>");
  size_t at = answer.find("soon");
  ASSERT_NE(at, std::string::npos);
  for (int i = 0; i < 200; ++i) {
    at = answer.find("<" + std::to_string(i) + ">", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST(Listener, AnyCutOfARequestIsTheSameRequest) {
  TestServer server(serve);
  const std::string chunked =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n";
  for (const std::string& bytes : {post("abcdefg"), chunked}) {
    for (size_t cut = 1; cut < bytes.size(); cut += 3) {
      RawClient client(server.listener.port());
      client.send(bytes.substr(0, cut));
      ::usleep(500);
      client.send(bytes.substr(cut));
      ASSERT_NE(client.read_until("abcdefg").find("abcdefg"), std::string::npos) << cut;
    }
  }
}

TEST(Listener, LargeBodiesBothWays) {
  TestServer server(serve);
  RawClient client(server.listener.port());
  const std::string body = std::string(3 * 1024 * 1024, 'q') + "END";
  client.send(post(body));
  EXPECT_EQ(client.read_until("END").size() > body.size(), true);
  client.forget();
  client.send(get("/big"));
  ::usleep(300'000);  // the server meets a full socket
  client.send(get("/echo"));
  client.read_until("Content-Length: 0");
  EXPECT_NE(client.read_until("Content-Length: 0").find(std::string(8 * 1024 * 1024, 'b')),
            std::string::npos);
}

TEST(Listener, RefusesWhatIsBroken) {
  TestServer server(serve);
  const std::pair<const char*, std::string> cases[] = {
      {"400", "nonsense\r\n\r\n"},
      {"400", "GET / HTTP/1.1\r\n\r\n"},
      {"400", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      {"400", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
      {"400", "GET /../x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"400", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"400",
       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"400",
       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
      {"400", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
      {"400", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello"},
      {"400", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\nhello"},
      {"400", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {"400", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
      {"400", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"},
      {"400", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n"},
      {"400",
       "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(80'000, 'x')},
      {"400", "GET / HTTP/1.1\r\nHost: a\r\nX-Folded: a\r\n b\r\n\r\n"},
      {"400", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"s},
      {"413", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4194305\r\n\r\n"},
      {"413", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n500000\r\n"},
      {"431", "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'x')},
  };
  for (const auto& [status, bytes] : cases) {
    EXPECT_EQ(status_of(server, bytes), std::string("HTTP/1.1 ") + status) << bytes.substr(0, 120);
  }
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 101; ++i) {
    many += "X: y\r\n";
  }
  EXPECT_EQ(status_of(server, many + "\r\n"), "HTTP/1.1 431");
  EXPECT_TRUE(eventually([&] { return server.listener.connections() == 0; }));
}

/// Knows `ann` by her token at once, and `late` after a moment on the executor.
class FakeAuthenticator final : public Authenticator {
 public:
  Admission admit(const Credentials& credentials) override {
    const std::string_view token = credentials.exchange.header("Authorization").value_or("");
    Admission out;
    if (token == "Bearer ann") {
      out.principal = std::make_shared<decision::Principal>(decision::Principal{.id = "ann"});
    }
    out.wait = token.starts_with("Bearer late");
    out.challenge = "Bearer error=\"invalid_token\"";
    out.body = "{}";
    return out;
  }
  Task<Admission> admit_later(Credentials credentials) override {
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, use_awaitable);
    Admission out;
    if (credentials.exchange.header("Authorization") == "Bearer late") {
      out.principal = std::make_shared<decision::Principal>(decision::Principal{.id = "late"});
    }
    co_return out;
  }
};

TEST(Listener, WhoIsNotKnownAtOnceIsWaitedFor) {
  FakeAuthenticator authenticator;
  TestServer server(serve, {}, &authenticator);
  RawClient client(server.listener.port());
  client.send(get("/who", "Authorization: Bearer late\r\nX-Request-Id: abc-2\r\n"));
  client.read_until("late abc-2");
  client.forget();
  client.send(get("/who", "Authorization: Bearer late-and-wrong\r\n"));
  EXPECT_NE(client.read_until("\r\n\r\n").find("HTTP/1.1 401"), std::string::npos);
  client.forget();
  client.send(
      get("/who", "Authorization: Bearer ann\r\nX-Request-Id: abc-3\r\n"));  // the connection lives on
  client.read_until("ann abc-3");
}

TEST(Listener, LargeAnswersAreCompressedWhenTheClientAsks) {
  HttpOptions options;
  options.compress_from = 1'000;
  TestServer server(serve, options);
  const auto answer = [&](const std::string& accept, size_t size) {
    RawClient client(server.listener.port());
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + accept +
                "Content-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'));
    return client.read_to_end();
  };
  EXPECT_NE(answer("Accept-Encoding: br, GZIP;q=0.5\r\n", 5'000).find("Content-Encoding: gzip\r\n"),
            std::string::npos);
  EXPECT_NE(answer("Accept-Encoding: gzip, zstd\r\n", 5'000).find("Content-Encoding: zstd\r\n"),
            std::string::npos);
  EXPECT_LT(answer("Accept-Encoding: gzip\r\n", 5'000).size(), 1'000u);
  EXPECT_NE(answer("Accept-Encoding: zstd;q=0.1, gzip;q=0.9\r\n", 5'000).find("Content-Encoding: gzip\r\n"),
            std::string::npos);
  EXPECT_NE(answer("Accept-Encoding: *\r\n", 5'000).find("Content-Encoding: zstd\r\n"), std::string::npos);
  EXPECT_NE(answer("Accept-Encoding: *, zstd;q=0\r\n", 5'000).find("Content-Encoding: gzip\r\n"),
            std::string::npos);
  for (const char* accept : {"", "Accept-Encoding: br\r\n", "Accept-Encoding: gzip;q=0, zstd;q=0.0\r\n",
                             "Accept-Encoding: *;q=0\r\n", "Accept-Encoding: gzip;q=0.5, identity\r\n",
                             "Accept-Encoding: gzip;q=x\r\n"}) {
    EXPECT_NE(answer(accept, 5'000).find(std::string(5'000, 'x')), std::string::npos) << accept;
  }
  EXPECT_EQ(answer("Accept-Encoding: gzip\r\n", 999).find("Content-Encoding"), std::string::npos);
}

TEST(Listener, ABodyInACodingIsRefusedBeforeItIsRead) {
  TestServer server(serve);
  for (const auto& [coding, status] : {std::pair("gzip", "415"), std::pair("identity", "200")}) {
    RawClient client(server.listener.port());
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: " +
                std::string(coding) + "\r\nContent-Length: 2\r\n\r\n{}");
    const std::string answer = client.read_to_end();
    EXPECT_NE(answer.find(std::string("HTTP/1.1 ") + status), std::string::npos) << answer;
    EXPECT_EQ(answer.find("Accept-Encoding: identity\r\n") != std::string::npos,
              status == std::string("415"));
  }
  EXPECT_EQ(server.listener.refused(Refusal::BodyCoded), 1U);
}

TEST(Listener, ARefusalSaysWhatIsWanted) {
  FakeAuthenticator authenticator;
  TestServer server(serve, {}, &authenticator);
  RawClient client(server.listener.port());
  client.send(get("/who", "Authorization: Bearer nobody\r\n"));
  EXPECT_NE(client.read_until("{}").find("WWW-Authenticate: Bearer error=\"invalid_token\""),
            std::string::npos);
}

TEST(Listener, TwoAuthorizationsAreRefused) {
  FakeAuthenticator authenticator;
  TestServer server(serve, {}, &authenticator);
  EXPECT_EQ(status_of(server, get("/who", "Authorization: Bearer ann\r\nAuthorization: Bearer ann\r\n")),
            "HTTP/1.1 400");
}

TEST(Listener, TrailersAreNotHeaders) {
  FakeAuthenticator authenticator;
  TestServer server(serve, {}, &authenticator);
  EXPECT_EQ(status_of(server,
                      "POST /who HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                      "chunked\r\n\r\n0\r\nAuthorization: Bearer ann\r\n\r\n"),
            "HTTP/1.1 401");
  RawClient client(server.listener.port());
  client.send(get("/who", "authorization:  Bearer ann \r\nX-Request-Id: abc-1\r\n"));
  EXPECT_NE(client.read_until("ann abc-1").find("X-Request-Id: abc-1"), std::string::npos);
}

TEST(Listener, OpenPathsNeedNoPrincipal) {
  HttpOptions options;
  options.open_paths = {"/ec*"};
  FakeAuthenticator authenticator;
  TestServer server(serve, options, &authenticator);
  EXPECT_EQ(status_of(server, get("/echo")), "HTTP/1.1 200");
  EXPECT_EQ(status_of(server, get("/who")), "HTTP/1.1 401");
}

TEST(Listener, HandlersThatFail) {
  TestServer server(serve);
  EXPECT_EQ(status_of(server, get("/throw")), "HTTP/1.1 500");
  EXPECT_EQ(status_of(server, get("/silent")), "HTTP/1.1 500");
  RawClient half(server.listener.port());
  half.send(get("/half"));
  EXPECT_EQ(half.read_to_end().find("\r\n0\r\n"), std::string::npos);
  EXPECT_TRUE(half.closed_by_peer());
  RawClient inject(server.listener.port());
  inject.send(get("/inject"));
  EXPECT_EQ(inject.read_until("\r\n\r\n").find("Set-Cookie"), std::string::npos);
}

TEST(Listener, ExpectContinueAndHead) {
  TestServer server(serve);
  RawClient client(server.listener.port());
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_NE(client.read_until("abc").find("200 OK"), std::string::npos);
  RawClient head(server.listener.port());
  head.send("HEAD /soon HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = head.read_to_end();
  EXPECT_NE(answer.find("Content-Length: 4"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST(Listener, AClientThatLeavesCancelsItsHandler) {
  TestServer server(serve);
  g_cancelled = 0;
  RawClient gone(server.listener.port());
  gone.send(get("/slow"));
  ::usleep(100'000);
  gone.close();
  EXPECT_TRUE(eventually([] { return g_cancelled == 1; }, 1'000));
  RawClient half(server.listener.port());
  half.send(get("/slow"));
  ::usleep(100'000);
  half.shutdown_send();
  EXPECT_TRUE(eventually([] { return g_cancelled == 2; }, 1'000));
  EXPECT_TRUE(eventually([&] { return server.listener.connections() == 0; }, 1'000));
}

TEST(Listener, StreamsWithKeepalive) {
  HttpOptions options;
  options.keepalive_ms = 100;
  options.tick_ms = 50;
  TestServer server(serve, options);
  RawClient client(server.listener.port());
  client.send(get("/stream"));
  const std::string answer = client.read_until("\r\n0\r\n\r\n");
  EXPECT_NE(answer.find("X-Accel-Buffering: no"), std::string::npos);
  EXPECT_NE(answer.find("9\r\ndata: 1\n\n\r\nd\r\n: keepalive\n\n\r\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("9\r\ndata: 2\n\n\r\n0\r\n\r\n"), std::string::npos) << answer;
  client.forget();
  client.send(post("again"));
  EXPECT_NE(client.read_until("again").find("again"), std::string::npos);
}

TEST(Listener, SlowAndIdleClientsAreCut) {
  HttpOptions options;
  options.header_timeout_ms = 200;
  options.body_timeout_ms = 200;
  options.idle_timeout_ms = 400;
  options.linger_timeout_ms = 100;
  options.tick_ms = 20;
  TestServer server(serve, options);
  EXPECT_EQ(status_of(server, "GET / HTTP/1.1\r\nHo"), "HTTP/1.1 408");
  EXPECT_EQ(status_of(server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"), "HTTP/1.1 408");
  RawClient idle(server.listener.port());
  idle.send(post("x"));
  idle.read_to_end(2'000);
  EXPECT_TRUE(idle.closed_by_peer());
  RawClient silent(server.listener.port());
  silent.read_to_end(2'000);
  EXPECT_TRUE(silent.closed_by_peer());
  EXPECT_TRUE(eventually([&] { return server.listener.connections() == 0; }));
}

TEST(Listener, AClientThatDoesNotReadIsCut) {
  HttpOptions options;
  options.write_timeout_ms = 200;
  options.tick_ms = 20;
  TestServer server(serve, options);
  RawClient client(server.listener.port());
  client.send(get("/big"));
  EXPECT_TRUE(eventually([&] { return server.listener.connections() == 1; }));
  EXPECT_TRUE(eventually([&] { return server.listener.connections() == 0; }, 3'000));
}

TEST(Listener, TooManyConnections) {
  HttpOptions options;
  options.max_connections = 2;
  TestServer server(serve, options, {}, 1);
  RawClient first(server.listener.port());
  RawClient second(server.listener.port());
  ASSERT_TRUE(eventually([&] { return server.listener.connections() == 2; }));
  EXPECT_EQ(status_of(server, get("/echo")), "HTTP/1.1 503");
  first.close();
  ASSERT_TRUE(eventually([&] { return server.listener.connections() == 1; }));
  EXPECT_EQ(status_of(server, get("/echo")), "HTTP/1.1 200");
}

TEST(Listener, DrainFinishesWhatIsInFlight) {
  TestServer server(serve);
  RawClient idle(server.listener.port());
  RawClient busy(server.listener.port());
  busy.send(get("/soon"));
  idle.send(post("x"));
  idle.read_until("x");
  ::usleep(50'000);
  const auto began = std::chrono::steady_clock::now();
  asio::io_context own;
  auto drained = asio::co_spawn(own, server.listener.drain(2'000), asio::use_future);
  own.run();
  drained.get();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(1'500));
  EXPECT_NE(busy.read_to_end().find("Connection: close"), std::string::npos);
  EXPECT_NE(busy.read_to_end().find("soon"), std::string::npos);
  idle.read_to_end(1'000);
  EXPECT_TRUE(idle.closed_by_peer());
  EXPECT_FALSE(RawClient(server.listener.port()).connected());
}

TEST(Listener, DrainCutsAtTheDeadline) {
  TestServer server(serve);
  g_cancelled = 0;
  RawClient busy(server.listener.port());
  busy.send(get("/slow"));
  ::usleep(50'000);
  asio::io_context own;
  auto drained = asio::co_spawn(own, server.listener.drain(200), asio::use_future);
  own.run();
  EXPECT_EQ(server.listener.connections(), 0U);
  EXPECT_EQ(g_cancelled, 1);
}

TEST(Listener, ATakenPortIsAnError) {
  TestServer server(serve);
  IoPool pool(1);
  HttpOptions options;
  options.port = server.listener.port();
  Listener second(pool, options, serve, {});
  EXPECT_FALSE(second.start());
}

}  // namespace
}  // namespace catalyst::server
