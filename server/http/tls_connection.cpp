// A connection over TLS. The codec stands between the socket and the buffers of the plain connection, so that
// parsing, deadlines and answers are the same for both.

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <cctype>

#include "server/http/connection.h"

namespace catalyst::server {

using boost::system::error_code;

namespace {

constexpr size_t kTlsBuffer = 16 * 1024 + 512;  // one record
constexpr size_t kPiece = 64 * 1024;            // encrypted at a time
constexpr size_t kMaxUnsent = 64 * 1024;        // of what is not an answer: handshake, tickets, comments

}  // namespace

void Connection::start_tls() {
  tls_.emplace(shard_->config->tls->current());
  tls_in_.resize(kTlsBuffer);
}

/// Fills in_ from what is already decrypted, else asks the socket. reading_ is set.
void Connection::pull_plain() {
  size_t got = 0;
  const bool was_established = tls_->established();
  const TlsSession::Step step = tls_->read(in_.data() + in_end_, in_.size() - in_end_, got);
  if (!was_established && tls_->established()) {
    certificate_ = tls_->peer();
  }
  flush_tls();
  error_code ec;
  switch (step) {
    case TlsSession::Step::Data:
      break;
    case TlsSession::Step::WantMore:
      read_tls();
      return;
    case TlsSession::Step::Closed:
      ec = asio::error::eof;
      break;
    case TlsSession::Step::Failed:
      ec = asio::error::connection_reset;
      break;
  }
  // By way of the executor: many small records must not become deep recursion.
  asio::post(shard_->context, [self = shared_from_this(), ec, got] { self->on_read(ec, got); });
}

void Connection::read_tls() {
  socket_.async_read_some(
      asio::buffer(tls_in_),
      [self = shared_from_this()](const error_code& ec, size_t length) { self->on_tls_bytes(ec, length); });
}

void Connection::on_tls_bytes(const error_code& ec, size_t length) {
  if (ec || phase_ == Phase::Closed) {
    on_read(ec ? ec : error_code(asio::error::eof), 0);
    return;
  }
  if (!tls_seen_ && std::isupper(static_cast<unsigned char>(tls_in_.front())) != 0) {
    refuse_plain_http();
    return;
  }
  tls_seen_ = true;
  tls_->receive(tls_in_.data(), length);
  pull_plain();
}

/// A client that took the port for plain HTTP gets to read why nothing works.
void Connection::refuse_plain_http() {
  constexpr std::string_view kAnswer =
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 34\r\nConnection: "
      "close\r\n\r\n"
      "This port speaks https, not http.\n";
  error_code ignored;
  socket_.write_some(asio::buffer(kAnswer.data(), kAnswer.size()), ignored);
  tls_.reset();
  reading_ = false;
  begin_linger();
}

/// Sends what the codec has to say besides answers. What the socket does not take waits for the next write;
/// while one is under way everything waits in the codec, whose order is the order on the wire.
void Connection::flush_tls() {
  if (writing_ || gone_) {
    return;
  }
  tls_->take(backlog_);
  if (backlog_.empty()) {
    return;
  }
  error_code ec;
  const size_t sent = socket_.write_some(asio::buffer(backlog_), ec);
  if (ec && ec != asio::error::would_block) {
    backlog_.clear();
    return;  // the pending read finds out
  }
  backlog_.erase(0, sent);
  last_write_ms_ = shard_->now_ms;
  if (backlog_.size() > kMaxUnsent) {
    abort();
  }
}

Task<Result<void>> Connection::write_tls(Buffers buffers) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    std::string_view rest(static_cast<const char*>(buffers[i].data()), buffers[i].size());
    while (!rest.empty()) {
      const std::string_view piece = rest.substr(0, kPiece);
      rest.remove_prefix(piece.size());
      if (gone_ || !tls_->write(piece)) {
        gone_ = true;
        co_return error(asio::error::connection_reset, "writing to the client");
      }
      tls_->take(cipher_);
      if (cipher_.size() >= kPiece) {
        const Result<void> sent = co_await write_raw(Buffers{asio::buffer(cipher_)});
        cipher_.clear();
        if (!sent) {
          co_return sent;
        }
      }
    }
  }
  const Result<void> sent = co_await write_raw(Buffers{asio::buffer(cipher_)});
  cipher_.clear();
  flush_tls();
  co_return sent;
}

}  // namespace catalyst::server
