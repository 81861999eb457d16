#include "runtime/mcp/http_client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/unit/transport/harness.h"

namespace catalyst::mcp {
namespace {

using test::run_on;

/// Accepts connections one after another; each gets the next script: what to send after every request it
/// reads, "" to close.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::vector<std::string>> scripts) : scripts_(std::move(scripts)) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(fd_, 16);
    socklen_t length = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~ScriptedServer() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  [[nodiscard]] HttpUrl url() const { return *parse_http_url("http://127.0.0.1:" + std::to_string(port_)); }
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void run() {
    for (const auto& script : scripts_) {
      const int client = ::accept(fd_, nullptr, nullptr);
      if (client < 0) {
        return;
      }
      ++connections_;
      for (const std::string& answer : script) {
        char request[4096];
        if (::recv(client, request, sizeof request, 0) <= 0 || answer.empty()) {
          break;
        }
        for (size_t i = 0; i < answer.size(); i += 1'000) {
          const std::string piece = answer.substr(i, 1'000);
          ::send(client, piece.data(), piece.size(), MSG_NOSIGNAL);
        }
      }
      ::close(client);
    }
  }

  std::vector<std::vector<std::string>> scripts_;
  int fd_;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClientTest() : pool_(1) { pool_.start(); }
  ~HttpClientTest() override { pool_.stop(); }

  Result<HttpResponse> get(HttpClient& client, int64_t timeout_ms = 2'000) {
    HttpRequest request;
    request.head = "GET / HTTP/1.1\r\nHost: x\r\n";
    request.has_body = false;
    request.timeout_ms = timeout_ms;
    return run_on(pool_.executor(0), client.request(request));
  }
  Result<HttpResponse> post(HttpClient& client, bool repeatable) {
    HttpRequest request;
    request.head = "POST / HTTP/1.1\r\nHost: x\r\n";
    request.body = {"{}", {}, {}};
    request.repeatable = repeatable;
    request.timeout_ms = 2'000;
    return run_on(pool_.executor(0), client.request(request));
  }
  std::string outcome(std::string answer, HttpClientOptions options = {}) {
    ScriptedServer server({{std::move(answer)}});
    HttpClient client(server.url(), std::move(options));
    const auto response = get(client);
    return response ? std::to_string(response->status) + " " + response->body : "error";
  }

  server::IoPool pool_;
};

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(HttpClientTest, EveryFraming) {
  EXPECT_EQ(outcome(kOk), "200 ok");
  EXPECT_EQ(outcome("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), "200 ok");
  EXPECT_EQ(outcome("HTTP/1.1 200 OK\r\n\r\nuntil the end"), "200 until the end");
  EXPECT_EQ(outcome("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"), "204 ");
  EXPECT_EQ(outcome("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x')),
            "200 " + std::string(100'000, 'x'));
}

TEST_F(HttpClientTest, BrokenAnswersAreErrors) {
  HttpClientOptions small;
  small.max_body_bytes = 1'000;
  small.max_header_bytes = 2'000;
  EXPECT_EQ(outcome("nonsense\r\n\r\n"), "error");
  EXPECT_EQ(outcome("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok"), "error");
  EXPECT_EQ(outcome("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "error");
  EXPECT_EQ(outcome("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + std::string(1'001, 'x'), small),
            "error");
  EXPECT_EQ(outcome("HTTP/1.1 200 OK\r\nX: " + std::string(50'000, 'x') + "\r\n\r\n", small), "error");
  std::string endless;
  for (int i = 0; i < 20; ++i) {
    endless += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  EXPECT_EQ(outcome(endless), "error");
}

TEST_F(HttpClientTest, AnAnswerInACodingIsAnErrorThatSaysSo) {
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx"},
                         {"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\nok"}});
  HttpClient client(server.url(), {});
  const Result<HttpResponse> coded = get(client);
  ASSERT_TRUE(coded.has_error());
  EXPECT_NE(coded.error().message().find("Content-Encoding gzip"), std::string::npos)
      << coded.error().message();
  EXPECT_EQ(get(client)->body, "ok");
}

TEST_F(HttpClientTest, ConnectionsAreReusedAndAStaleOneIsReplaced) {
  ScriptedServer server({{kOk, kOk, ""}, {kOk, kOk}});
  HttpClient client(server.url(), {});
  for (int i = 0; i < 4; ++i) {
    const auto response = get(client);
    ASSERT_TRUE(response) << i << " " << response.error().message();
  }
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, WhatMayNotBeRepeatedIsSentOnce) {
  // The server reads the second request and closes: it may have acted on it.
  ScriptedServer server({{kOk, ""}, {kOk, ""}, {kOk}});
  HttpClient client(server.url(), {});
  ASSERT_TRUE(post(client, false));
  EXPECT_FALSE(post(client, false));
  EXPECT_EQ(server.connections(), 1);
  ASSERT_TRUE(post(client, true));
  EXPECT_TRUE(post(client, true));
  EXPECT_EQ(server.connections(), 3);
}

TEST_F(HttpClientTest, AnIdleConnectionThatWasClosedIsReplacedUnused) {
  ScriptedServer server({{kOk}, {kOk}});  // closes after its answer, without a word
  HttpClient client(server.url(), {});
  ASSERT_TRUE(post(client, false));
  ::usleep(50'000);
  const auto second = post(client, false);
  EXPECT_TRUE(second) << second.error().message();
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, AFreshConnectionIsNotRetried) {
  ScriptedServer server({{""}, {kOk}});
  HttpClient client(server.url(), {});
  EXPECT_FALSE(get(client));
}

TEST_F(HttpClientTest, AnAnswerThatBrokeMidwayIsNotRetried) {
  ScriptedServer server({{kOk, "HTTP/1.1 200 OK\r\nContent-Le"}, {kOk}});
  HttpClient client(server.url(), {});
  EXPECT_TRUE(get(client));
  EXPECT_FALSE(get(client));
}

TEST_F(HttpClientTest, TimesOut) {
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", kOk}});
  HttpClient client(server.url(), {});
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(get(client, 200).error().code, asio::error::timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(600));
}

TEST_F(HttpClientTest, WaitsForAPlaceWithinTheDeadline) {
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", kOk}});
  HttpClientOptions options;
  options.max_connections = 1;
  options.max_waiting = 1;
  HttpClient client(server.url(), options);
  HttpRequest request;
  request.head = "GET / HTTP/1.1\r\nHost: x\r\n";
  request.has_body = false;
  request.timeout_ms = 500;
  auto first = asio::co_spawn(pool_.executor(0), client.request(request), asio::use_future);
  ::usleep(50'000);
  HttpRequest short_request = request;
  short_request.timeout_ms = 100;
  auto second = asio::co_spawn(pool_.executor(0), client.request(short_request), asio::use_future);
  ::usleep(20'000);
  EXPECT_EQ(get(client).error().code, asio::error::try_again);
  EXPECT_EQ(second.get().error().code, asio::error::timed_out);
  EXPECT_EQ(first.get().error().code, asio::error::timed_out);
}

TEST_F(HttpClientTest, HttpsVerifiesThePeer) {
  ScriptedServer server({{"not TLS at all"}});
  HttpUrl url = server.url();
  url.tls = true;
  HttpClient client(url, {});
  EXPECT_FALSE(get(client));
}

}  // namespace
}  // namespace catalyst::mcp
