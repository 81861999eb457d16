#include "server/commands/admin_client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "runtime/mcp/http_client.h"

namespace catalyst::server {
namespace {

constexpr int64_t kTimeoutMs = 90'000;  // the engine answers within 60 s

bool is_header_text(std::string_view text) { return text.find_first_of("\r\n") == std::string_view::npos; }

}  // namespace

Result<AdminAnswer> call_admin(const std::string& base, std::string_view method, std::string_view path,
                               std::string_view body, std::string_view type, const std::string& token) {
  auto url = mcp::parse_http_url(base);
  if (url.has_error()) {
    return add_context(url.error(), base);
  }
  if (!is_header_text(token)) {
    return error("the token holds a line break");
  }
  std::string head(method);
  head.append(" ").append(path).append(" HTTP/1.1\r\nHost: ").append(url->authority).append("\r\n");
  head.append("Accept: application/json\r\n");
  if (!body.empty()) {
    head.append("Content-Type: ").append(type).append("\r\n");
  }
  if (!token.empty()) {
    head.append("Authorization: Bearer ").append(token).append("\r\n");
  }
  asio::io_context io(1);
  mcp::HttpClient client(std::move(*url), {});
  mcp::HttpRequest request;
  request.head = head;
  request.body[0] = body;
  request.has_body = method != "GET" && method != "DELETE";
  request.timeout_ms = kTimeoutMs;
  std::optional<Result<mcp::HttpResponse>> response;
  asio::co_spawn(
      io, client.request(request), [&](const std::exception_ptr& failure, Result<mcp::HttpResponse> got) {
        response = failure ? Result<mcp::HttpResponse>(error("the request failed")) : std::move(got);
        client.close();
      });
  io.run();
  if (response->has_error()) {
    return add_context(response->error(), base);
  }
  return AdminAnswer{(*response)->status, std::move((*response)->body)};
}

}  // namespace catalyst::server
