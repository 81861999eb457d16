#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config/keys.h"

namespace catalyst::server {

using TextMap = std::vector<std::pair<std::string, std::string>>;

/// One upstream server: either `command` (stdio) or `url` (Streamable HTTP) is set.
struct UpstreamConfig {
  std::string name;
  std::string command;
  std::vector<std::string> args;
  TextMap env;
  std::string cwd;  // absolute, or empty: ours
  std::string url;
  TextMap headers;
  int64_t timeout_ms = 60'000;
};

/// What a principal is made of; see decision::Principal for the meaning of the fields.
struct PrincipalConfig {
  std::string id;
  std::string tenant;
  std::vector<std::string> roles;
  bool mfa = false;
  int64_t risk = 0;
  std::string claims = "{}";  // JSON object text
};

struct TokenConfig {
  std::string sha256;  // 64 lower-case hexadecimal digits
  PrincipalConfig principal;
};

struct AuthConfig {
  bool allow_anonymous = true;
  PrincipalConfig anonymous;
  std::vector<TokenConfig> tokens;
  std::string admin_role;
};

struct LimitsConfig {
  size_t body_bytes = 0;
  size_t header_bytes = 0;
  size_t connections = 0;
  uint32_t json_depth = 0;
  size_t sessions = 0;
  int64_t session_idle_ms = 0;
  int64_t header_timeout_ms = 0;
  int64_t idle_timeout_ms = 0;
  uint32_t fuel_per_rule = 0;
  uint32_t decision_batch = 0;
  size_t evaluation_bytes = 0;
};

struct LogConfig {
  std::string level;
  std::string format;
};

/// Everything `catalyst run` needs. All defaults come from key.def; paths are absolute or relative to the
/// working directory.
struct Config {
  HostPort listen;
  bool insecure_no_auth = false;
  uint32_t threads = 0;
  std::vector<std::string> policy;
  std::string separator;
  std::vector<std::string> allowed_hosts;
  std::vector<std::string> allowed_origins;
  int64_t drain_ms = 0;
  std::vector<UpstreamConfig> servers;
  AuthConfig auth;
  LimitsConfig limits;
  LogConfig log;
  std::string audit_file;
  bool watch = true;
  int64_t debounce_ms = 0;
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

/// True for 127.0.0.0/8, ::1 and localhost.
bool is_loopback_host(std::string_view host);

}  // namespace catalyst::server
