#include "server/config/config.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "runtime/base/check.h"
#include "server/config/digest.h"

namespace catalyst::server {
namespace {

namespace fs = std::filesystem;

constexpr size_t kServersMax = 256;
constexpr size_t kServerNameMax = 64;
constexpr size_t kTokensMax = 10'000;

std::string_view fallback_of(std::string_view table_path) {
  for (const KeyInfo& key : key_table()) {
    if (key.path == table_path) {
      return key.fallback;
    }
  }
  CHECK(false, "a key that is read must stand in key.def");
}

/// Reads validated values below one map; a key that is absent or null gives the table's default.
class Reader {
 public:
  /// `prefix` is where `tree` stands in the table: "" or "servers.*." or "auth.tokens[].".
  Reader(const Tree* tree, std::string prefix) : tree_(tree), prefix_(std::move(prefix)) {}

  [[nodiscard]] const Tree* find(std::string_view path) const {
    const Tree* at = tree_;
    while (at != nullptr) {
      const size_t dot = path.find('.');
      at = at->find(path.substr(0, dot));
      if (dot == std::string_view::npos) {
        return at != nullptr && at->kind != Tree::Kind::Null ? at : nullptr;
      }
      path.remove_prefix(dot + 1);
    }
    return nullptr;
  }

  [[nodiscard]] std::string text(std::string_view path) const {
    const Tree* at = find(path);
    return at != nullptr && at->kind == Tree::Kind::Scalar
               ? at->text
               : std::string(fallback_of(prefix_ + std::string(path)));
  }
  [[nodiscard]] bool flag(std::string_view path) const { return text(path) == "true"; }
  [[nodiscard]] int64_t count(std::string_view path) const { return number(path, parse_count); }
  [[nodiscard]] int64_t bytes(std::string_view path) const { return number(path, parse_bytes); }
  [[nodiscard]] int64_t duration(std::string_view path) const { return number(path, parse_duration_ms); }

  [[nodiscard]] std::vector<std::string> texts(std::string_view path) const {
    std::vector<std::string> out;
    if (const Tree* at = find(path)) {
      if (at->kind == Tree::Kind::Scalar) {
        out.push_back(at->text);
      }
      for (const Tree& item : at->items) {
        out.push_back(item.text);
      }
    }
    return out;
  }
  [[nodiscard]] TextMap pairs(std::string_view path) const {
    TextMap out;
    if (const Tree* at = find(path)) {
      for (const Tree::Member& member : at->members) {
        out.emplace_back(member.key, member.value.text);
      }
    }
    return out;
  }

 private:
  static Result<int64_t> parse_count(std::string_view text) {
    return std::strtoll(std::string(text).c_str(), nullptr, 10);
  }

  /// What does not parse was reported by the validator; the default keeps the rest of the check going.
  [[nodiscard]] int64_t number(std::string_view path, Result<int64_t> (*parse)(std::string_view)) const {
    const Result<int64_t> value = parse(text(path));
    return value.has_value() ? *value : *parse(fallback_of(prefix_ + std::string(path)));
  }

  const Tree* tree_;
  std::string prefix_;
};

class Loader {
 public:
  explicit Loader(std::vector<Problem>& problems) : problems_(problems) {}

  void main(const ConfigText& source, Config& config) {
    Tree root = parse_tree(source.path, source.text, {}, problems_);
    rename_alias(source.path, root);
    validate(source.path, root, problems_);
    read_main(source, root, config);
  }

  void client_servers(const ConfigText& source, Config& config) {
    const Tree root = parse_tree(source.path, source.text, {}, problems_);
    const Tree* map = root.find("mcpServers");
    map = map != nullptr ? map : root.find("servers");
    if (map == nullptr || map->kind != Tree::Kind::Map) {
      problems_.push_back(
          {source.path, root.line, root.column, "no `mcpServers` map",
           R"(the file must look like {"mcpServers": {"name": {"command": "program", "args": []}}})"});
      return;
    }
    read_servers(source.path, *map, "", config);
  }

  void finish(Config& config, const std::string& listen_override) {
    if (!listen_override.empty()) {
      const Result<HostPort> address = parse_address(listen_override);
      if (address.has_error()) {
        problems_.push_back({"--listen", 0, 0, address.error().message(), ""});
      } else {
        config.listen = *address;
      }
    }
    if (!is_loopback_host(config.listen.host) && config.auth.tokens.empty() && !config.insecure_no_auth) {
      problems_.push_back(
          {main_path_.empty() ? "--listen" : main_path_, 0, 0,
           "listening on " + config.listen.host + " would serve the network without any authentication",
           "add auth.tokens, listen on 127.0.0.1, or say `insecure_no_auth: true`"});
    }
  }

 private:
  void report(const std::string& file, const Tree& at, std::string message, std::string remedy) {
    problems_.push_back({file, at.line, at.column, std::move(message), std::move(remedy)});
  }

  void rename_alias(const std::string& file, Tree& root) {
    for (Tree::Member& member : root.members) {
      if (member.key == "mcpServers") {
        if (root.find("servers") != nullptr) {
          report(file, member.value, "`servers` and `mcpServers` are the same key", "keep one of them");
        }
        member.key = "servers";
      }
    }
  }

  void read_main(const ConfigText& source, const Tree& root, Config& config) {
    main_path_ = source.path;
    const Reader read(&root, "");
    const fs::path folder = source.path.empty() ? fs::path() : fs::absolute(source.path).parent_path();
    if (const Result<HostPort> address = parse_address(read.text("listen")); address.has_value()) {
      config.listen = *address;
    }
    config.insecure_no_auth = read.flag("insecure_no_auth");
    config.threads = static_cast<uint32_t>(read.count("threads"));
    for (const std::string& file : read.texts("policy")) {
      config.policy.push_back((folder / file).lexically_normal().string());
    }
    config.separator = read.text("separator");
    if (config.separator.empty() || config.separator.size() > 8) {
      const Tree* at = read.find("separator");
      report(source.path, at != nullptr ? *at : root, "`separator` must have 1 to 8 characters",
             "the default is `__`");
    }
    config.allowed_hosts = read.texts("allowed_hosts");
    config.allowed_origins = read.texts("allowed_origins");
    config.drain_ms = read.duration("drain");
    config.limits = read_limits(read);
    config.log = {read.text("log.level"), read.text("log.format")};
    if (const std::string file = read.text("audit.file"); !file.empty()) {
      config.audit_file = (folder / file).lexically_normal().string();
    }
    config.watch = read.flag("reload.watch");
    config.debounce_ms = read.duration("reload.debounce");
    read_auth(source.path, read, config.auth);
    if (const Tree* servers = read.find("servers")) {
      read_servers(source.path, *servers, folder, config);
    }
  }

  static LimitsConfig read_limits(const Reader& read) {
    LimitsConfig out;
    out.body_bytes = static_cast<size_t>(read.bytes("limits.body"));
    out.header_bytes = static_cast<size_t>(read.bytes("limits.headers"));
    out.connections = static_cast<size_t>(read.count("limits.connections"));
    out.json_depth = static_cast<uint32_t>(read.count("limits.json_depth"));
    out.sessions = static_cast<size_t>(read.count("limits.sessions"));
    out.session_idle_ms = read.duration("limits.session_idle");
    out.header_timeout_ms = read.duration("limits.header_timeout");
    out.idle_timeout_ms = read.duration("limits.idle_timeout");
    out.fuel_per_rule = static_cast<uint32_t>(read.count("limits.fuel_per_rule"));
    out.decision_batch = static_cast<uint32_t>(read.count("limits.decision_batch"));
    out.evaluation_bytes = static_cast<size_t>(read.bytes("limits.evaluation_memory"));
    return out;
  }

  void read_auth(const std::string& file, const Reader& read, AuthConfig& auth) {
    auth.admin_role = read.text("auth.admin_role");
    auth.anonymous.id = read.text("auth.anonymous.id");
    auth.anonymous.tenant = read.text("auth.anonymous.tenant");
    auth.anonymous.roles = read.texts("auth.anonymous.roles");
    const Tree* tokens = read.find("auth.tokens");
    std::set<std::string> digests;
    for (size_t i = 0; tokens != nullptr && i < tokens->items.size() && i < kTokensMax; ++i) {
      read_token(file, tokens->items[i], digests, auth);
    }
    if (tokens != nullptr && tokens->items.size() > kTokensMax) {
      report(file, *tokens, "more than " + std::to_string(kTokensMax) + " tokens", "");
    }
    auth.allow_anonymous = read.find("auth.anonymous.allow") != nullptr ? read.flag("auth.anonymous.allow")
                                                                        : auth.tokens.empty();
  }

  void read_token(const std::string& file, const Tree& tree, std::set<std::string>& digests,
                  AuthConfig& auth) {
    const Reader read(&tree, "auth.tokens[].");
    const std::string clear = read.text("token");
    TokenConfig token;
    token.sha256 = read.text("sha256");
    std::transform(token.sha256.begin(), token.sha256.end(), token.sha256.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (clear.empty() == token.sha256.empty()) {
      report(file, tree, "a token needs either `token` or `sha256`", "sha256: printf %s TOKEN | sha256sum");
      return;
    }
    if (!clear.empty() && clear.size() < 16) {
      report(file, *read.find("token"), "a token must have at least 16 characters",
             "make one: openssl rand -hex 32");
    }
    if (!clear.empty()) {
      token.sha256 = hex_digest(sha256(clear));
    } else if (token.sha256.size() != 64 ||
               token.sha256.find_first_not_of("0123456789abcdef") != std::string::npos) {
      report(file, *read.find("sha256"), "`sha256` must be 64 hexadecimal digits",
             "printf %s TOKEN | sha256sum");
    }
    if (!digests.insert(token.sha256).second) {
      report(file, tree, "this token appears twice", "give every principal a token of its own");
    }
    token.principal.id = read.text("id");
    token.principal.tenant = read.text("tenant");
    token.principal.roles = read.texts("roles");
    token.principal.mfa = read.flag("mfa");
    token.principal.risk = read.count("risk");
    if (const Tree* claims = read.find("claims")) {
      token.principal.claims = tree_to_json(*claims);
    }
    auth.tokens.push_back(std::move(token));
  }

  void read_servers(const std::string& file, const Tree& map, const fs::path& folder, Config& config) {
    for (const Tree::Member& member : map.members) {
      if (member.value.kind != Tree::Kind::Map) {
        report(file, member.value, "server `" + member.key + "` must be a map", "give `command` or `url`");
        continue;
      }
      read_server(file, member, folder, config);
    }
    if (config.servers.size() > kServersMax) {
      report(file, map, "more than " + std::to_string(kServersMax) + " servers", "");
    }
  }

  void read_server(const std::string& file, const Tree::Member& member, const fs::path& folder,
                   Config& config) {
    const Reader read(&member.value, "servers.*.");
    if (read.flag("disabled")) {
      return;
    }
    UpstreamConfig server;
    server.name = member.key;
    check_server_name(file, member, config);
    server.command = read.text("command");
    server.args = read.texts("args");
    server.env = read.pairs("env");
    server.cwd = read.text("cwd");
    if (!folder.empty()) {
      server.cwd = (folder / server.cwd).lexically_normal().string();
    }
    server.url = read.text("url");
    server.headers = read.pairs("headers");
    server.timeout_ms = read.duration("timeout");
    check_transport(file, member, read, server);
    config.servers.push_back(std::move(server));
  }

  void check_server_name(const std::string& file, const Tree::Member& member, const Config& config) {
    const bool plain = std::all_of(member.key.begin(), member.key.end(), [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
    });
    if (!plain || member.key.empty() || member.key.size() > kServerNameMax) {
      problems_.push_back({file, member.line, member.column, "`" + member.key + "` cannot be a server's name",
                           "use 1 to 64 letters, digits, `_`, `-` and `.`"});
    }
    if (!config.separator.empty() && member.key.find(config.separator) != std::string::npos) {
      problems_.push_back({file, member.line, member.column,
                           "the name `" + member.key + "` holds the separator `" + config.separator + "`",
                           "rename the server or choose another `separator`"});
    }
    for (const UpstreamConfig& other : config.servers) {
      if (other.name == member.key) {
        problems_.push_back(
            {file, member.line, member.column, "a second server named `" + member.key + "`", "rename one"});
      }
    }
  }

  void check_transport(const std::string& file, const Tree::Member& member, const Reader& read,
                       const UpstreamConfig& server) {
    const std::string type = read.text("type");
    if (server.command.empty() == server.url.empty()) {
      report(file, member.value, "server `" + member.key + "` needs either `command` or `url`", "");
    } else if ((type == "stdio" && server.command.empty()) ||
               (!type.empty() && type != "stdio" && server.url.empty())) {
      report(file, *read.find("type"),
             "`type: " + type + "` does not fit the other keys of `" + member.key + "`", "leave `type` out");
    } else if (type == "sse") {
      report(file, *read.find("type"), "the HTTP+SSE transport of 2024 is not supported",
             "use the server's Streamable HTTP endpoint");
    }
    if (!server.url.empty() && server.url.rfind("http://", 0) != 0 && server.url.rfind("https://", 0) != 0) {
      report(file, *read.find("url"), "`url` must start with http:// or https://", "");
    }
  }

  std::vector<Problem>& problems_;
  std::string main_path_;
};

bool read_text(const std::string& path, std::optional<ConfigText>& out, std::vector<Problem>& problems) {
  if (path.empty()) {
    return true;
  }
  std::error_code failure;
  const bool regular = fs::is_regular_file(path, failure);
  std::ifstream in(path, std::ios::binary);
  if (!in || !regular) {
    problems.push_back(
        {path, 0, 0, "cannot read this file", "check the path; it is relative to the working directory"});
    return false;
  }
  std::ostringstream text;
  text << in.rdbuf();
  out = ConfigText{path, text.str()};
  return true;
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  return host == "localhost" || host == "::1" || host.substr(0, 4) == "127.";
}

LoadedConfig load_config(const std::optional<ConfigText>& main, const std::optional<ConfigText>& servers,
                         const ConfigOverrides& overrides) {
  LoadedConfig out;
  Loader loader(out.problems);
  // Without a file the defaults of the table apply, read from an empty one.
  loader.main(main.value_or(ConfigText{"", ""}), out.config);
  if (servers) {
    loader.client_servers(*servers, out.config);
  }
  if (!overrides.policy.empty()) {
    out.config.policy = overrides.policy;
  }
  loader.finish(out.config, overrides.listen);
  return out;
}

LoadedConfig load_config_files(const std::string& main_path, const std::string& servers_path,
                               const ConfigOverrides& overrides) {
  std::optional<ConfigText> main;
  std::optional<ConfigText> servers;
  LoadedConfig failed;
  const bool main_read = read_text(main_path, main, failed.problems);
  const bool servers_read = read_text(servers_path, servers, failed.problems);
  if (!main_read || !servers_read) {
    return failed;
  }
  return load_config(main, servers, overrides);
}

}  // namespace catalyst::server
