#include "server/gateway/stdio_front.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

namespace catalyst::server {

using boost::system::error_code;

StdioFront::StdioFront(const Executor& executor, mcp::Endpoint& endpoint, int input, int output,
                       StdioFrontOptions options)
    : executor_(executor),
      options_(std::move(options)),
      input_(executor, input),
      output_(executor, output),
      // Its callbacks come while run() keeps this alive.
      channel_(std::make_shared<mcp::MessageChannel>(
          executor, [&endpoint](mcp::HttpExchange& exchange) { return endpoint.handle(exchange); },
          [this](std::string_view message) { return write(message); },
          mcp::MessageChannelOptions{options_.path, "stdio", "stdio", options_.max_calls, {}})),
      watch_timer_(executor) {}

Task<Result<void>> StdioFront::admit(Authenticator& authenticator) {
  mcp::HeaderList headers = {{"Host", "localhost"}};
  mcp::ChannelClient client{std::make_shared<const decision::Principal>(),  // nobody, while it is asked
                            std::make_shared<const mcp::HeaderList>(headers)};
  if (!options_.token.empty()) {
    headers.emplace_back("Authorization", "Bearer " + options_.token);
  }
  channel_->enter({client.principal, std::make_shared<const mcp::HeaderList>(std::move(headers))});
  authenticator_ = &authenticator;
  shown_ = channel_->exchange();
  Admission admission = authenticator.admit({*shown_});
  if (admission.wait) {
    admission = co_await authenticator.admit_later({*shown_});
  }
  if (admission.principal == nullptr) {
    co_return error(options_.token.empty() ? "a client without a token is not let in: set CATALYST_TOKEN"
                                           : "the token in CATALYST_TOKEN is not let in");
  }
  principal_ = std::move(admission.principal);
  client.principal = principal_;
  channel_->enter(std::move(client));
  co_return Result<void>();
}

Task<void> StdioFront::run() {
  const std::shared_ptr<StdioFront> self = shared_from_this();
  if (authenticator_ != nullptr) {
    asio::co_spawn(executor_, watch(), [self](const std::exception_ptr&) {});
  }
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
      channel_->take(std::move(line));
    }
  }
  closed_ = true;
  watch_timer_.cancel();
  co_await channel_->end();
}

Task<void> StdioFront::watch() {
  while (!closed_) {
    watch_timer_.expires_after(std::chrono::milliseconds(options_.admission_ms));
    co_await watch_timer_.async_wait(asio::as_tuple(use_awaitable));
    if (closed_) {
      co_return;
    }
    Admission now = authenticator_->admit({*shown_});
    if (now.wait) {
      now = co_await authenticator_->admit_later({*shown_});
    }
    if (now.principal == nullptr || !is_same(*now.principal, *principal_)) {
      turned_out_ = true;
      hang_up();
    }
  }
}

void StdioFront::close() {
  asio::post(executor_, [self = shared_from_this()] { self->hang_up(); });
}

void StdioFront::hang_up() {
  error_code ignored;
  closed_ = true;
  input_.close(ignored);
}

bool StdioFront::write(std::string_view message) {
  if (closed_ || queued_.size() + writing_.size() + message.size() > options_.max_queued_bytes) {
    hang_up();
    return false;
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
  return true;
}

void StdioFront::flush() {
  write_pending_ = true;
  writing_.clear();
  writing_.swap(queued_);
  asio::async_write(output_, asio::buffer(writing_),
                    [self = shared_from_this()](const error_code& ec, size_t) {
                      self->write_pending_ = false;
                      if (ec) {
                        self->hang_up();
                      } else if (!self->queued_.empty()) {
                        self->flush();
                      }
                    });
}

}  // namespace catalyst::server
