#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "runtime/base/asio.h"
#include "runtime/base/result.h"
#include "runtime/mcp/exchange.h"

// Requests whose answer comes from the compiling thread.

namespace catalyst::server {

inline constexpr auto kManagerWait = std::chrono::seconds(60);

/// Starts `what` and waits on the handler's executor for the answer that another thread gives; nullopt: it
/// takes too long.
template <class Answer>
Task<std::optional<Answer>> wait_for(std::function<void(std::function<void(const Answer&)>)> what) {
  struct Pending {
    explicit Pending(const Executor& executor) : timer(executor) {}
    SteadyTimer timer;
    std::optional<Answer> answer;
  };
  const Executor executor = co_await asio::this_coro::executor;
  auto pending = std::make_shared<Pending>(executor);
  pending->timer.expires_after(kManagerWait);
  what([pending, executor](const Answer& answer) {
    asio::post(executor, [pending, answer] {
      pending->answer = answer;
      pending->timer.cancel();
    });
  });
  boost::system::error_code ignored;  // cancelled means answered
  co_await pending->timer.async_wait(asio::redirect_error(use_awaitable, ignored));
  co_return std::move(pending->answer);
}

Task<void> send_json(mcp::HttpExchange& exchange, int status, const nlohmann::ordered_json& body);
/// The problem document of a failure.
Task<void> send_failure(mcp::HttpExchange& exchange, const Error& why);
Task<void> send_slow(mcp::HttpExchange& exchange);
Task<void> send_no_such_path(mcp::HttpExchange& exchange);

/// What `to_json` makes of the answer's value, or why there is none.
template <class Value, class ToJson>
Task<void> send_answer(mcp::HttpExchange& exchange, const std::optional<Result<Value>>& answer,
                       ToJson to_json) {
  if (!answer) {
    co_await send_slow(exchange);
  } else if (answer->has_error()) {
    co_await send_failure(exchange, answer->error());
  } else {
    co_await send_json(exchange, 200, to_json(**answer));
  }
}

/// For histories: the principal, or where somebody without a name is.
std::string who(const mcp::HttpExchange& exchange);

}  // namespace catalyst::server
