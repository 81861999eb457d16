#include "server/commands/access.h"

#include <algorithm>

#include "runtime/observe/log.h"
#include "server/gateway/upstreams.h"

namespace catalyst::server {
namespace {

using observe::Level;

/// Where clients reach the engine, when the configuration does not say.
std::string public_url_of(const Config& config) {
  if (!config.public_url.empty()) {
    return config.public_url;
  }
  const std::string& host = config.listen.host;
  const bool v6 = host.find(':') != std::string::npos;
  return std::string(config.tls.certificate.empty() ? "http://" : "https://") +
         (v6 ? "[" + host + "]" : host) + ":" + std::to_string(config.listen.port);
}

void tell(const Result<void>& outcome, std::string_view what) {
  if (outcome.has_error()) {
    observe::log(Level::Error, "credentials cannot be read again, the old ones stay",
                 {{"of", what}, {"reason", outcome.error().message()}});
  }
}

}  // namespace

Access::Access(const Config& from)
    : config(from),
      resources(config, public_url_of(config)),
      authenticator(config.auth, resources, {config.limits.token_bytes, config.limits.principals}) {}

Result<void> Access::load() {
  if (auto loaded = authenticator.load(); loaded.has_error()) {
    return loaded;
  }
  const TlsConfig& from = config.tls;
  if (!from.certificate.empty()) {
    auto context = TlsContext::load(
        {from.certificate, from.key, from.client_ca, from.client_required, from.allow_tls12});
    if (context.has_error()) {
      return context.error();
    }
    tls = std::move(*context);
  }
  if (!config.lock_file.empty()) {
    auto opened = ToolLock::open(config.lock_file);
    if (opened.has_error()) {
      return opened.error();
    }
    lock = std::move(*opened);
  }
  for (const UpstreamConfig& server : config.servers) {
    auto tokens = make_credentials(server);
    if (tokens.has_error()) {
      return tokens.error();
    }
    if (*tokens != nullptr) {
      upstreams[server.name] = std::move(*tokens);
    }
  }
  return {};
}

void Access::reload() {
  authenticator.reload();
  for (const auto& [server, tokens] : upstreams) {
    tell(tokens->reload(), server);
  }
  if (tls != nullptr) {
    tell(tls->reload(), "tls");
  }
  if (lock != nullptr) {
    tell(lock->reload(), lock->path());
  }
  observe::log(Level::Info, "credentials read again");
}

std::vector<std::string> Access::files() const {
  std::vector<std::string> out = authenticator.files();
  for (const auto& [server, tokens] : upstreams) {
    for (std::string& file : tokens->files()) {
      out.push_back(std::move(file));
    }
  }
  for (const std::string& file :
       {config.lock_file, config.tls.certificate, config.tls.key, config.tls.client_ca}) {
    if (!file.empty()) {
      out.push_back(file);
    }
  }
  return out;
}

void Access::apply(mcp::EndpointOptions& out) const {
  if (std::any_of(upstreams.begin(), upstreams.end(),
                  [](const auto& server) { return server.second->per_principal(); })) {
    out.authorize = [this](const mcp::HttpExchange& exchange, std::string_view server) {
      return authorization(exchange, server);
    };
  }
  out.guard = lock.get();
  for (const UpstreamConfig& server : config.servers) {
    if (!server.validate_arguments) {
      out.unchecked_servers.push_back(server.name);
    }
  }
  out.schema_problem = [](std::string_view server, const std::string& reason) {
    observe::log(Level::Warn, "arguments of a tool cannot be checked",
                 {{"server", server}, {"reason", reason}});
  };
  out.scope_challenge = [this](const mcp::HttpExchange& exchange, std::string_view server,
                               std::string_view tool) -> std::optional<std::string> {
    const std::vector<std::string> needed = resources.missing(server, tool, exchange.principal());
    if (needed.empty()) {
      return std::nullopt;
    }
    return resources.challenge(exchange.path(), "insufficient_scope",
                               "the token lacks a scope that is needed", needed);
  };
}

/// The principal's own token for a server, where there are such.
Task<Result<std::string>> Access::authorization(const mcp::HttpExchange& exchange,
                                                std::string_view server) const {
  const auto found = upstreams.find(server);
  if (found == upstreams.end() || !found->second->per_principal()) {
    co_return std::string();
  }
  std::string_view subject = exchange.header("Authorization").value_or(std::string_view());
  subject.remove_prefix(std::min(subject.find(' '), subject.size()));
  subject.remove_prefix(std::min(subject.find_first_not_of(' '), subject.size()));
  Result<std::string> token = co_await found->second->of(exchange.principal(), subject);
  if (token.has_error() || token->empty()) {
    co_return token;
  }
  co_return "Authorization: Bearer " + *token + "\r\n";
}

}  // namespace catalyst::server
