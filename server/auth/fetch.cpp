#include "server/auth/fetch.h"

#include <cctype>

#include "runtime/mcp/http_client.h"

namespace catalyst::server {
namespace {

Task<Result<Fetched>> exchange(std::string url, std::string headers, std::string form, bool post,
                               FetchOptions options) {
  Result<mcp::HttpUrl> address = mcp::parse_http_url(url);
  if (address.has_error()) {
    co_return address.error();
  }
  mcp::HttpClientOptions client_options;
  client_options.ca_file = options.ca_file;
  client_options.certificate_file = options.certificate_file;
  client_options.key_file = options.key_file;
  client_options.connect_timeout_ms = options.timeout_ms;
  client_options.max_body_bytes = options.max_body_bytes;
  const std::string head = (post ? "POST " : "GET ") + address->target +
                           " HTTP/1.1\r\nHost: " + address->authority +
                           "\r\nUser-Agent: catalyst\r\nAccept: application/json\r\n" + headers +
                           (post ? "Content-Type: application/x-www-form-urlencoded\r\n" : "");
  mcp::HttpClient client(std::move(*address), std::move(client_options));
  mcp::HttpRequest request;
  request.head = head;
  request.body = {form, {}, {}};
  request.has_body = post;
  request.timeout_ms = options.timeout_ms;
  Result<mcp::HttpResponse> response = co_await client.request(request);
  client.close();
  if (response.has_error()) {
    co_return add_context(response.error(), url);
  }
  co_return Fetched{response->status, std::move(response->body)};
}

}  // namespace

Task<Result<Fetched>> fetch(std::string url, FetchOptions options) {
  return exchange(std::move(url), {}, {}, false, std::move(options));
}

Task<Result<Fetched>> post_form(std::string url, std::string headers, std::string form,
                                FetchOptions options) {
  return exchange(std::move(url), std::move(headers), std::move(form), true, std::move(options));
}

void append_form_encoded(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
}

}  // namespace catalyst::server
