#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/decision/request.h"
#include "server/config/config.h"

namespace catalyst::server {

/// The endpoints as OAuth protected resources (RFC 9728): their names, their metadata, the scopes they need,
/// and the challenges that tell clients so (RFC 6750 section 3). Immutable; any thread.
class Resources {
 public:
  /// `public_url` has no final slash.
  Resources(const Config& config, std::string public_url);

  /// The resource that a request to `path` is for: "https://host/mcp", "https://host/mcp/NAME"; for other
  /// paths the origin itself.
  [[nodiscard]] std::string resource_of(std::string_view path) const;
  /// Whether a token for `audience` is one for `resource`: the same, or the federation or origin that it is
  /// part of.
  [[nodiscard]] bool covers(std::string_view audience, std::string_view resource) const;

  /// Scopes that `path` needs, and `principal` lacks; empty: it may go on.
  [[nodiscard]] std::vector<std::string> missing(std::string_view path,
                                                 const decision::Principal& principal) const;
  /// The same for one tool (or "" for anything else) of a server.
  [[nodiscard]] std::vector<std::string> missing(std::string_view server, std::string_view tool,
                                                 const decision::Principal& principal) const;
  /// All scopes that every request to `path` needs.
  [[nodiscard]] std::vector<std::string> needed(std::string_view path) const;
  /// All scopes that a client may be asked for at `path`, in the order of the configuration.
  [[nodiscard]] std::vector<std::string> scopes(std::string_view path) const;

  /// The text of WWW-Authenticate. `error` "": no credentials were sent (RFC 6750 section 3.1). `scopes` are
  /// those to ask for; for insufficient_scope those that are needed.
  [[nodiscard]] std::string challenge(std::string_view path, std::string_view error,
                                      std::string_view description,
                                      std::span<const std::string> scopes) const;
  /// The metadata document for a path below /.well-known/oauth-protected-resource; nullopt when there is
  /// none.
  [[nodiscard]] std::optional<std::string> metadata(std::string_view path) const;

 private:
  [[nodiscard]] const UpstreamConfig* server_at(std::string_view path) const;
  [[nodiscard]] const UpstreamConfig* server_named(std::string_view name) const;
  [[nodiscard]] bool oauth() const { return !issuers_.empty(); }

  std::string public_url_;
  std::vector<std::string> issuers_;
  std::vector<std::string> scopes_;
  std::vector<UpstreamConfig> servers_;
  bool needs_scopes_ = false;  // for any path
};

inline constexpr std::string_view kResourceMetadataPath = "/.well-known/oauth-protected-resource";

/// `scopes` and all that they imply, each once.
std::vector<std::string> with_implied(std::vector<std::string> scopes, const TextMap& implies);

}  // namespace catalyst::server
