#include "server/http/connection.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cstring>

#include "runtime/base/check.h"
#include "server/http/path.h"

namespace catalyst::server {

using boost::system::error_code;

namespace {

constexpr size_t kInitialBuffer = 4 * 1024;
constexpr size_t kBodyBuffer = 64 * 1024;
/// Read-ahead while a handler runs; beyond it the client's disconnect is noticed only after the answer.
constexpr size_t kMaxReadAhead = 16 * 1024;
constexpr size_t kMaxLinger = 1024 * 1024;
constexpr size_t kKeepBodyCapacity = 64 * 1024;
constexpr size_t kMaxRequestId = 128;
/// A hostile Content-Length must not make us reserve memory that never arrives.
constexpr uint64_t kMaxReserve = 64 * 1024;
/// simdjson reads this far behind the end.
constexpr size_t kPadding = 64;

const std::shared_ptr<const decision::Principal> kNobody = std::make_shared<decision::Principal>();

}  // namespace

Connection::Connection(std::shared_ptr<Shard> shard, TcpSocket socket, const asio::ip::tcp::endpoint& peer)
    : shard_(std::move(shard)),
      socket_(std::move(socket)),
      peer_(peer.address().to_string()),
      in_(kInitialBuffer) {
  shard_->config->connections.fetch_add(1, std::memory_order_relaxed);
}

Connection::~Connection() { shard_->config->connections.fetch_sub(1, std::memory_order_relaxed); }

void Connection::start() {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  deadline_ms_ = shard_->now_ms + options().header_timeout_ms;
  if (shard_->config->tls != nullptr) {
    start_tls();
  }
  start_read();
}

std::string_view Connection::query() const {
  const size_t mark = target().find('?');
  return mark == std::string_view::npos ? std::string_view()
                                        : target().substr(mark + 1, target().find('#') - mark - 1);
}

std::optional<std::string_view> Connection::header(std::string_view name) const {
  return head_.find(head_text_, name);
}

void Connection::for_each_header(const std::function<void(std::string_view, std::string_view)>& visit) const {
  for (const http::FieldSpan& field : head_.fields) {
    visit(field.name(head_text_), field.value(head_text_));
  }
}

bool Connection::make_room() {
  if (in_end_ < in_.size()) {
    return true;
  }
  if (in_begin_ > 0) {
    std::memmove(in_.data(), in_.data() + in_begin_, in_end_ - in_begin_);
    in_end_ -= in_begin_;
    in_begin_ = 0;
    return true;
  }
  const size_t limit = phase_ == Phase::Head   ? options().max_header_bytes + kInitialBuffer
                       : phase_ == Phase::Body ? kBodyBuffer
                                               : kMaxReadAhead;
  if (in_.size() >= limit) {
    return false;
  }
  in_.resize(std::min(limit, in_.size() * 2));
  return true;
}

/// A pending read writes at in_end_, so nothing may move while there is one.
void Connection::rewind() {
  if (!reading_) {
    in_begin_ = in_end_ = 0;
  }
}

void Connection::start_read() {
  if (reading_ || gone_ || phase_ == Phase::Closed || !make_room()) {
    return;
  }
  reading_ = true;
  if (tls_) {
    pull_plain();
    return;
  }
  socket_.async_read_some(
      asio::buffer(in_.data() + in_end_, in_.size() - in_end_),
      [self = shared_from_this()](const error_code& ec, size_t length) { self->on_read(ec, length); });
}

void Connection::on_read(const error_code& ec, size_t length) {
  reading_ = false;
  if (reader_ != nullptr) {
    reader_->cancel();
  }
  if (phase_ == Phase::Closed) {
    return;
  }
  if (ec) {
    send_early();
    gone_ = true;
    if (phase_ == Phase::Handling && !handled_) {
      cancel_.emit(asio::cancellation_type::terminal);  // on_handled closes
    } else {
      close();
    }
    return;
  }
  in_end_ += length;
  switch (phase_) {
    case Phase::Lingering:
      lingered_bytes_ += length;
      in_begin_ = in_end_ = 0;
      if (lingered_bytes_ > kMaxLinger) {
        close();
      } else {
        start_read();
      }
      break;
    case Phase::Handling:
      start_read();
      break;
    case Phase::Head:
    case Phase::Body:
      process();
      break;
    case Phase::Closed:
      break;
  }
}

/// Advances as far as the buffered bytes allow: a complete request is dispatched, otherwise more is read.
void Connection::process() {
  if (phase_ == Phase::Head) {
    while (scanned_ == 0 && in_end_ - in_begin_ >= 2 && std::memcmp(in_.data() + in_begin_, "\r\n", 2) == 0) {
      in_begin_ += 2;  // RFC 9112: an empty line before a request is to be ignored
    }
    if (in_begin_ == in_end_) {
      rewind();
      start_read();
      return;
    }
    if (scanned_ == 0) {
      deadline_ms_ = shard_->now_ms + options().header_timeout_ms;
    }
    if (!parse_head()) {
      return;
    }
  }
  if (parse_body()) {
    dispatch();
  }
}

/// True once the header is complete and acceptable; otherwise a read or a refusal is under way.
bool Connection::parse_head() {
  const std::string_view pending(in_.data() + in_begin_, in_end_ - in_begin_);
  const size_t limit = options().max_header_bytes;
  // What was incomplete once is only parsed again when its end has come, however slowly it does.
  const size_t from = scanned_ > 3 ? scanned_ - 3 : 0;
  const bool parse = scanned_ == 0 || pending.find("\r\n\r\n", from) != std::string_view::npos;
  const http::HeadResult result =
      parse ? http::parse_request(pending, options().max_header_fields, head_) : http::HeadResult::Incomplete;
  if (result == http::HeadResult::Malformed) {
    refuse(400);
    return false;
  }
  const bool incomplete = result == http::HeadResult::Incomplete;
  if (result == http::HeadResult::TooManyFields ||
      (incomplete ? pending.size() >= limit : head_.size > limit)) {
    refuse(431);
    return false;
  }
  if (incomplete) {
    scanned_ = pending.size();
    start_read();
    return false;
  }
  scanned_ = 0;
  head_text_.assign(pending.data(), head_.size);
  in_begin_ += head_.size;
  body_.clear();
  body_reader_.start(head_, options().max_body_bytes);
  if (body_reader_.state() == http::BodyReader::State::TooLarge) {
    refuse(413);
    return false;
  }
  const auto coding = header("Content-Encoding");
  if (coding && !coding->empty() && !http::same_token(*coding, "identity")) {
    refuse(415);
    return false;
  }
  const auto path = normalise_path(target(), path_scratch_);
  if (!path && !(method() == "OPTIONS" && target() == "*")) {
    refuse(400);
    return false;
  }
  path_ = path.value_or("*");
  phase_ = Phase::Body;
  deadline_ms_ = shard_->now_ms + options().body_timeout_ms;
  body_.reserve(static_cast<size_t>(std::min<uint64_t>(body_reader_.expected(), kMaxReserve)) + kPadding);
  if (head_.expect_continue && body_reader_.state() == http::BodyReader::State::Open &&
      in_begin_ == in_end_) {
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    if (tls_) {
      tls_->write(kContinue);
      flush_tls();
    } else {
      error_code ignored;
      socket_.write_some(asio::buffer(kContinue.data(), kContinue.size()), ignored);
    }
  }
  return true;
}

/// True once the request is complete.
bool Connection::parse_body() {
  while (body_reader_.state() == http::BodyReader::State::Open) {
    if (in_begin_ == in_end_) {
      rewind();
      start_read();
      return false;
    }
    const auto piece = body_reader_.next({in_.data() + in_begin_, in_end_ - in_begin_});
    body_ += piece.content;
    in_begin_ += piece.used;
  }
  if (body_reader_.state() != http::BodyReader::State::Done) {
    refuse(body_reader_.state() == http::BodyReader::State::TooLarge ? 413 : 400);
    return false;
  }
  body_.reserve(body_.size() + kPadding);
  return true;
}

void Connection::take_request_id() {
  const auto given = header("X-Request-Id");
  if (given && !given->empty() && given->size() <= kMaxRequestId &&
      std::all_of(given->begin(), given->end(), [](char c) { return c > 0x20 && c < 0x7f; })) {
    request_id_ = *given;
  } else {
    request_id_ = shard_->mint_request_id(id_storage_);
  }
}

void Connection::dispatch() {
  phase_ = Phase::Handling;
  deadline_ms_ = 0;
  answer_ = Answer::None;
  handled_ = false;
  event_stream_ = false;
  upgraded_ = false;
  keep_alive_ = head_.keep_alive && head_.http11;
  take_request_id();
  principal_ = kNobody;
  const auto& config = *shard_->config;
  Admission admission;
  admission.principal = kNobody;
  if (config.authenticator != nullptr && !is_open()) {
    admission = config.authenticator->admit({*this, certificate_ ? &*certificate_ : nullptr});
  }
  start_read();
  const bool admitted = admission.principal != nullptr;
  if (admitted) {
    principal_ = std::move(admission.principal);
  }
  shard_->sends.begin_request();
  asio::co_spawn(
      shard_->context.get_executor(),
      admitted ? config.handler(*this) : admit_and_handle(std::move(admission)),
      asio::bind_cancellation_slot(
          cancel_.slot(), [self = shared_from_this()](const std::exception_ptr&) { self->on_handled(); }));
}

void Connection::on_handled() {
  shard_->sends.end_request();
  if (phase_ != Phase::Handling) {
    return;
  }
  if (is_queued() || late_) {
    handled_ = true;
    return;
  }
  if (gone_ || writing_ || answer_ == Answer::Streaming) {
    // A stream that its handler did not end must look broken to the client.
    close();
    return;
  }
  if (answer_ == Answer::None) {
    phase_ = Phase::Body;
    refuse(500);
    return;
  }
  finish();
}

/// The answer is out.
void Connection::finish() {
  if (gone_) {
    close();
  } else if (keep_alive_ && !shard_->draining) {
    next_request();
  } else if (in_begin_ == in_end_) {
    close();
  } else {
    begin_linger();
  }
}

void Connection::next_request() {
  phase_ = Phase::Head;
  request_id_ = {};
  deadline_ms_ = shard_->now_ms + options().idle_timeout_ms;
  if (body_.capacity() > kKeepBodyCapacity) {
    std::string().swap(body_);
  }
  if (!compressed_.empty()) {
    std::string().swap(compressed_);
  }
  if (in_begin_ == in_end_ && !reading_ && in_.size() > kMaxReadAhead) {
    rewind();
    std::vector<char>(kInitialBuffer).swap(in_);
  }
  process();
}

/// Answers without a handler and closes: the request is broken, unwelcome, or its handler failed.
void Connection::refuse(int status) {
  shard_->config->count(status == 413   ? Refusal::BodyTooLarge
                        : status == 431 ? Refusal::HeaderTooLarge
                        : status == 415 ? Refusal::BodyCoded
                        : status == 408 ? Refusal::TooSlow
                        : status == 500 ? Refusal::HandlerFailed
                                        : Refusal::Malformed);
  keep_alive_ = false;
  if (request_id_.empty()) {
    request_id_ = shard_->mint_request_id(id_storage_);
  }
  out_.clear();
  append_head(status, {});
  if (status == 415) {
    out_ += "Accept-Encoding: identity\r\n";  // RFC 9110 section 15.5.16
  }
  out_ += "Content-Length: 0\r\n\r\n";
  if (tls_) {
    tls_->write(out_);
    flush_tls();
  } else {
    Buffers buffers{asio::buffer(out_)};
    write_now(buffers);  // what does not fit at once is not worth waiting for
  }
  begin_linger();
}

/// Closing with unread input would reset the connection and could take the answer with it.
void Connection::begin_linger() {
  if (gone_) {
    close();
    return;
  }
  if (tls_) {
    tls_->shutdown();
    flush_tls();
  }
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  phase_ = Phase::Lingering;
  deadline_ms_ = shard_->now_ms + options().linger_timeout_ms;
  if (!reading_) {
    rewind();
    start_read();
  }
}

void Connection::close() {
  if (phase_ == Phase::Closed) {
    return;
  }
  phase_ = Phase::Closed;
  leave();
  if (tls_ && !gone_) {
    tls_->shutdown();  // so that the client can tell the end from a cut
    flush_tls();
  }
  gone_ = true;
  error_code ignored;
  socket_.close(ignored);
  shard_->remove(*this);
}

/// Not HTTP any more: what has arrived is the client's, as it is.
Task<Result<size_t>> Connection::read(asio::mutable_buffer into) {
  while (in_begin_ == in_end_) {
    if (gone_) {
      co_return error(asio::error::eof, "reading from the client");
    }
    start_read();
    SteadyTimer arrival(shard_->context.get_executor(), SteadyTimer::time_point::max());
    reader_ = &arrival;
    error_code ec;
    co_await arrival.async_wait(asio::redirect_error(use_awaitable, ec));
    reader_ = nullptr;
  }
  const size_t length = std::min(into.size(), in_end_ - in_begin_);
  std::memcpy(into.data(), in_.data() + in_begin_, length);
  in_begin_ += length;
  if (in_begin_ == in_end_) {
    rewind();
  }
  start_read();
  co_return length;
}

void Connection::begin_drain() {
  if (phase_ == Phase::Head && in_begin_ == in_end_) {
    close();
  }
}

void Connection::abort() {
  if (phase_ == Phase::Handling && !handled_) {
    gone_ = true;
    error_code ignored;
    socket_.close(ignored);
    cancel_.emit(asio::cancellation_type::terminal);
  } else {
    close();
  }
}

void Connection::tick(int64_t now_ms) {
  if (write_deadline_ms_ != 0 && now_ms >= write_deadline_ms_) {
    shard_->config->count(Refusal::NotReading);
    abort();
  } else if (deadline_ms_ != 0 && now_ms >= deadline_ms_) {
    if ((phase_ == Phase::Head && scanned_ != 0) || phase_ == Phase::Body) {
      refuse(408);
    } else {
      close();
    }
  } else if (answer_ == Answer::Streaming && event_stream_ && !writing_ && phase_ == Phase::Handling &&
             now_ms - last_write_ms_ >= options().keepalive_ms) {
    send_keepalive();
  }
}

}  // namespace catalyst::server
