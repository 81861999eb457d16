#include "runtime/base/send_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <memory>
#include <thread>

#include "runtime/mcp/http_connection.h"
#include "tests/unit/transport/harness.h"

namespace catalyst {
namespace {

using test::RawClient;
using test::TestServer;

struct Note final : Sender {
  Note(std::vector<int>& kept_order, int number) : order(kept_order), id(number) {}
  void send() override { order.push_back(id); }
  std::vector<int>& order;
  int id;
};

TEST(SendQueue, SendsAtTheEndOfTheRound) {
  asio::io_context io;
  SendQueue& queue = SendQueue::of(io);
  queue.begin_request();
  EXPECT_FALSE(queue.is_shared()) << "a request that is alone waits for nobody";
  queue.begin_request();
  EXPECT_TRUE(queue.is_shared());
  std::vector<int> order;
  Note first(order, 1);
  auto second = std::make_unique<Note>(order, 2);
  Note third(order, 3);
  Note fourth(order, 4);
  queue.add(first);
  queue.add(*second);
  queue.add(third);
  queue.add(fourth);
  second.reset();
  fourth.send_early();
  fourth.send_early();
  EXPECT_EQ(order, std::vector({4}));
  io.run();
  EXPECT_EQ(order, std::vector({4, 1, 3}));
  EXPECT_FALSE(first.is_queued());
}

TEST(SendQueue, ABurstIsBounded) {
  asio::io_context io;
  SendQueue& queue = SendQueue::of(io);
  std::vector<int> order;
  std::vector<std::unique_ptr<Note>> notes;
  for (int i = 0; i < 40; ++i) {
    notes.push_back(std::make_unique<Note>(order, i));
    queue.add(*notes.back());
  }
  EXPECT_EQ(order.size(), 32U);
  io.run();
  EXPECT_EQ(order.size(), 40U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(SendQueue, MayEndBeforeItsSenders) {
  std::vector<int> order;
  Note note(order, 1);
  {
    asio::io_context io;
    SendQueue::of(io).add(note);
  }
  EXPECT_FALSE(note.is_queued());
  EXPECT_TRUE(order.empty());
}

Task<void> hold(mcp::HttpExchange& exchange) {
  if (exchange.path() == "/hold") {
    SteadyTimer timer(co_await asio::this_coro::executor, std::chrono::seconds(60));
    co_await timer.async_wait(use_awaitable);
  }
  co_await exchange.respond(200, {}, exchange.body());
}

/// So that the answers of others are put off.
struct Busy {
  explicit Busy(TestServer& server) : client(server.listener.port()) {
    client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  RawClient client;
};

TEST(SendQueue, AnswersToAClientThatReadsLateAreWholeAndInOrder) {
  constexpr int kRequests = 5'000;
  TestServer server(hold, {}, nullptr, 1);
  const Busy busy(server);
  RawClient client(server.listener.port());
  std::thread sender([&client] {
    for (int i = 0; i < kRequests; ++i) {
      const std::string body = "<" + std::to_string(i) + ">" + std::string(3'000, '.');
      client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body);
    }
  });
  ::usleep(300'000);
  const std::string answer = client.read_until("<" + std::to_string(kRequests - 1) + ">", 20'000);
  sender.join();
  size_t at = 0;
  for (int i = 0; i < kRequests; ++i) {
    const std::string mark = "<" + std::to_string(i) + ">" + std::string(i + 1 < kRequests ? 3'000 : 0, '.');
    at = answer.find(mark, at);
    ASSERT_NE(at, std::string::npos) << i;
    at += mark.size();
  }
}

TEST(SendQueue, AClientThatLeavesItsAnswersUnreadIsLetGo) {
  TestServer server(hold, {}, nullptr, 1);
  const Busy busy(server);
  for (int round = 0; round < 50; ++round) {
    RawClient client(server.listener.port());
    std::string all;
    for (int i = 0; i < 20; ++i) {
      all += "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    }
    client.send(all);
    if (round % 2 == 0) {
      client.read_until("abc");
    }
    client.close();
  }
  EXPECT_TRUE(test::eventually([&] { return server.listener.connections() == 1; }));
}

TEST(SendQueue, ARequestThatDoesNotFitAtOnceIsSentToItsEnd) {
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::listen(listening, 1);
  socklen_t length = sizeof address;
  ::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &length);
  std::string got;
  std::thread peer([&] {
    const int client = ::accept(listening, nullptr, nullptr);
    ::usleep(200'000);  // until then nothing moves
    std::vector<char> piece(64 * 1024);
    while (!got.ends_with("last")) {
      const ssize_t bytes = ::recv(client, piece.data(), piece.size(), 0);
      if (bytes <= 0) {
        break;
      }
      got.append(piece.data(), static_cast<size_t>(bytes));
    }
    constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    ::send(client, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
    ::close(client);
  });

  asio::io_context io;
  SendQueue& queue = SendQueue::of(io);
  queue.begin_request();
  queue.begin_request();
  const auto origin = std::make_shared<mcp::HttpOrigin>();
  origin->url = *mcp::parse_http_url("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)));
  const auto pool = std::make_shared<mcp::HttpPool>(io.get_executor(), origin);
  std::string filler;
  mcp::HttpResponse response;
  const auto talk = [&]() -> Task<void> {
    mcp::HttpConnection connection(io.get_executor());
    EXPECT_TRUE(co_await mcp::connect(*pool, connection));
    boost::system::error_code ec;
    const std::string block(4'096, 'f');
    while (!ec) {
      const size_t sent = connection.socket.write_some(asio::buffer(block), ec);
      filler.append(block, 0, sent);
    }
    mcp::HttpRequest request;
    request.head = "POST / HTTP/1.1\r\n";
    request.body = {"first ", "last"};
    EXPECT_TRUE(co_await mcp::exchange(*pool, connection, request, response));
  };
  asio::co_spawn(io, talk(), [](const std::exception_ptr& failure) { EXPECT_EQ(failure, nullptr); });
  io.run();
  peer.join();
  ::close(listening);
  EXPECT_EQ(response.body, "ok");
  ASSERT_TRUE(got.starts_with(filler));
  EXPECT_EQ(got.substr(filler.size()),
            "POST / HTTP/1.1\r\nAccept-Encoding: identity\r\nContent-Length: 10\r\n\r\nfirst last");
}

}  // namespace
}  // namespace catalyst
