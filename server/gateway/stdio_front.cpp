#include "server/gateway/stdio_front.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <cctype>

#include "runtime/mcp/envelope.h"
#include "runtime/mcp/exchange.h"
#include "runtime/mcp/protocol.h"
#include "runtime/mcp/sse.h"

namespace catalyst::server {

using boost::system::error_code;

namespace {

constexpr size_t kJsonPadding = 64;  // what the reader of messages may look at behind them

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

/// One message as the endpoint sees it: an HTTP request whose headers say what the message says itself.
class StdioFront::Exchange final : public mcp::HttpExchange {
 public:
  Exchange(StdioFront& front, std::string method, std::string body)
      : front_(front), method_(std::move(method)), body_(std::move(body)) {
    body_.reserve(body_.size() + kJsonPadding);
    number_ = ++front_.requests_;
    request_id_ = "stdio-" + std::to_string(number_);
  }

  void add(std::string name, std::string text) { headers_.emplace_back(std::move(name), std::move(text)); }
  [[nodiscard]] uint64_t number() const { return number_; }
  asio::cancellation_signal& signal() { return signal_; }
  std::string id_json;  // of the request; "" for others

  [[nodiscard]] std::string_view method() const override { return method_; }
  [[nodiscard]] std::string_view path() const override { return front_.options_.path; }
  [[nodiscard]] std::string_view query() const override { return {}; }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const override {
    const auto found = std::find_if(headers_.begin(), headers_.end(),
                                    [&](const auto& header) { return same_name(header.first, name); });
    return found == headers_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
  void for_each_header(const std::function<void(std::string_view, std::string_view)>& visit) const override {
    for (const auto& [name, text] : headers_) {
      visit(name, text);
    }
  }
  [[nodiscard]] bool mirrors_arguments() const override { return false; }
  [[nodiscard]] std::string& body() override { return body_; }
  [[nodiscard]] std::string_view peer() const override { return "stdio"; }
  [[nodiscard]] const decision::Principal& principal() const override { return *front_.principal_; }
  [[nodiscard]] std::string_view request_id() const override { return request_id_; }

  Task<Result<void>> respond(int, std::span<const mcp::Header> headers, std::string_view body) override {
    for (const mcp::Header& header : headers) {
      if (same_name(header.name, "Mcp-Session-Id") && !header.value.empty()) {
        front_.session_id_ = header.value;
        front_.protocol_version_ =
            mcp::string_of(mcp::find_member(mcp::find_member(body, "result"), "protocolVersion"));
      }
    }
    // A refusal of the stream or of a notification has nobody to go to.
    if (!body.empty() && !id_json.empty()) {
      front_.write(body);
    }
    co_return Result<void>();
  }
  Task<Result<void>> begin_stream(int, std::span<const mcp::Header>) override { co_return Result<void>(); }
  Task<Result<void>> write(std::string_view chunk) override {
    events_.feed(chunk, [&](const mcp::SseEvent& event) {
      if (!event.data.empty()) {
        front_.write(event.data);
      }
      return true;
    });
    if (front_.closed_) {
      co_return error(asio::error::broken_pipe, "the client is gone");
    }
    co_return Result<void>();
  }
  Task<Result<void>> end_stream() override { co_return Result<void>(); }
  void cancel() override { signal_.emit(asio::cancellation_type::partial); }

 private:
  StdioFront& front_;
  const std::string method_;
  std::string body_;
  uint64_t number_ = 0;
  std::string request_id_;
  std::vector<std::pair<std::string, std::string>> headers_;
  mcp::SseParser events_;
  asio::cancellation_signal signal_;
};

StdioFront::StdioFront(const Executor& executor, mcp::Endpoint& endpoint, int input, int output,
                       StdioFrontOptions options)
    : executor_(executor),
      endpoint_(endpoint),
      options_(std::move(options)),
      input_(executor, input),
      output_(executor, output),
      idle_(executor) {}

StdioFront::~StdioFront() = default;

Task<Result<void>> StdioFront::admit(Authenticator& authenticator) {
  principal_ = std::make_shared<const decision::Principal>();  // nobody, while it is asked
  Exchange exchange(*this, "POST", "");
  exchange.add("Host", "localhost");
  if (!options_.token.empty()) {
    exchange.add("Authorization", "Bearer " + options_.token);
  }
  Admission admission = authenticator.admit({exchange});
  if (admission.wait) {
    admission = co_await authenticator.admit_later({exchange});
  }
  if (admission.principal == nullptr) {
    co_return error(options_.token.empty() ? "a client without a token is not let in: set CATALYST_TOKEN"
                                           : "the token in CATALYST_TOKEN is not let in");
  }
  principal_ = std::move(admission.principal);
  co_return Result<void>();
}

Task<void> StdioFront::run() {
  const std::shared_ptr<StdioFront> self = shared_from_this();
  std::string buffer;
  while (!closed_) {
    error_code ec;
    const size_t length =
        co_await asio::async_read_until(input_, asio::dynamic_buffer(buffer, options_.max_message_bytes),
                                        '\n', asio::redirect_error(use_awaitable, ec));
    if (ec) {
      break;  // the end of input, or a line beyond the limit: what follows would be read as its rest
    }
    std::string line = buffer.substr(0, length - 1);
    buffer.erase(0, length);
    if (!line.empty() && line.back() == '\r') {
      line.pop_back();
    }
    if (!line.empty()) {
      take_line(std::move(line));
    }
  }
  closed_ = true;
  std::vector<std::shared_ptr<Exchange>> left;
  for (const auto& [number, exchange] : exchanges_) {
    left.push_back(exchange);
  }
  for (const std::shared_ptr<Exchange>& exchange : left) {
    exchange->signal().emit(asio::cancellation_type::terminal);
  }
  while (!exchanges_.empty()) {
    idle_.expires_at(SteadyTimer::time_point::max());
    error_code ec;
    co_await idle_.async_wait(asio::redirect_error(use_awaitable, ec));
  }
}

void StdioFront::close() {
  asio::post(executor_, [self = shared_from_this()] {
    error_code ignored;
    self->closed_ = true;
    self->input_.close(ignored);
  });
}

void StdioFront::take_line(std::string line) {
  auto exchange = std::make_shared<Exchange>(*this, "POST", std::move(line));
  exchange->add("Host", "localhost");
  exchange->add("Content-Type", "application/json");
  exchange->add("Accept", "application/json, text/event-stream");
  mcp::Envelope envelope;
  const bool broken = static_cast<bool>(mcp::parse_envelope(exchange->body(), {}, envelope));
  const bool modern = !broken && envelope.meta.protocol_version.data() != nullptr;
  exchange->id_json = broken ? std::string("null") : std::string(envelope.id_json);
  if (modern) {
    exchange->add("MCP-Protocol-Version", std::string(envelope.meta.protocol_version));
    exchange->add("Mcp-Method", std::string(envelope.method));
    const std::string_view name = envelope.name.data() != nullptr ? envelope.name : envelope.uri;
    if (name.data() != nullptr) {
      exchange->add("Mcp-Name", mcp::encode_header_value(name));
    }
  } else if (!session_id_.empty()) {
    exchange->add("Mcp-Session-Id", session_id_);
    exchange->add("MCP-Protocol-Version", protocol_version_);
  }
  const bool cancels = !broken && envelope.method == "notifications/cancelled";
  if (cancels && session_id_.empty()) {
    // The new generation: over HTTP a client would close the answer.
    const std::string_view id = mcp::find_member(envelope.params_json, "requestId");
    for (const auto& [number, other] : exchanges_) {
      if (!id.empty() && other->id_json == id) {
        asio::post(executor_, [other] { other->signal().emit(asio::cancellation_type::terminal); });
      }
    }
    return;
  }
  if (exchanges_.size() >= options_.max_calls) {
    if (!exchange->id_json.empty()) {
      write(mcp::error_message(
          exchange->id_json, mcp::error_object(mcp::code::kInternalError, "Too many calls are in flight.")));
    }
    return;
  }
  const bool initialized = !broken && envelope.method == "notifications/initialized";
  begin(std::move(exchange));
  if (initialized && !session_id_.empty() && !std::exchange(listening_, true)) {
    auto stream = std::make_shared<Exchange>(*this, "GET", "");
    stream->add("Host", "localhost");
    stream->add("Accept", "text/event-stream");
    stream->add("Mcp-Session-Id", session_id_);
    stream->add("MCP-Protocol-Version", protocol_version_);
    begin(std::move(stream));
  }
}

void StdioFront::begin(std::shared_ptr<Exchange> exchange) {
  exchanges_.emplace(exchange->number(), exchange);
  asio::co_spawn(
      executor_, endpoint_.handle(*exchange),
      asio::bind_cancellation_slot(exchange->signal().slot(),
                                   [self = shared_from_this(), exchange](const std::exception_ptr&) {
                                     self->exchanges_.erase(exchange->number());
                                     if (self->exchanges_.empty()) {
                                       self->idle_.cancel();
                                     }
                                   }));
}

void StdioFront::write(std::string_view message) {
  if (closed_ || queued_.size() + writing_.size() + message.size() > options_.max_queued_bytes) {
    error_code ignored;
    closed_ = true;
    input_.close(ignored);
    return;
  }
  const size_t start = queued_.size();
  queued_ += message;
  // Between tokens a line break is white space; inside strings it cannot be.
  std::replace_if(
      queued_.begin() + static_cast<ptrdiff_t>(start), queued_.end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
  queued_ += '\n';
  if (!write_pending_) {
    flush();
  }
}

void StdioFront::flush() {
  write_pending_ = true;
  writing_.clear();
  writing_.swap(queued_);
  asio::async_write(output_, asio::buffer(writing_),
                    [self = shared_from_this()](const error_code& ec, size_t) {
                      self->write_pending_ = false;
                      if (ec) {
                        error_code ignored;
                        self->closed_ = true;
                        self->input_.close(ignored);
                      } else if (!self->queued_.empty()) {
                        self->flush();
                      }
                    });
}

}  // namespace catalyst::server
