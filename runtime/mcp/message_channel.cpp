#include "runtime/mcp/message_channel.h"

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

#include "runtime/http/head.h"
#include "runtime/mcp/protocol.h"
#include "runtime/mcp/sse.h"

namespace catalyst::mcp {
namespace {

constexpr size_t kJsonPadding = 64;  // what the reader of messages may look at behind them

/// What a message says itself, or its connection alone.
bool belongs_to_channel(std::string_view name) {
  static constexpr std::array<std::string_view, 11> kNames = {
      "Content-Type",   "Content-Length",       "Accept",           "Accept-Encoding",
      "Mcp-Session-Id", "MCP-Protocol-Version", "Mcp-Method",       "Mcp-Name",
      "Last-Event-ID",  "Connection",           "Transfer-Encoding"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view own) { return http::same_token(own, name); });
}

}  // namespace

HeaderList client_headers(const HttpExchange& exchange) {
  HeaderList out;
  exchange.for_each_header([&](std::string_view name, std::string_view value) {
    if (!belongs_to_channel(name)) {
      out.emplace_back(name, value);
    }
  });
  return out;
}

/// One message as the endpoint sees it: an HTTP request whose headers say what the message says itself.
class MessageChannel::Exchange final : public HttpExchange {
 public:
  Exchange(MessageChannel& channel, std::string method, std::string body)
      : channel_(channel), client_(channel.client_), method_(std::move(method)), body_(std::move(body)) {
    body_.reserve(body_.size() + kJsonPadding);
    number_ = ++channel_.requests_;
    request_id_ = channel_.options_.name + "-" + std::to_string(number_);
  }

  void add(std::string name, std::string text) { own_.emplace_back(std::move(name), std::move(text)); }
  [[nodiscard]] uint64_t number() const { return number_; }
  asio::cancellation_signal& signal() { return signal_; }
  std::string id_json;  // of the request; "" for others

  [[nodiscard]] std::string_view method() const override { return method_; }
  [[nodiscard]] std::string_view path() const override { return channel_.options_.path; }
  [[nodiscard]] std::string_view query() const override { return {}; }
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const override {
    for (const HeaderList* list : {&own_, client_.headers.get()}) {
      const auto found = std::find_if(list->begin(), list->end(), [&](const auto& header) {
        return http::same_token(header.first, name);
      });
      if (found != list->end()) {
        return found->second;
      }
    }
    return std::nullopt;
  }
  void for_each_header(const std::function<void(std::string_view, std::string_view)>& visit) const override {
    for (const HeaderList* list : {&own_, client_.headers.get()}) {
      for (const auto& [name, text] : *list) {
        visit(name, text);
      }
    }
  }
  [[nodiscard]] bool mirrors_arguments() const override { return false; }
  [[nodiscard]] std::string& body() override { return body_; }
  [[nodiscard]] std::string_view peer() const override { return channel_.options_.peer; }
  [[nodiscard]] const decision::Principal& principal() const override { return *client_.principal; }
  [[nodiscard]] std::shared_ptr<const decision::Principal> principal_owner() const override {
    return client_.principal;
  }
  [[nodiscard]] std::string_view request_id() const override { return request_id_; }

  Task<Result<void>> respond(int, std::span<const Header> headers, std::string_view body) override {
    for (const Header& header : headers) {
      if (http::same_token(header.name, "Mcp-Session-Id") && !header.value.empty()) {
        channel_.session_id_ = header.value;
        channel_.protocol_version_ = string_of(find_member(find_member(body, "result"), "protocolVersion"));
      }
    }
    // A refusal of the stream or of a notification has nobody to go to.
    if (!body.empty() && !id_json.empty()) {
      send(body);
    }
    co_return Result<void>();
  }
  Task<Result<void>> begin_stream(int, std::span<const Header>, std::string_view first) override {
    return write(first);
  }
  Task<Result<void>> write(std::string_view chunk) override {
    events_.feed(chunk, [&](const SseEvent& event) {
      if (!event.data.empty()) {
        send(event.data);
      }
      return true;
    });
    if (channel_.gone_) {
      co_return error(asio::error::broken_pipe, "the client is gone");
    }
    co_return Result<void>();
  }
  Task<Result<void>> end_stream(std::string_view last) override { return write(last); }
  void cancel() override { signal_.emit(asio::cancellation_type::partial); }

 private:
  void send(std::string_view message) {
    if (!channel_.gone_ && !channel_.send_(message)) {
      channel_.gone_ = true;
    }
  }

  MessageChannel& channel_;
  const ChannelClient client_;
  const std::string method_;
  std::string body_;
  uint64_t number_ = 0;
  std::string request_id_;
  HeaderList own_;
  SseParser events_;
  asio::cancellation_signal signal_;
};

MessageChannel::MessageChannel(const Executor& executor, Serve serve, Send send,
                               MessageChannelOptions options)
    : executor_(executor),
      serve_(std::move(serve)),
      send_(std::move(send)),
      options_(std::move(options)),
      client_{std::make_shared<const decision::Principal>(), std::make_shared<const HeaderList>()},
      idle_(executor) {}

MessageChannel::~MessageChannel() = default;

std::unique_ptr<HttpExchange> MessageChannel::exchange() {
  return std::make_unique<Exchange>(*this, "POST", "");
}

Task<void> MessageChannel::end() {
  const std::shared_ptr<MessageChannel> self = shared_from_this();
  gone_ = true;
  std::vector<std::shared_ptr<Exchange>> left;
  for (const auto& [number, exchange] : exchanges_) {
    left.push_back(exchange);
  }
  for (const std::shared_ptr<Exchange>& exchange : left) {
    exchange->signal().emit(asio::cancellation_type::terminal);
  }
  if (!session_id_.empty()) {
    begin(session_request("DELETE"));
  }
  while (!exchanges_.empty()) {
    idle_.expires_at(SteadyTimer::time_point::max());
    boost::system::error_code ec;
    co_await idle_.async_wait(asio::redirect_error(use_awaitable, ec));
  }
}

std::shared_ptr<MessageChannel::Exchange> MessageChannel::session_request(std::string method) {
  auto out = std::make_shared<Exchange>(*this, std::move(method), "");
  out->add("Accept", "text/event-stream");
  out->add("Mcp-Session-Id", session_id_);
  out->add("MCP-Protocol-Version", protocol_version_);
  return out;
}

/// The headers that a client of Streamable HTTP would send with this message.
void MessageChannel::add_protocol(Exchange& exchange, const Envelope* envelope) {
  exchange.add("Content-Type", "application/json");
  exchange.add("Accept", "application/json, text/event-stream");
  if (envelope != nullptr && envelope->meta.protocol_version.data() != nullptr) {
    exchange.add("MCP-Protocol-Version", std::string(envelope->meta.protocol_version));
    exchange.add("Mcp-Method", std::string(envelope->method));
    const std::string_view name = mirrored_name(*envelope);
    if (name.data() != nullptr) {
      exchange.add("Mcp-Name", encode_header_value(name));
    }
  } else if (!session_id_.empty()) {
    exchange.add("Mcp-Session-Id", session_id_);
    exchange.add("MCP-Protocol-Version", protocol_version_);
  }
}

void MessageChannel::take(std::string message) {
  if (gone_) {
    return;
  }
  auto exchange = std::make_shared<Exchange>(*this, "POST", std::move(message));
  Envelope envelope;
  const bool broken = static_cast<bool>(parse_envelope(exchange->body(), options_.envelope, envelope));
  exchange->id_json = broken ? std::string("null") : std::string(envelope.id_json);
  add_protocol(*exchange, broken ? nullptr : &envelope);
  const bool modern = !broken && envelope.meta.protocol_version.data() != nullptr;
  if (!broken && !modern && greeting_ != 0 && waiting_.size() < options_.max_calls) {
    waiting_.push_back(std::move(exchange->body()));  // some clients do not wait for the answer
    return;
  }
  if (!broken && envelope.method == "notifications/cancelled" && session_id_.empty()) {
    // The new generation: over HTTP a client would close the answer.
    const std::string_view id = find_member(envelope.params_json, "requestId");
    for (const auto& [number, other] : exchanges_) {
      if (!id.empty() && other->id_json == id) {
        asio::post(executor_, [other] { other->signal().emit(asio::cancellation_type::terminal); });
      }
    }
    return;
  }
  if (exchanges_.size() >= options_.max_calls) {
    if (!exchange->id_json.empty()) {
      send_(error_message(exchange->id_json,
                          error_object(code::kInternalError, "Too many calls are in flight.")));
    }
    return;
  }
  if (!broken && !modern && envelope.method == "initialize") {
    greeting_ = exchange->number();
  }
  const bool initialized = !broken && envelope.method == "notifications/initialized";
  begin(std::move(exchange));
  if (initialized && !session_id_.empty() && !std::exchange(listening_, true)) {
    begin(session_request("GET"));
  }
}

void MessageChannel::take_waiting() {
  greeting_ = 0;
  for (std::string& message : std::exchange(waiting_, {})) {
    take(std::move(message));
  }
}

void MessageChannel::begin(std::shared_ptr<Exchange> exchange) {
  exchanges_.emplace(exchange->number(), exchange);
  asio::co_spawn(
      executor_, serve_(*exchange),
      asio::bind_cancellation_slot(exchange->signal().slot(),
                                   [self = shared_from_this(), exchange](const std::exception_ptr&) {
                                     self->exchanges_.erase(exchange->number());
                                     if (self->greeting_ == exchange->number()) {
                                       self->take_waiting();
                                     }
                                     if (self->exchanges_.empty()) {
                                       self->idle_.cancel();
                                     }
                                   }));
}

}  // namespace catalyst::mcp
