#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/base/asio.h"
#include "runtime/base/result.h"
#include "runtime/decision/request.h"

namespace catalyst::mcp {

struct Header {
  std::string_view name;
  std::string_view value;
};

/// One HTTP request and the means to answer it; implemented by server/http, used on the connection's executor
/// only. When the client goes away the handler's coroutine is cancelled (asio cancellation, terminal).
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  [[nodiscard]] virtual std::string_view method() const = 0;  // "POST"
  [[nodiscard]] virtual std::string_view path() const = 0;    // decoded, normalised, without query
  [[nodiscard]] virtual std::string_view query() const = 0;   // as sent, without `?`
  /// First header of that name (case-insensitive), trimmed; nullopt when absent.
  [[nodiscard]] virtual std::optional<std::string_view> header(std::string_view name) const = 0;
  /// Calls `visit` for every header in order.
  virtual void for_each_header(
      const std::function<void(std::string_view name, std::string_view value)>& visit) const = 0;
  /// Whether a modern client mirrors arguments in Mcp-Param headers; false where there are none, as on stdio.
  [[nodiscard]] virtual bool mirrors_arguments() const { return true; }
  [[nodiscard]] virtual std::string&
  body() = 0;  // complete; at least 64 spare bytes of capacity behind it (simdjson padding)
  [[nodiscard]] virtual std::string_view peer() const = 0;  // client address, textual
  [[nodiscard]] virtual const decision::Principal& principal() const = 0;
  /// The same with what its texts stand in, for whoever needs it longer than the exchange lasts.
  [[nodiscard]] virtual std::shared_ptr<const decision::Principal> principal_owner() const = 0;
  /// Whether what the client showed would let it in as the same principal now. While the handler runs.
  [[nodiscard]] virtual bool still_admitted() { return true; }
  [[nodiscard]] virtual std::string_view request_id() const = 0;

  /// A complete answer. Exactly one of respond or begin_stream per exchange.
  virtual Task<Result<void>> respond(int status, std::span<const Header> headers, std::string_view body) = 0;
  /// Starts a chunked answer (SSE) with `first`; then write any number of times, then end_stream with `last`.
  /// Either may be "": they are there because a write by itself costs a system call.
  virtual Task<Result<void>> begin_stream(int status, std::span<const Header> headers,
                                          std::string_view first) = 0;
  virtual Task<Result<void>> write(std::string_view chunk) = 0;
  virtual Task<Result<void>> end_stream(std::string_view last) = 0;

  /// The connection stops being HTTP (RFC 9110 section 7.8), in place of an answer: what is written goes out
  /// as it is, the answer 101 first, and `read` gives what the client sends. end_stream closes.
  virtual Task<Result<void>> begin_upgrade() {
    co_return error(asio::error::operation_not_supported, "this connection cannot be upgraded");
  }
  /// At least one byte into the buffer, or why there is none. One at a time.
  virtual Task<Result<size_t>> read(asio::mutable_buffer) {
    co_return error(asio::error::operation_not_supported, "this connection cannot be upgraded");
  }

  /// Cuts the connection, as if the client had gone.
  virtual void cut() {}

  /// Cancels the handler while its client is still there: emits cancellation_type::partial where a client
  /// that goes away emits terminal, so that a handler can tell the two apart. Only while the handler runs.
  virtual void cancel() = 0;
};

}  // namespace catalyst::mcp
