#include "server/gateway/openapi_upstream.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unordered_map>

#include "runtime/value/json_text.h"
#include "server/auth/fetch.h"
#include "server/config/tree.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::json;

constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParams = -32602;

/// A whole JSON-RPC message around the text of a result or an error. Nobody looks at the id.
mcp::UpstreamReply reply_of(std::string_view payload, bool is_error) {
  const std::string_view head =
      is_error ? R"({"jsonrpc":"2.0","id":0,"error":)" : R"({"jsonrpc":"2.0","id":0,"result":)";
  mcp::UpstreamReply out;
  out.body.reserve(head.size() + payload.size() + 1);
  out.body.append(head).append(payload).append("}");
  out.payload = std::string_view(out.body).substr(head.size(), payload.size());
  out.is_error = is_error;
  return out;
}

mcp::UpstreamReply error_reply(int code, std::string_view message) {
  return reply_of(R"({"code":)" + std::to_string(code) + R"(,"message":)" + value::json_string(message) + "}",
                  true);
}

mcp::UpstreamReply text_reply(std::string_view text, bool failed, std::string_view structured = {}) {
  std::string payload = R"({"content":[{"type":"text","text":)";
  payload +=
      Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);  // it need not be UTF-8
  payload += "}]";
  if (!structured.empty()) {
    payload += R"(,"structuredContent":)";
    payload += structured;
  }
  payload += failed ? R"(,"isError":true})" : "}";
  return reply_of(payload, false);
}

bool is_clean(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

Result<Json> read_document(const std::string& name, const std::string& text, size_t bytes_max) {
  TreeLimits limits;
  limits.bytes = bytes_max;
  limits.nodes = 500'000;
  limits.depth = 64;
  limits.variables = false;  // it is not ours: it must not learn what our environment holds
  Json document = Json::parse(text, nullptr, false);
  if (document.is_object()) {
    return document;
  }
  std::vector<Problem> problems;
  const Tree tree = parse_tree(name, text, limits, problems);
  if (!problems.empty()) {
    return error(problems.front().text());
  }
  return Json::parse(tree_to_json(tree), nullptr, false);
}

/// Where the service is: the address of a document's server may be relative to the document's own, and is the
/// root of its host when there is none (OpenAPI 3.1 sections 4.8.1 and 4.8.5).
std::string service_address(const std::string& document, const std::string& server) {
  const size_t scheme = document.find("://");
  if (server.find("://") != std::string::npos || scheme == std::string::npos) {
    return server;
  }
  if (server.starts_with("//")) {
    return document.substr(0, scheme + 1) + server;
  }
  const std::string whole = document.substr(0, document.find_first_of("?#"));
  const size_t path = std::min(whole.find('/', scheme + 3), whole.size());
  if (server.empty() || server.front() == '/') {
    return whole.substr(0, path) + (server.empty() ? "/" : server);
  }
  const std::string folder = path == whole.size() ? whole + "/" : whole.substr(0, whole.rfind('/') + 1);
  return folder + (server.starts_with("./") ? server.substr(2) : server);
}

}  // namespace

/// What the document says, and the way there. Immutable but for the client's pools.
struct OpenApiUpstream::Service {
  Service(OpenApiDocument d, mcp::HttpUrl url, mcp::HttpClientOptions options)
      : document(std::move(d)), client(std::move(url), std::move(options)) {
    for (const OpenApiOperation& operation : document.operations) {
      by_tool.emplace(operation.tool, &operation);
    }
  }

  OpenApiDocument document;
  std::unordered_map<std::string_view, const OpenApiOperation*> by_tool;
  mcp::HttpClient client;
  std::string base;  // path in front of the operations'
  std::string head;  // Host and the configured headers
};

OpenApiUpstream::OpenApiUpstream(Executor home, OpenApiOptions options)
    : home_(std::move(home)), options_(std::move(options)), readiness_(options_.name), timer_(home_) {}

OpenApiUpstream::~OpenApiUpstream() = default;

void OpenApiUpstream::start(mcp::UpstreamEvent) {
  readiness_.set(mcp::UpstreamState::Starting);
  asio::post(home_, [self = shared_from_this()] {
    asio::co_spawn(self->home_, self->run(), [self](const std::exception_ptr&) {});
  });
}

std::shared_ptr<OpenApiUpstream::Service> OpenApiUpstream::service() const {
  const std::lock_guard lock(mutex_);
  return service_;
}

Task<void> OpenApiUpstream::run() {
  while (!stopping_) {
    auto loaded = co_await load();
    if (stopping_) {
      break;
    }
    if (loaded.has_value()) {
      auto info = std::make_shared<mcp::UpstreamInfo>();
      info->protocol_version = "2025-11-25";
      info->server_info =
          Json{{"name", (*loaded)->document.title}, {"version", (*loaded)->document.version}}.dump(
              -1, ' ', false, Json::error_handler_t::replace);
      info->capabilities = R"({"tools":{}})";
      for (const std::string& left : (*loaded)->document.left_out) {
        options_.log("an operation is no tool: " + left);
      }
      {
        const std::lock_guard lock(mutex_);
        service_ = std::move(*loaded);
      }
      readiness_.publish(std::move(info));
      break;
    }
    readiness_.fail(loaded.error().message(), mcp::UpstreamState::Backoff);
    options_.log(options_.name + ": " + loaded.error().message());
    timer_.expires_after(std::chrono::milliseconds(options_.retry_ms));
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
}

Task<Result<std::shared_ptr<OpenApiUpstream::Service>>> OpenApiUpstream::load() {
  std::string text;
  if (options_.document.rfind("http://", 0) == 0 || options_.document.rfind("https://", 0) == 0) {
    FetchOptions fetch_options;
    fetch_options.ca_file = options_.client.ca_file;
    fetch_options.certificate_file = options_.client.certificate_file;
    fetch_options.key_file = options_.client.key_file;
    fetch_options.max_body_bytes = options_.document_bytes;
    Result<Fetched> answer = co_await fetch(options_.document, fetch_options);
    if (answer.has_error() || answer->status != 200) {
      co_return answer.has_error() ? answer.error()
                                   : error(options_.document + " answered " + std::to_string(answer->status));
    }
    text = std::move(answer->body);
  } else {
    std::ifstream in(options_.document, std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    text = all.str();
    if (!in) {
      co_return error("cannot read " + options_.document);
    }
    if (text.size() > options_.document_bytes) {
      co_return error(options_.document + " is larger than " + std::to_string(options_.document_bytes) +
                      " bytes (`openapi_size`)");
    }
  }
  const Result<Json> json = read_document(options_.document, text, options_.document_bytes);
  if (json.has_error()) {
    co_return json.error();
  }
  Result<OpenApiDocument> document = read_openapi(*json, options_.operations);
  if (document.has_error()) {
    co_return add_context(document.error(), options_.document);
  }
  Result<mcp::HttpUrl> url = mcp::parse_http_url(
      options_.url.empty() ? service_address(options_.document, document->url) : options_.url);
  if (url.has_error()) {
    co_return add_context(url.error(), "the service's address (give `url`)");
  }
  std::string base = url->target.substr(0, url->target.find('?'));
  while (!base.empty() && base.back() == '/') {
    base.pop_back();
  }
  std::string head =
      "Host: " + url->authority + "\r\nUser-Agent: catalyst\r\nAccept: application/json, */*;q=0.5\r\n";
  for (const auto& [name, value] : options_.headers) {
    if (is_clean(name) && is_clean(value)) {
      head += name + ": " + value + "\r\n";
    }
  }
  auto out = std::make_shared<Service>(std::move(*document), std::move(*url), options_.client);
  out->base = std::move(base);
  out->head = std::move(head);
  co_return out;
}

Task<Result<mcp::UpstreamReply>> OpenApiUpstream::call(const mcp::UpstreamCall& call) {
  std::shared_ptr<Service> now = service();
  if (now == nullptr) {
    co_return readiness_.refusal();
  }
  if (call.method == "tools/call") {
    co_return co_await call_tool(std::move(now), call);
  }
  if (call.method == "ping") {
    co_return reply_of("{}", false);
  }
  if (call.method != "tools/list") {
    co_return error_reply(kMethodNotFound, "Method not found");
  }
  std::string payload = R"({"tools":[)";
  for (const OpenApiOperation& operation : now->document.operations) {
    payload += payload.back() == '[' ? "" : ",";
    payload += operation.definition;
  }
  co_return reply_of(payload + "]}", false);
}

Task<Result<mcp::UpstreamReply>> OpenApiUpstream::call_tool(std::shared_ptr<Service> service,
                                                            const mcp::UpstreamCall& call) {
  const Json params = Json::parse(call.params, nullptr, false);
  const std::string tool =
      params.is_object()
          ? params.value("name", Json()).is_string() ? params["name"].get<std::string>() : std::string()
          : std::string();
  const auto found = service->by_tool.find(tool);
  if (found == service->by_tool.end()) {
    co_return error_reply(kInvalidParams, "Unknown tool: " + tool);
  }
  const OpenApiOperation& operation = *found->second;
  const Result<OpenApiRequest> made = make_request(operation, params.value("arguments", Json::object()));
  if (made.has_error()) {
    co_return text_reply("Invalid arguments: " + made.error().message(), true);
  }
  std::string target = service->base + made->target;
  for (const auto& [name, value] : options_.query) {
    target += target.find('?') == std::string::npos ? '?' : '&';
    append_form_encoded(target, name);
    target += '=';
    append_form_encoded(target, value);
  }
  std::string head = operation.method + " " + target + " HTTP/1.1\r\n" + service->head + made->headers;
  head += call.extra_headers;
  if (!call.traceparent.empty() && is_clean(call.traceparent)) {
    head.append("traceparent: ").append(call.traceparent).append("\r\n");
  }
  const bool has_body = operation.has_body && !made->body.empty();
  head += has_body ? "Content-Type: application/json\r\n" : "";
  std::string streamed;
  mcp::HttpRequest request;
  request.head = head;
  request.body = {made->body, {}, {}};
  request.has_body =
      has_body || operation.method == "POST" || operation.method == "PUT" || operation.method == "PATCH";
  request.timeout_ms = call.timeout_ms;
  request.on_stream = [&streamed, max = options_.client.max_body_bytes](std::string_view bytes) {
    streamed += bytes.substr(0, max - std::min(streamed.size(), max));
    return streamed.size() < max;
  };
  const Result<mcp::HttpResponse> response = co_await service->client.request(request);
  if (response.has_error()) {
    co_return add_context(response.error(), options_.name);
  }
  const std::string& body = streamed.empty() ? response->body : streamed;
  if (response->status >= 400 || response->status < 200) {
    co_return text_reply("HTTP " + std::to_string(response->status) + (body.empty() ? "" : ": " + body),
                         true);
  }
  const Json json = response->kind == mcp::ContentKind::Json ? Json::parse(body, nullptr, false) : Json();
  co_return text_reply(body.empty() ? "HTTP " + std::to_string(response->status) : body, false,
                       json.is_object() ? std::string_view(body) : std::string_view());
}

Task<Result<void>> OpenApiUpstream::notify(std::string_view, std::string_view, mcp::UpstreamSession*) {
  co_return Result<void>();
}

Task<Result<std::string>> OpenApiUpstream::establish(mcp::UpstreamSession&) { co_return std::string(); }

Task<void> OpenApiUpstream::stop() {
  asio::post(home_, [self = shared_from_this()] {
    self->stopping_ = true;
    self->timer_.cancel();
  });
  if (const std::shared_ptr<Service> now = service()) {
    now->client.close();
  }
  readiness_.set(mcp::UpstreamState::Stopped);
  co_return;
}

}  // namespace catalyst::server
