#pragma once

// A route with fake servers behind it: real coroutines and timers.

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/mcp/route_runner.h"
#include "tests/unit/mcp/fakes.h"

namespace catalyst::mcp {

inline UpstreamReply reply_with(std::string text, bool is_error = false) {
  UpstreamReply reply;
  reply.body = std::move(text);
  reply.payload = reply.body;
  reply.is_error = is_error;
  return reply;
}

/// A server that answers calls with its own name, after a while, or fails.
class Place : public FakeUpstream {
 public:
  explicit Place(const std::string& name) : FakeUpstream(name, Era::Modern) {}

  std::optional<Error> failure;
  int failures = -1;  // so many calls fail; -1: all
  int refusals = 0;   // so many calls are answered by an error
  std::string result;
  int wait_ms = 0;
  int calls = 0;
  int cancelled_calls = 0;
  std::vector<int64_t> timeouts;
  std::vector<std::string> params;

  Task<Result<UpstreamReply>> call(const UpstreamCall& call) override {
    ++calls;
    timeouts.push_back(call.timeout_ms);
    params.emplace_back(call.params);
    if (wait_ms > 0) {
      SteadyTimer timer(co_await asio::this_coro::executor,
                        std::chrono::milliseconds(std::min<int64_t>(wait_ms, call.timeout_ms)));
      const auto [failed] = co_await timer.async_wait(asio::as_tuple(use_awaitable));
      if (failed) {
        ++cancelled_calls;
        co_return error(asio::error::operation_aborted, "cancelled");
      }
      if (wait_ms > call.timeout_ms) {
        co_return error(asio::error::timed_out, "too slow");
      }
    }
    if (failure && failures != 0) {
      failures -= failures > 0 ? 1 : 0;
      co_return *failure;
    }
    if (refusals > 0) {
      --refusals;
      co_return reply_with(R"({"code":-32000,"message":"not you"})", true);
    }
    co_return reply_with(result.empty() ? R"({"content":[],"from":")" + name() + "\"}" : result);
  }
};

struct Sent {
  std::optional<Result<UpstreamReply>> reply;
  std::shared_ptr<RouteAsk> ask;
  asio::cancellation_signal cancel;
  UpstreamCall call;
  std::string params;
  bool done = false;

  [[nodiscard]] std::string text() const {
    return !reply   ? "nothing"
           : *reply ? std::string((*reply)->payload)
                    : "failed: " + reply->error().message();
  }
  [[nodiscard]] std::string attempts() const {
    std::string out;
    for (const RouteAttempt& attempt : ask->trace.attempts) {
      out +=
          (out.empty() ? "" : ", ") + attempt.target + " " + std::string(routing::text_of(attempt.outcome));
    }
    return out;
  }
};

class Bench {
 public:
  explicit Bench(RouteRule rule = {}, const std::vector<uint32_t>& weights = {1, 1},
                 routing::BulkheadPolicy bulkhead = {})
      : cache(1 << 20) {
    rule.route.name = "route";
    if (rule.shadow) {
      shadow = std::make_shared<Place>("shadow");
      rule.shadow->upstream = shadow;
    }
    runner = std::make_shared<RouteRunner>(std::move(rule), cache, 1);
    auto lanes = std::make_shared<Lanes>();
    for (size_t i = 0; i < weights.size(); ++i) {
      auto place = std::make_shared<Place>(std::string(1, static_cast<char>('a' + i)));
      Lane lane;
      lane.upstream = place;
      lane.weight = weights[i];
      lane.target = std::make_shared<routing::Target>(
          place->name(), bulkhead, routing::OutlierPolicy{}, routing::CheckPolicy{},
          [place] { return place->up ? routing::Reach::Up : routing::Reach::Down; });
      lanes->push_back(lane);
      places.push_back(std::move(place));
    }
    runner->set_lanes(std::move(lanes));
  }

  static std::shared_ptr<RouteAsk> safe(const std::string& principal = "ann",
                                        const std::string& arguments = "{}") {
    auto ask = std::make_shared<RouteAsk>();
    ask->read_only = true;
    ask->principal = principal;
    ask->tool = "look";
    ask->arguments = arguments;
    return ask;
  }
  static std::shared_ptr<RouteAsk> unsafe() {
    auto ask = safe();
    ask->read_only = false;
    return ask;
  }

  std::shared_ptr<Sent> begin(std::shared_ptr<RouteAsk> ask, int64_t timeout_ms = 1'000,
                              std::string params = R"({"name":"look"})") {
    auto sent = std::make_shared<Sent>();
    sent->ask = std::move(ask);
    sent->params = std::move(params);
    sent->call.method = "tools/call";
    sent->call.params = sent->params;
    sent->call.timeout_ms = timeout_ms;
    sent->call.route = sent->ask;
    asio::co_spawn(io, send(sent),
                   asio::bind_cancellation_slot(sent->cancel.slot(),
                                                [sent](const std::exception_ptr&) { sent->done = true; }));
    return sent;
  }
  void run_for(int ms) {
    io.restart();
    io.run_for(std::chrono::milliseconds(ms));
  }
  std::shared_ptr<Sent> call(std::shared_ptr<RouteAsk> ask = safe(), int64_t timeout_ms = 1'000,
                             std::string params = R"({"name":"look"})") {
    auto sent = begin(std::move(ask), timeout_ms, std::move(params));
    for (int i = 0; i < 2'000 && !sent->done; ++i) {
      run_for(1);
    }
    return sent;
  }

  asio::io_context io;
  routing::ResultCache cache;
  std::vector<std::shared_ptr<Place>> places;
  std::shared_ptr<Place> shadow;
  std::shared_ptr<RouteRunner> runner;

 private:
  Task<void> send(std::shared_ptr<Sent> sent) { sent->reply.emplace(co_await runner->call(sent->call)); }
};

inline Error broken() { return error(asio::error::connection_reset, "broken"); }
inline Error refused() { return error(asio::error::connection_refused, "refused"); }

}  // namespace catalyst::mcp
