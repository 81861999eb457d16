#include "server/auth/resource.h"

#include <algorithm>

#include "server/auth/jwt.h"

namespace catalyst::server {
namespace {

constexpr std::string_view kMcp = "/mcp";

void append(std::vector<std::string>& out, const std::vector<std::string>& more) {
  for (const std::string& one : more) {
    if (std::find(out.begin(), out.end(), one) == out.end()) {
      out.push_back(one);
    }
  }
}

bool matches(std::string_view pattern, std::string_view tool) {
  return pattern.ends_with('*') ? tool.starts_with(pattern.substr(0, pattern.size() - 1)) : tool == pattern;
}

std::vector<std::string> lacking(const std::vector<std::string>& needed,
                                 const decision::Principal& principal) {
  std::vector<std::string> out;
  for (const std::string& scope : needed) {
    if (std::find(principal.scopes.begin(), principal.scopes.end(), scope) == principal.scopes.end()) {
      out.push_back(scope);
    }
  }
  return out;
}

/// A quoted-string without what would end it.
void append_quoted(std::string& out, std::string_view name, std::string_view text) {
  out += out.empty() ? "" : ", ";
  out += name;
  out += "=\"";
  for (const char c : text) {
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
      out += c;
    }
  }
  out += '"';
}

std::string join(std::span<const std::string> words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

bool is_mcp(std::string_view path) { return path == kMcp || path.starts_with("/mcp/"); }

/// Every way into an endpoint leads to the same resource, which is called by its path for Streamable HTTP.
std::string mcp_path(std::string_view path) {
  for (const std::string_view front : {"/sse", "/messages", "/ws"}) {
    if (path.starts_with(front) && (path.size() == front.size() || path[front.size()] == '/')) {
      return std::string(kMcp) + std::string(path.substr(front.size()));
    }
  }
  return std::string(path);
}

}  // namespace

std::vector<std::string> with_implied(std::vector<std::string> scopes, const TextMap& implies) {
  for (size_t i = 0; i < scopes.size(); ++i) {
    for (const auto& [scope, included] : implies) {
      if (scope == scopes[i]) {
        append(scopes, split_words(included));
      }
    }
  }
  return scopes;
}

Resources::Resources(const Config& config, std::string public_url)
    : public_url_(std::move(public_url)), scopes_(config.auth.scopes), servers_(config.servers) {
  for (const IssuerConfig& issuer : config.auth.issuers) {
    issuers_.push_back(issuer.issuer);
  }
  needs_scopes_ = !scopes_.empty() || std::any_of(servers_.begin(), servers_.end(),
                                                  [](const auto& server) { return !server.scopes.empty(); });
}

const UpstreamConfig* Resources::server_named(std::string_view name) const {
  const auto found = std::find_if(servers_.begin(), servers_.end(),
                                  [&](const UpstreamConfig& server) { return server.name == name; });
  return found == servers_.end() ? nullptr : &*found;
}

const UpstreamConfig* Resources::server_at(std::string_view way) const {
  const std::string path = mcp_path(way);
  return path.size() > 5 && path.starts_with("/mcp/") ? server_named(std::string_view(path).substr(5))
                                                      : nullptr;
}

std::string Resources::resource_of(std::string_view path) const {
  if (const UpstreamConfig* server = server_at(path)) {
    return public_url_ + "/mcp/" + server->name;
  }
  return is_mcp(mcp_path(path)) ? public_url_ + std::string(kMcp) : public_url_;
}

bool Resources::covers(std::string_view audience, std::string_view resource) const {
  if (audience.ends_with('/')) {
    audience.remove_suffix(1);
  }
  const std::string known = audience.starts_with(public_url_)
                                ? public_url_ + mcp_path(audience.substr(public_url_.size()))
                                : std::string(audience);
  return known == resource || known == public_url_ ||
         (known == public_url_ + std::string(kMcp) && resource.size() > known.size() &&
          resource.starts_with(known));
}

std::vector<std::string> Resources::scopes(std::string_view path) const {
  std::vector<std::string> out = scopes_;
  for (const UpstreamConfig& server : servers_) {
    if (server_at(path) == nullptr || server_at(path) == &server) {
      append(out, server.scopes);
      for (const auto& [tool, scopes] : server.tool_scopes) {
        append(out, split_words(scopes));
      }
    }
  }
  return out;
}

std::vector<std::string> Resources::missing(std::string_view path,
                                            const decision::Principal& principal) const {
  if (!needs_scopes_) {
    return {};
  }
  std::vector<std::string> all = needed(path);
  return lacking(all, principal).empty() ? std::vector<std::string>() : all;
}

std::vector<std::string> Resources::needed(std::string_view path) const {
  if (!is_mcp(mcp_path(path))) {
    return {};
  }
  std::vector<std::string> out = scopes_;
  if (const UpstreamConfig* server = server_at(path)) {
    append(out, server->scopes);
  }
  return out;
}

std::vector<std::string> Resources::missing(std::string_view server_name, std::string_view tool,
                                            const decision::Principal& principal) const {
  const UpstreamConfig* server = server_named(server_name);
  if (server == nullptr || (server->scopes.empty() && server->tool_scopes.empty())) {
    return {};
  }
  std::vector<std::string> needed = scopes_;
  append(needed, server->scopes);
  for (const auto& [pattern, scopes] : server->tool_scopes) {
    if (!tool.empty() && matches(pattern, tool)) {
      append(needed, split_words(scopes));
    }
  }
  // The challenge names all scopes of the operation: a client that asked for the missing ones alone would
  // lose those it has.
  return lacking(needed, principal).empty() ? std::vector<std::string>() : needed;
}

std::string Resources::challenge(std::string_view path, std::string_view error, std::string_view description,
                                 std::span<const std::string> scopes) const {
  std::string out;
  if (!error.empty()) {
    append_quoted(out, "error", error);
    append_quoted(out, "error_description", description);
  }
  if (oauth() && is_mcp(mcp_path(path))) {
    const UpstreamConfig* server = server_at(path);
    append_quoted(out, "resource_metadata",
                  public_url_ + std::string(kResourceMetadataPath) +
                      std::string(path.substr(0, path.find('/', 1))) +
                      (server != nullptr ? "/" + server->name : ""));
  }
  if (!scopes.empty()) {
    append_quoted(out, "scope", join(scopes));
  }
  return out.empty() ? "Bearer" : "Bearer " + out;
}

std::optional<std::string> Resources::metadata(std::string_view path) const {
  if (!oauth() || !path.starts_with(kResourceMetadataPath)) {
    return std::nullopt;
  }
  std::string_view endpoint = path.substr(kResourceMetadataPath.size());
  if (endpoint.empty()) {
    endpoint = kMcp;  // clients that know no path ask here
  }
  if (mcp_path(endpoint) != kMcp && server_at(endpoint) == nullptr) {
    return std::nullopt;
  }
  // Clients compare it with the address they were given.
  Json out = {{"resource", public_url_ + std::string(endpoint)},
              {"authorization_servers", issuers_},
              {"bearer_methods_supported", {"header"}},
              {"resource_name", "Catalyst"}};
  if (const std::vector<std::string> all = scopes(endpoint); !all.empty()) {
    out["scopes_supported"] = all;
  }
  return out.dump();
}

}  // namespace catalyst::server
