#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/abi/route.h"
#include "runtime/redis/address.h"
#include "server/config/keys.h"

namespace catalyst::server {

using TextMap = std::vector<std::pair<std::string, std::string>>;

/// The tokens that we show to a server.
struct UpstreamAuthConfig {
  std::string token;
  std::string token_file;
  TextMap principals;  // principal.id to token
  std::string token_url;
  bool exchange = false;
  std::string client_id;
  std::string client_secret;
  std::string client_secret_file;
  std::string scope;
  std::string resource;
  std::string audience;
  std::string ca_file;

  [[nodiscard]] bool configured() const {
    return !token.empty() || !token_file.empty() || !principals.empty() || !token_url.empty();
  }
  /// Requests of different principals bring different credentials.
  [[nodiscard]] bool per_principal() const { return exchange || !principals.empty(); }
};

struct ReplicaConfig {
  std::string name;
  std::string url;     // or
  std::string server;  // another server of the configuration
  uint32_t weight = 1;
};

/// How calls of a server are spread over its replicas, and what is done about failures.
struct RoutingConfig {
  bool federate = true;
  bool used = false;  // any key of routing is set: calls go along a route
  std::vector<ReplicaConfig> replicas;
  int64_t resolve_ms = 0;
  abi::Route route;  // but for its targets
  bool hash_arguments = false;
  uint32_t budget_percent = 0;
  int64_t check_interval_ms = 0;
  int64_t check_timeout_ms = 0;
  uint32_t failing_after = 0;
  uint32_t passing_after = 0;
  uint32_t outlier_failures = 0;
  int64_t eject_ms = 0;
  uint32_t eject_max_percent = 0;
  uint32_t max_in_flight = 0;
  uint32_t queue = 0;
};

/// One upstream server: `command` (stdio), `url` (Streamable HTTP or HTTP+SSE), `openapi` with or without
/// `url`, or `routing.replicas` is set.
struct UpstreamConfig {
  std::string name;
  std::string command;
  std::vector<std::string> args;
  TextMap env;
  std::string cwd;  // absolute, or empty: ours
  std::string url;
  std::string address;    // where to connect in place of where the url's name leads; "" for that
  std::string transport;  // of `url`: "http", "sse", or "" to find out
  TextMap headers;
  std::string openapi;  // address or file
  TextMap query;        // with openapi
  UpstreamAuthConfig auth;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  int64_t timeout_ms = 60'000;
  bool shared = false;
  size_t processes = 64;
  size_t message_bytes = size_t{64} * 1024 * 1024;
  size_t openapi_bytes = size_t{8} * 1024 * 1024;
  size_t openapi_operations = 1'000;
  bool validate_arguments = true;
  std::vector<std::string> scopes;
  TextMap tool_scopes;  // tool name, or prefix and "*", to scopes parted by blanks
  RoutingConfig routing;
};

/// What a principal is made of; see decision::Principal for the meaning of the fields.
struct PrincipalConfig {
  std::string id;
  std::string tenant;
  std::vector<std::string> roles;
  bool mfa = false;
  int64_t risk = 0;
  std::string claims = "{}";  // JSON object text
  std::vector<std::string> scopes = {};
};

struct TokenConfig {
  std::string sha256;  // 64 lower-case hexadecimal digits
  PrincipalConfig principal;
  int64_t expires_us = INT64_MAX;
};

/// An authorization server whose JWTs are accepted, and how its claims become a principal.
struct IssuerConfig {
  std::string issuer;
  std::string jwks;  // https:// or http:// address, absolute path, or "": by discovery
  std::string ca_file;
  std::vector<std::string> audiences;
  std::vector<std::string> algorithms;  // empty: all
  std::vector<std::string> types;       // empty: at+jwt, JWT, none
  int64_t refresh_ms = 0;
  int64_t stale_ms = 0;
  int64_t cooldown_ms = 0;
  std::string id_claim;
  std::string id_prefix;
  std::string tenant_claim;
  std::string roles_claim;
  std::string scope_claim;
  std::vector<std::string> roles;
};

/// Client certificates that are known, and whom they name.
struct CertificateConfig {
  std::string match;  // "DNS:...", "URI:...", "email:..." or a subject; a `*` at its end stands for anything
  PrincipalConfig principal;  // id "": what matched
};

struct AuthConfig {
  bool allow_anonymous = true;
  PrincipalConfig anonymous;
  std::vector<TokenConfig> tokens;
  std::string keys_file;
  std::string api_key_header;
  std::vector<IssuerConfig> issuers;
  std::vector<CertificateConfig> certificates;
  std::vector<std::string> scopes;
  TextMap scope_implies;
  int64_t leeway_ms = 30'000;
  std::string admin_role;
  std::string viewer_role;

  /// Whether anything but the anonymous principal can be told.
  [[nodiscard]] bool configured() const {
    return !tokens.empty() || !keys_file.empty() || !issuers.empty() || !certificates.empty();
  }
};

/// How clients are served over TLS; `certificate` "": not at all.
struct TlsConfig {
  std::string certificate;
  std::string key;
  std::string client_ca;
  bool client_required = false;
  bool allow_tls12 = false;
};

struct LimitsConfig {
  size_t body_bytes = 0;
  size_t header_bytes = 0;
  size_t connections = 0;
  size_t header_fields = 0;
  uint32_t json_depth = 0;
  size_t sessions = 0;
  size_t cache_bytes = 0;
  size_t replicas = 0;
  size_t rate_buckets = 0;
  size_t windows = 0;
  uint32_t event_depth = 0;
  size_t labelled = 0;
  int64_t label_idle_ms = 0;
  int64_t session_idle_ms = 0;
  int64_t session_max_ms = 0;
  size_t channels = 0;
  int64_t channel_idle_ms = 0;
  size_t channel_queue_bytes = 0;
  int64_t admission_check_ms = 0;
  size_t session_calls = 0;
  size_t subscriptions = 0;
  size_t listeners = 0;
  size_t open_questions = 0;
  size_t tasks = 0;
  size_t held_bytes = 0;
  int64_t answer_timeout_ms = 0;
  int64_t header_timeout_ms = 0;
  int64_t body_timeout_ms = 0;
  int64_t write_timeout_ms = 0;
  int64_t idle_timeout_ms = 0;
  size_t token_bytes = 0;
  size_t principals = 0;
  uint32_t fuel_per_rule = 0;
  uint32_t decision_batch = 0;
  size_t evaluation_bytes = 0;
  int64_t policy_ms = 0;      // of processor time
  uint64_t policy_bytes = 0;  // of memory
};

/// Results that engines share; no address: they do not.
struct RedisConfig {
  std::optional<redis::Address> address;
  std::string prefix;
  int64_t timeout_ms = 0;
  int64_t retry_ms = 0;
  size_t value_bytes = 0;
};

struct LogConfig {
  std::string level;
  std::string format;
};

/// What outlives the process.
struct StoreConfig {
  std::string file;  // empty: nothing does
  uint64_t max_bytes = 0;
};

/// Which packs are used.
struct PacksConfig {
  std::vector<std::string> trusted_keys;  // PEM files
  size_t required_signatures = 1;
  size_t max_bytes = 0;
};

/// Where native code is kept, and what making it may take.
struct NativeConfig {
  std::string cache;  // folder; empty: nowhere
  uint64_t cache_bytes = 0;
  bool from_packs = true;
  int64_t compile_ms = 0;
  uint64_t compile_bytes = 0;
};

struct RecordConfig {
  bool decisions = false;
  int64_t max_age_ms = 0;
  uint64_t max_bytes = 0;
  std::vector<std::string> mask;  // member names
};

/// Everything `catalyst run` needs. All defaults come from key.def; paths are absolute or relative to the
/// working directory.
struct Config {
  HostPort listen;
  bool insecure_no_auth = false;
  std::string public_url;  // without a final slash; "": made from `listen`
  uint32_t threads = 0;
  std::vector<std::string> policy;
  std::string separator;
  std::vector<std::string> secrets;
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> allowed_origins;
  int64_t drain_ms = 0;
  size_t compress_from = 0;  // bytes; 0: never
  std::string engine_url;    // where other engines reach this one; "": they do not
  std::string engine_ca;
  bool http_sse = true;
  bool websocket = true;
  std::vector<UpstreamConfig> servers;
  AuthConfig auth;
  TlsConfig tls;
  LimitsConfig limits;
  RedisConfig redis;
  LogConfig log;
  std::string audit_file;
  std::string lock_file;  // "": tools are not pinned
  bool watch = true;
  int64_t debounce_ms = 0;
  StoreConfig store;
  PacksConfig packs;
  NativeConfig native;
  RecordConfig record;
};

struct LoadedConfig {
  Config config;
  std::vector<Problem> problems;  // empty: the config may be used
  [[nodiscard]] bool ok() const { return problems.empty(); }
};

/// What the command line says on top of the files.
struct ConfigOverrides {
  std::string listen;               // empty: as configured
  std::vector<std::string> policy;  // empty: as configured
};

/// One text of configuration.
struct ConfigText {
  std::string path;  // as problems print it; its folder is where relative paths start
  std::string text;
};

/// Builds the configuration from the texts: `main` is a catalyst.yaml, `servers` a client's file with an
/// `mcpServers` (or `servers`) map, whose unknown keys are ignored because clients add their own. Either may
/// be absent.
LoadedConfig load_config(const std::optional<ConfigText>& main, const std::optional<ConfigText>& servers,
                         const ConfigOverrides& overrides = {});

/// The same, from files; an empty path means absent. Files that cannot be read are problems.
LoadedConfig load_config_files(const std::string& main_path, const std::string& servers_path,
                               const ConfigOverrides& overrides = {});

/// The tokens in the text of a keys file: a list, or a map with one under `tokens`. Clear tokens are
/// problems.
std::vector<TokenConfig> read_keys(const ConfigText& source, std::vector<Problem>& problems);

/// True for 127.0.0.0/8, ::1 and localhost.
bool is_loopback_host(std::string_view host);

}  // namespace catalyst::server
