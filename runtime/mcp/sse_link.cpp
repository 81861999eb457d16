#include "runtime/mcp/sse_link.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <chrono>

#include "runtime/mcp/upstream_wire.h"

namespace catalyst::mcp {

using boost::system::error_code;

namespace {

constexpr int64_t kSilenceMs = int64_t{24} * 3'600'000;  // a quiet server is no dead one
constexpr int64_t kBuryMs = 2'000;
constexpr size_t kMaxAddressBytes = 4 * 1024;

}  // namespace

DuplexConnect connect_sse(SseLinkOptions options) {
  auto client = std::make_shared<HttpClient>(options.url, options.client);
  return [client = std::move(client), options = std::make_shared<const SseLinkOptions>(std::move(options))](
             const Executor& home, DuplexEvents events) -> Task<Result<std::shared_ptr<DuplexLink>>> {
    const auto link = std::make_shared<SseLink>(home, client, options, std::move(events));
    if (auto opened = co_await link->open(); !opened) {
      co_await link->bury();
      co_return opened.error();
    }
    co_return std::static_pointer_cast<DuplexLink>(link);
  };
}

std::string common_headers(const HttpUrl& url,
                           const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string head = "Host: " + url.authority + "\r\nUser-Agent: catalyst\r\n";
  for (const auto& [name, text] : headers) {
    if ((name + text).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos) {
      head += name + ": " + text + "\r\n";
    }
  }
  return head;
}

Result<std::string> same_origin_target(const HttpUrl& base, std::string_view reference) {
  const bool clean = !reference.empty() && reference.size() <= kMaxAddressBytes &&
                     std::all_of(reference.begin(), reference.end(),
                                 [](char c) { return c > 0x20 && c < 0x7f && c != '#' && c != '\\'; });
  const auto refused = [&](std::string_view why) {
    return error("the server's address for messages " + std::string(why) + ": " + printable(reference, 200));
  };
  if (!clean) {
    return refused("is no address");
  }
  const std::string_view scheme = base.tls ? "https:" : "http:";
  const size_t colon = reference.find(':');
  if (reference.starts_with("//") ||
      (colon != std::string_view::npos && colon < reference.find_first_of("/?"))) {
    const Result<HttpUrl> url = parse_http_url(
        reference.starts_with("//") ? std::string(scheme) + std::string(reference) : std::string(reference));
    if (!url) {
      return refused("is no address");
    }
    if (url->tls != base.tls || url->host != base.host || url->port != base.port) {
      return refused("leads to another origin");
    }
    return url->target;
  }
  if (reference.front() == '/') {
    return std::string(reference);
  }
  const std::string_view path = std::string_view(base.target).substr(0, base.target.find('?'));
  if (reference.front() == '?') {
    return std::string(path) + std::string(reference);
  }
  return std::string(path.substr(0, path.rfind('/') + 1)) + std::string(reference);
}

SseLink::SseLink(const Executor& executor, std::shared_ptr<HttpClient> client,
                 std::shared_ptr<const SseLinkOptions> options, DuplexEvents events)
    : executor_(executor),
      client_(std::move(client)),
      options_(std::move(options)),
      events_(std::move(events)),
      common_(common_headers(options_->url, options_->headers)),
      waiting_(executor) {}

Task<Result<void>> SseLink::open() {
  asio::co_spawn(
      executor_, read(),
      asio::bind_cancellation_slot(cancel_.slot(), [self = shared_from_this()](const std::exception_ptr&) {
        self->ended_ = true;
        self->wake();
        if (!self->closed_) {
          self->events_.on_end();
        }
      }));
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options_->open_timeout_ms);
  while (post_head_.empty() && !ended_ && std::chrono::steady_clock::now() < deadline) {
    waiting_.expires_at(deadline);
    error_code ec;
    co_await waiting_.async_wait(asio::redirect_error(use_awaitable, ec));
  }
  if (!post_head_.empty()) {
    co_return Result<void>{};
  }
  co_return ended_ ? error("HTTP+SSE: " + why_)
                   : error(asio::error::timed_out, "HTTP+SSE: the server named no address for messages");
}

Task<void> SseLink::read() {
  const std::string head =
      "GET " + options_->url.target + " HTTP/1.1\r\nAccept: text/event-stream\r\n" + common_;
  SseParser parser(events_.max_message_bytes);
  HttpRequest request;
  request.head = head;
  request.has_body = false;
  request.timeout_ms = options_->open_timeout_ms;
  request.silence_ms = kSilenceMs;
  request.on_stream = [&](std::string_view bytes) {
    const auto outcome = parser.feed(bytes, [this](const SseEvent& event) { return take(event); });
    if (outcome == SseParser::Outcome::TooLarge) {
      why_ = "a message exceeds " + std::to_string(events_.max_message_bytes) + " bytes";
    }
    return outcome == SseParser::Outcome::More;
  };
  const auto response = co_await client_->request(request);
  if (!why_.empty()) {
    co_return;
  }
  if (!response) {
    why_ = response.error().message();
  } else if (response->status != 200 || response->kind != ContentKind::EventStream) {
    why_ = "the server opens no event stream (HTTP " + std::to_string(response->status) + ")";
  } else {
    why_ = "the server closed it";
  }
}

/// False ends the stream.
bool SseLink::take(const SseEvent& event) {
  if (closed_) {
    return false;
  }
  if (event.type == "endpoint") {
    const Result<std::string> target = same_origin_target(options_->url, event.data);
    if (!target) {
      why_ = target.error().message();
      return false;
    }
    post_head_ = "POST " + *target + " HTTP/1.1\r\nContent-Type: application/json\r\n" + common_;
    wake();
  } else if (event.type == "message" && !event.data.empty()) {
    events_.on_message(event.data);
  }
  return true;
}

bool SseLink::write(std::string_view message) {
  if (closed_ || ended_ || queued_bytes_ + message.size() > events_.max_queued_bytes) {
    return false;
  }
  queued_bytes_ += message.size();
  queued_.emplace_back(message);
  if (!posting_) {
    posting_ = true;
    asio::co_spawn(executor_, post_all(),
                   [self = shared_from_this()](const std::exception_ptr&) { self->posting_ = false; });
  }
  return true;
}

Task<void> SseLink::post_all() {
  while (!queued_.empty() && !closed_) {
    std::string message = std::move(queued_.front());
    queued_.pop_front();
    queued_bytes_ -= message.size();
    co_await post(std::move(message));
  }
}

Task<void> SseLink::post(std::string message) {
  const std::string head = post_head_;  // the server may name another address meanwhile
  HttpRequest request;
  request.head = head;
  request.body = {message};
  request.timeout_ms = options_->post_timeout_ms;
  const auto response = co_await client_->request(request);
  if (closed_) {
    co_return;
  }
  if (!response) {
    events_.on_undelivered(message, response.error());
  } else if (response->status / 100 != 2) {
    events_.on_undelivered(message, error("HTTP " + std::to_string(response->status)));
    if (response->status == 404) {
      // The server has forgotten the stream, whatever its connection looks like.
      why_ = "the server has forgotten it";
      cancel_.emit(asio::cancellation_type::terminal);
    }
  }
}

Task<std::string> SseLink::bury() {
  const std::shared_ptr<SseLink> self = shared_from_this();
  closed_ = true;
  if (!ended_) {
    cancel_.emit(asio::cancellation_type::terminal);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kBuryMs);
  while (!ended_ && std::chrono::steady_clock::now() < deadline) {
    waiting_.expires_at(deadline);
    error_code ec;
    co_await waiting_.async_wait(asio::redirect_error(use_awaitable, ec));
  }
  co_return why_.empty() ? "was closed" : "ended: " + why_;
}

}  // namespace catalyst::mcp
