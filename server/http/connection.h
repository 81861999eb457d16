#pragma once

// Internal to server/http: one client connection, and the part of the listener that lives on the same
// io_context.

#include <array>
#include <atomic>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/send_queue.h"
#include "runtime/http/body.h"
#include "runtime/http/head.h"
#include "server/http/listener.h"
#include "server/http/tls.h"

namespace catalyst::server {

using TcpAcceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;

/// What all shards share; immutable but for the counter.
struct ServerConfig {
  HttpOptions options;
  Handler handler;
  Authenticator* authenticator = nullptr;
  std::shared_ptr<TlsContext> tls;  // nullptr: clients speak plain HTTP
  std::atomic<size_t> connections{0};
  std::array<std::atomic<uint64_t>, kRefusalReasons.size()> refused{};

  void count(Refusal reason) { refused[static_cast<size_t>(reason)].fetch_add(1, std::memory_order_relaxed); }
};

class Connection;

/// Everything of the listener on one io_context; touched only by that context's thread.
class Shard : public std::enable_shared_from_this<Shard> {
 public:
  Shard(asio::io_context& io, std::shared_ptr<ServerConfig> shared_config);

  /// Takes ownership of an open, bound, listening acceptor.
  void start(TcpAcceptor acceptor);
  /// Stops accepting and closes idle connections; the others close after their answer.
  void begin_drain();
  void abort_all();
  /// Lets go of everything; the context no longer runs.
  void release();

  void add(std::shared_ptr<Connection> connection);
  void remove(Connection& connection);
  /// 16 hex digits, unique in this process and very likely beyond.
  std::string_view mint_request_id(std::array<char, 16>& storage);

  asio::io_context& context;
  SendQueue& sends;
  const std::shared_ptr<ServerConfig> config;
  bool draining = false;
  int64_t now_ms = 0;     // coarse clock, as of the last tick or read
  std::string date_line;  // "Date: ...\r\n", as of the last tick

 private:
  void accept();
  void on_accepted(TcpSocket socket, const asio::ip::tcp::endpoint& peer);
  void arm_tick();
  void tick();
  void refresh_clock();

  std::optional<TcpAcceptor> acceptor_;
  asio::ip::tcp::endpoint peer_;
  SteadyTimer timer_;
  SteadyTimer accept_pause_;
  bool ticking_ = false;
  uint64_t next_id_;
  std::vector<std::shared_ptr<Connection>> connections_;
};

/// Reads requests one after another and runs the handler for each. A read stays pending while the handler
/// runs: it collects pipelined requests up to the buffer's size and notices a client that goes away, upon
/// which the handler is cancelled.
class Connection final : public mcp::HttpExchange,
                         private Sender,
                         public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Shard> shard, TcpSocket socket, const asio::ip::tcp::endpoint& peer);
  ~Connection() override;

  void start();
  /// Deadlines and keep-alive comments.
  void tick(int64_t now_ms);
  void begin_drain();
  void abort();

  [[nodiscard]] std::string_view method() const override { return head_.start.name(head_text_); }
  [[nodiscard]] std::string_view path() const override { return path_; }
  [[nodiscard]] std::string_view query() const override;
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const override;
  void for_each_header(const std::function<void(std::string_view, std::string_view)>& visit) const override;
  [[nodiscard]] std::string& body() override { return body_; }
  [[nodiscard]] std::string_view peer() const override { return peer_; }
  [[nodiscard]] const decision::Principal& principal() const override { return *principal_; }
  [[nodiscard]] std::shared_ptr<const decision::Principal> principal_owner() const override {
    return principal_;
  }
  [[nodiscard]] bool still_admitted() override;
  [[nodiscard]] std::string_view request_id() const override { return request_id_; }

  Task<Result<void>> respond(int status, std::span<const mcp::Header> headers,
                             std::string_view body) override;
  Task<Result<void>> begin_stream(int status, std::span<const mcp::Header> headers,
                                  std::string_view first) override;
  Task<Result<void>> write(std::string_view chunk) override;
  Task<Result<void>> end_stream(std::string_view last) override;
  Task<Result<void>> begin_upgrade() override;
  Task<Result<size_t>> read(asio::mutable_buffer into) override;
  void cut() override { abort(); }
  void cancel() override { cancel_.emit(asio::cancellation_type::partial); }

  size_t shard_index = 0;  // place in Shard::connections_

 private:
  enum class Phase : uint8_t { Head, Body, Handling, Lingering, Closed };
  enum class Answer : uint8_t { None, Complete, Streaming, Ended };
  enum class KeyFetch : uint8_t { None, Pending, Done };
  using Buffers = std::array<asio::const_buffer, 3>;

  [[nodiscard]] const HttpOptions& options() const { return shard_->config->options; }
  [[nodiscard]] std::string_view target() const { return head_.start.value(head_text_); }

  // Reading: connection.cpp
  void start_read();
  bool make_room();
  void rewind();
  void on_read(const boost::system::error_code& ec, size_t length);
  // The same over TLS: tls_connection.cpp
  void start_tls();
  void read_tls();
  void on_tls_bytes(const boost::system::error_code& ec, size_t length);
  void pull_plain();
  void refuse_plain_http();
  void flush_tls();
  Task<Result<void>> write_tls(Buffers buffers);
  void process();
  bool parse_head();
  bool parse_body();
  void dispatch();
  [[nodiscard]] bool is_open() const;
  Task<void> admit_and_handle(Admission admission);
  void on_handled();
  void finish();
  void next_request();
  void refuse(int status);
  void begin_linger();
  void close();
  void take_request_id();

  // Writing: answer.cpp
  void append_head(int status, std::span<const mcp::Header> headers);
  Task<Result<void>> write_behind(std::string_view body, std::string_view end);
  void append_chunk_size(size_t bytes);
  [[nodiscard]] std::string_view chunk_end() const;
  std::string_view compressed(std::string_view body);
  bool write_now(Buffers& buffers);
  void send() override;
  Task<Result<void>> write_all(Buffers buffers);
  Task<Result<void>> write_raw(Buffers buffers);
  Task<Result<void>> write_later();
  void send_keepalive();

  std::shared_ptr<Shard> shard_;
  TcpSocket socket_;
  std::string peer_;
  asio::cancellation_signal cancel_;

  std::optional<TlsSession> tls_;
  std::optional<PeerCertificate> certificate_;  // of the client
  std::vector<char> tls_in_;                    // bytes of the socket, before tls_ has them
  std::string cipher_;                          // bytes on their way to the socket
  bool tls_seen_ = false;                       // anything came in

  std::vector<char> in_;
  size_t in_begin_ = 0;
  size_t in_end_ = 0;
  size_t scanned_ = 0;  // bytes of the unfinished header already searched for its end
  bool reading_ = false;
  bool gone_ = false;  // the client closed, or we gave up on it

  http::Head head_;
  std::string head_text_;  // outlives the bytes it was parsed from
  http::BodyReader body_reader_;
  std::string body_;
  std::string path_scratch_;
  std::string_view path_;
  std::array<char, 16> id_storage_{};
  std::string_view request_id_;
  std::shared_ptr<const decision::Principal> principal_;
  KeyFetch key_fetch_ = KeyFetch::None;  // for still_admitted

  Phase phase_ = Phase::Head;
  Answer answer_ = Answer::None;
  bool keep_alive_ = true;
  bool handled_ = false;  // nothing is left of the request but to send its answer
  bool late_ = false;     // the answer did not fit into the socket at once
  bool event_stream_ = false;
  bool upgraded_ = false;
  SteadyTimer* reader_ = nullptr;  // of read(), while it waits
  bool writing_ = false;
  int64_t deadline_ms_ = 0;        // of the phase; 0 while the handler runs
  int64_t write_deadline_ms_ = 0;  // of the write in progress; 0 when none
  int64_t last_write_ms_ = 0;
  size_t lingered_bytes_ = 0;
  std::string out_;
  std::string compressed_;
  std::string backlog_;  // rest of a keep-alive comment that did not fit into the socket
};

}  // namespace catalyst::server
