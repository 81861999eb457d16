// The client with a Redis that says what it should not. A real one is in tests/integration/redis.test.mjs.

#include "runtime/redis/client.h"

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace catalyst::redis {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// One connection after the other: answers PING, and everything else with `answer`; silent when that is "".
class Fake {
 public:
  Fake() : acceptor_(io_, {asio::ip::address_v4::loopback(), 0}), thread_([this] { run(); }) {}
  ~Fake() {
    stop_ = true;
    boost::system::error_code ec;
    tcp::socket last(io_);
    last.connect(acceptor_.local_endpoint(), ec);
    thread_.join();
  }
  [[nodiscard]] uint16_t port() { return acceptor_.local_endpoint().port(); }

  std::string answer;  // before the client begins
  std::atomic<int> connections = 0;
  std::atomic<int> commands = 0;

 private:
  void run() {
    while (!stop_) {
      boost::system::error_code ec;
      tcp::socket socket(io_);
      acceptor_.accept(socket, ec);
      ++connections;
      socket.non_blocking(true);
      std::string seen;
      while (!stop_) {
        char bytes[4096];
        const size_t size = socket.read_some(asio::buffer(bytes), ec);
        if (ec == asio::error::would_block) {
          std::this_thread::sleep_for(milliseconds(1));
          continue;
        }
        if (ec) {
          break;
        }
        seen.append(bytes, size);
        reply(socket, seen);
      }
    }
  }
  /// Commands of the client end with a number or a word that no other part of them has.
  void reply(tcp::socket& socket, std::string& seen) {
    boost::system::error_code ec;
    for (size_t at = 0; (at = seen.find("*", at)) != std::string::npos; ++at) {
      const bool ping = seen.compare(at, 4, "*1\r\n") == 0;
      commands += ping ? 0 : 1;
      const std::string text = ping ? "+PONG\r\n" : answer;
      socket.non_blocking(false);
      asio::write(socket, asio::buffer(text), ec);
      socket.non_blocking(true);
    }
    seen.clear();
  }

  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

Options options_for(uint16_t port) {
  Options out;
  out.address.host = "127.0.0.1";
  out.address.port = port;
  out.timeout_ms = 100;
  out.retry_ms = 60'000;
  out.retry_max_ms = 60'000;
  out.value_bytes = 1'024;
  return out;
}

bool wait_for(const std::function<bool()>& what) {
  const auto end = steady_clock::now() + std::chrono::seconds(5);
  while (!what() && steady_clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  return what();
}

/// "not asked", "failed", or the value.
std::string ask(Client& client) {
  auto promise = std::make_shared<std::promise<std::string>>();
  std::future<std::string> answer = promise->get_future();
  if (!client.get({"key"}, [promise](bool failed, std::vector<std::string> values) {
        promise->set_value(failed ? "failed" : values.at(0));
      })) {
    return "not asked";
  }
  return answer.get();
}

std::string asked_once(const std::string& answer) {
  Fake fake;
  fake.answer = answer;
  Client client(options_for(fake.port()));
  EXPECT_TRUE(wait_for([&] { return client.connected(); }));
  std::string out = ask(client);
  // After a failure of the connection nothing more is asked; after an answer, it is.
  if (!client.connected()) {
    const auto begin = steady_clock::now();
    out += ", then " + ask(client);
    EXPECT_LT(steady_clock::now() - begin, milliseconds(20));
  }
  return out;
}

TEST(Client, TakesWhatIsAnAnswer) {
  EXPECT_EQ(asked_once("$5\r\nhello\r\n"), "hello");
  EXPECT_EQ(asked_once("$0\r\n\r\n"), "");
  EXPECT_EQ(asked_once("$-1\r\n"), "");
  EXPECT_EQ(asked_once("-NOAUTH Authentication required.\r\n"), "failed");
}

TEST(Client, EndsTheConnectionOverWhatIsNone) {
  for (const char* answer :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "*1\r\n$5\r\nhello\r\n", "*2147483647\r\n", "*-5\r\n", "$-7\r\n",
        "$99999999999999999999\r\n", "$5\r\nhel", "", "\r\n\r\n", "%1\r\n"}) {
    EXPECT_EQ(asked_once(answer), "failed, then not asked") << answer;
  }
}

TEST(Client, DoesNotReadOnWhenAnAnswerIsTooLarge) {
  const std::string endless(400'000, 'x');
  EXPECT_EQ(asked_once("$1000000000\r\n" + endless), "failed, then not asked");
  EXPECT_EQ(asked_once("+" + endless), "failed, then not asked");
}

TEST(Client, OneThatIsNotThereIsNotWaitedFor) {
  uint16_t port = 0;
  {
    asio::io_context io;
    port = tcp::acceptor(io, {asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
  }
  std::atomic<int> told = 0;
  Options options = options_for(port);
  options.retry_ms = options.retry_max_ms = 5;
  options.log = [&](bool connected, const std::string&) { told += connected ? 100 : 1; };
  Client client(options);
  const auto begin = steady_clock::now();
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(ask(client), "not asked");
    EXPECT_FALSE(client.put("key", "value", 1'000));
  }
  EXPECT_LT(steady_clock::now() - begin, milliseconds(500));
  EXPECT_TRUE(wait_for([&] { return told == 1; }));
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(told, 1) << "an outage is told once";
}

TEST(Client, ComesBack) {
  Fake fake;
  fake.answer = "$5\r\nhel";
  Options options = options_for(fake.port());
  options.timeout_ms = 30;
  options.retry_ms = 5;
  Client client(options);
  EXPECT_TRUE(wait_for([&] { return client.connected(); }));
  EXPECT_EQ(ask(client), "failed");
  EXPECT_TRUE(wait_for([&] { return client.connected(); }));
  EXPECT_EQ(fake.connections, 2);
}

TEST(Client, WhatWaitsIsBounded) {
  Fake fake;  // silent
  Options options = options_for(fake.port());
  options.queue = 8;
  options.timeout_ms = 300;
  Client client(options);
  EXPECT_TRUE(wait_for([&] { return client.connected(); }));
  EXPECT_FALSE(client.put("key", std::string(2'000, 'x'), 1'000)) << "larger than a value may be";
  EXPECT_FALSE(client.put("key", "value", 0));
  std::atomic<int> answered = 0;
  int taken = 0;
  for (int i = 0; i < 1'000; ++i) {
    taken += client.get({"key"}, [&](bool, std::vector<std::string>) { ++answered; }) ? 1 : 0;
  }
  EXPECT_LE(taken, 64 + 8 + 8) << "one exchange, and what waits";
  client.stop();
  EXPECT_EQ(answered, taken) << "everything that was taken is answered";
  EXPECT_FALSE(client.get({"key"}, [&](bool, std::vector<std::string>) { ++answered; }));
}

}  // namespace
}  // namespace catalyst::redis
