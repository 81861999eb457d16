#include "server/gateway/upstreams.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "runtime/mcp/duplex_pool.h"
#include "runtime/mcp/http_or_sse_upstream.h"
#include "runtime/mcp/sse_link.h"
#include "runtime/mcp/stdio_link.h"
#include "runtime/observe/log.h"
#include "server/auth/upstream_credentials.h"
#include "server/gateway/openapi_upstream.h"
#include "server/version.h"

namespace catalyst::server {
namespace {

using observe::Level;

mcp::GatewayIdentity identity() {
  mcp::GatewayIdentity out;
  out.client_info_json = R"({"name":"catalyst","version":")" + std::string(kVersion) + "\"}";
  return out;
}

std::function<void(std::string_view)> logger(Level level, std::string message, std::string server) {
  return [level, message = std::move(message), server = std::move(server)](std::string_view line) {
    observe::log(level, message, {{"server", server}, {"text", line}});
  };
}

/// Cuts the time-out of every call to what the server's configuration says.
class TimedUpstream final : public mcp::Upstream {
 public:
  TimedUpstream(std::shared_ptr<mcp::Upstream> inner, int64_t timeout_ms)
      : inner_(std::move(inner)), timeout_ms_(timeout_ms) {}

  [[nodiscard]] const std::string& name() const override { return inner_->name(); }
  [[nodiscard]] mcp::UpstreamState state() const override { return inner_->state(); }
  [[nodiscard]] std::string last_error() const override { return inner_->last_error(); }
  [[nodiscard]] uint64_t dropped() const override { return inner_->dropped(); }
  void start(mcp::UpstreamEvent on_event) override { inner_->start(std::move(on_event)); }
  Task<Result<std::shared_ptr<const mcp::UpstreamInfo>>> ready(int64_t timeout_ms) override {
    return inner_->ready(timeout_ms);
  }
  Task<Result<mcp::UpstreamReply>> call(const mcp::UpstreamCall& call) override {
    mcp::UpstreamCall timed = call;
    timed.timeout_ms = std::min(call.timeout_ms, timeout_ms_);
    co_return co_await inner_->call(timed);
  }
  Task<Result<void>> notify(std::string_view method, std::string_view params,
                            mcp::UpstreamSession* session) override {
    return inner_->notify(method, params, session);
  }
  [[nodiscard]] bool shared() const override { return inner_->shared(); }
  std::shared_ptr<mcp::UpstreamSession> open(mcp::ClientTerms terms) override {
    return inner_->open(std::move(terms));
  }
  Task<Result<std::string>> establish(mcp::UpstreamSession& session) override {
    return inner_->establish(session);
  }
  void watch(std::vector<std::string> uris) override { inner_->watch(std::move(uris)); }
  Task<void> stop() override { return inner_->stop(); }

 private:
  const std::shared_ptr<mcp::Upstream> inner_;
  const int64_t timeout_ms_;
};

std::shared_ptr<mcp::Upstream> timed(std::shared_ptr<mcp::Upstream> upstream, int64_t timeout_ms) {
  if (timeout_ms == mcp::UpstreamCall{}.timeout_ms) {
    return upstream;  // the default needs no cutting
  }
  return std::make_shared<TimedUpstream>(std::move(upstream), timeout_ms);
}

/// A server at the other end of one connection, or of one for each principal.
std::shared_ptr<mcp::Upstream> duplex(const UpstreamConfig& config, Executor home,
                                      mcp::DuplexConnect connect) {
  mcp::DuplexUpstreamOptions options;
  options.name = config.name;
  options.connect = std::move(connect);
  options.max_message_bytes = config.message_bytes;
  options.identity = identity();
  options.log = logger(Level::Warn, "upstream", config.name);
  if (config.command.empty()) {
    options.era = mcp::Era::Legacy;  // HTTP+SSE knows no other
  }
  if (config.shared) {
    return std::make_shared<mcp::DuplexUpstream>(std::move(home), std::move(options));
  }
  mcp::DuplexPoolOptions pool;
  pool.connections = config.processes;
  return std::make_shared<mcp::DuplexPool>(std::move(home), std::move(options), pool);
}

bool names_authorization(const TextMap& headers) {
  for (const auto& [name, value] : headers) {
    std::string lower;
    for (const char c : name) {
      lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    if (lower == "authorization") {
      return true;
    }
  }
  return false;
}

/// How any server is reached over HTTP: whom to trust, what to show.
Result<mcp::HttpClientOptions> client_options(const UpstreamConfig& config,
                                              const std::shared_ptr<UpstreamCredentials>& credentials) {
  mcp::HttpClientOptions out;
  out.ca_file = config.ca_file;
  out.certificate_file = config.certificate_file;
  out.key_file = config.key_file;
  out.max_body_bytes = config.message_bytes;
  for (const std::string& file : {config.ca_file, config.certificate_file, config.key_file}) {
    if (!file.empty() && ::access(file.c_str(), R_OK) != 0) {
      return error("server " + config.name + ": cannot read " + file);
    }
  }
  if (credentials != nullptr) {
    out.token = [credentials] { return credentials->own(); };
    out.refused = [credentials](std::string_view token) { credentials->reject(token); };
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<UpstreamCredentials>> make_credentials(const UpstreamConfig& config) {
  if (!config.auth.configured()) {
    return std::shared_ptr<UpstreamCredentials>();
  }
  auto out = std::make_shared<UpstreamCredentials>(config.auth);
  if (const Result<void> read = out->reload(); read.has_error()) {
    return add_context(read.error(), "server " + config.name);
  }
  return out;
}

Result<std::shared_ptr<mcp::Upstream>> make_upstream(
    const UpstreamConfig& config, Executor home, const std::shared_ptr<UpstreamCredentials>& credentials) {
  if (!config.command.empty()) {
    mcp::StdioLinkOptions link;
    link.child.command = config.command;
    link.child.args = config.args;
    link.child.env = config.env;
    link.child.cwd = config.cwd;
    link.log_stderr = logger(Level::Debug, "upstream stderr", config.name);
    return timed(duplex(config, std::move(home), mcp::connect_child(std::move(link))), config.timeout_ms);
  }
  Result<mcp::HttpClientOptions> client = client_options(config, credentials);
  if (client.has_error()) {
    return client.error();
  }
  if (!config.openapi.empty()) {
    OpenApiOptions options;
    options.name = config.name;
    options.document = config.openapi;
    options.document_bytes = config.openapi_bytes;
    options.operations = config.openapi_operations;
    options.url = config.url;
    options.headers = config.headers;
    options.query = config.query;
    options.client = std::move(*client);
    options.log = logger(Level::Warn, "upstream", config.name);
    return timed(std::make_shared<OpenApiUpstream>(std::move(home), std::move(options)), config.timeout_ms);
  }
  Result<mcp::HttpUrl> url = mcp::parse_http_url(config.url);
  if (url.has_error()) {
    return add_context(url.error(), "server " + config.name);
  }
  if (!url->tls && !is_loopback_host(url->host) &&
      (credentials != nullptr || names_authorization(config.headers))) {
    observe::log(Level::Warn, "credentials are sent to an upstream without TLS", {{"server", config.name}});
  }
  url->address = config.address;
  mcp::SseLinkOptions sse;
  sse.url = *url;
  sse.headers = config.headers;
  sse.client = *client;
  const auto over_sse = [config, home, sse = std::move(sse)] {
    return duplex(config, home, mcp::connect_sse(sse));
  };
  if (config.transport == "sse") {
    return timed(over_sse(), config.timeout_ms);
  }
  mcp::HttpUpstreamOptions options;
  options.name = config.name;
  options.url = std::move(*url);
  options.headers = config.headers;
  options.client = std::move(*client);
  options.identity = identity();
  options.shared = config.shared;
  options.max_event_bytes = config.message_bytes;
  options.log = logger(Level::Warn, "upstream", config.name);
  if (config.transport.empty() && !config.auth.per_principal()) {
    return timed(std::make_shared<mcp::HttpOrSseUpstream>(home, std::move(options), over_sse),
                 config.timeout_ms);
  }
  return timed(std::make_shared<mcp::HttpUpstream>(std::move(home), std::move(options)), config.timeout_ms);
}

}  // namespace catalyst::server
