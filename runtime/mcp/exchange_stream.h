#pragma once

// Internal to the WebSocket front: an exchange's bytes after its upgrade, as Beast wants a stream.

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>
#include <exception>
#include <string>
#include <utility>

#include "runtime/mcp/exchange.h"

namespace catalyst::mcp {

/// Lives on the connection's executor, no longer than the exchange's handler.
class ExchangeStream {
 public:
  using executor_type = Executor;
  using error_code = boost::system::error_code;

  ExchangeStream(HttpExchange& exchange, const Executor& executor)
      : exchange_(&exchange), executor_(executor) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }

  void close() { exchange_->cut(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    asio::mutable_buffer into;
    for (auto it = asio::buffer_sequence_begin(buffers);
         it != asio::buffer_sequence_end(buffers) && into.size() == 0; ++it) {
      into = *it;
    }
    return asio::async_initiate<Token, void(error_code, size_t)>(
        [this, into](auto handler) {
          asio::co_spawn(executor_, exchange_->read(into), Finish<decltype(handler)>{std::move(handler)});
        },
        token);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    std::string text(asio::buffer_size(buffers), '\0');
    asio::buffer_copy(asio::buffer(text), buffers);
    return asio::async_initiate<Token, void(error_code, size_t)>(
        [this, text = std::move(text)](auto handler) mutable {
          asio::co_spawn(executor_, write(*exchange_, std::move(text)),
                         Finish<decltype(handler)>{std::move(handler)});
        },
        token);
  }

 private:
  template <class Handler>
  struct Finish {
    Handler handler;
    void operator()(const std::exception_ptr& thrown, Result<size_t> moved) {
      if (thrown != nullptr) {
        std::move(handler)(error_code(asio::error::operation_aborted), size_t{0});
      } else if (moved) {
        std::move(handler)(error_code(), *moved);
      } else {
        std::move(handler)(moved.error().code, size_t{0});
      }
    }
  };

  static Task<Result<size_t>> write(HttpExchange& exchange, std::string text) {
    const Result<void> sent = co_await exchange.write(text);
    co_return sent ? Result<size_t>(text.size()) : Result<size_t>(sent.error());
  }

  HttpExchange* exchange_;
  Executor executor_;
};

/// The other side has been silent for too long.
inline void beast_close_socket(ExchangeStream& stream) { stream.close(); }

/// The connection closes when the handler is done.
inline void teardown(boost::beast::role_type, ExchangeStream&, boost::system::error_code& ec) { ec = {}; }
template <class Handler>
void async_teardown(boost::beast::role_type, ExchangeStream& stream, Handler&& handler) {
  asio::post(stream.get_executor(), [handler = std::forward<Handler>(handler)]() mutable {
    std::move(handler)(boost::system::error_code());
  });
}

}  // namespace catalyst::mcp
