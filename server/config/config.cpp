#include "server/config/config.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/config/read_auth.h"
#include "server/config/read_group.h"
#include "server/config/read_routing.h"
#include "server/config/reader.h"

namespace catalyst::server {
namespace {

namespace fs = std::filesystem;

constexpr size_t kServersMax = 256;
constexpr size_t kSecretMin = 32;
constexpr size_t kServerNameMax = 64;

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
    if (!is_loopback_host(config.listen.host) && !config.auth.configured() && !config.insecure_no_auth) {
      problems_.push_back(
          {main_path_.empty() ? "--listen" : main_path_, 0, 0,
           "listening on " + config.listen.host + " would serve the network without any authentication",
           "add auth.tokens or auth.issuers, listen on 127.0.0.1, or say `insecure_no_auth: true`"});
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
    config.secrets = read.texts("secrets");
    for (const std::string& secret : config.secrets) {
      if (secret.size() < kSecretMin) {
        const Tree* at = read.find("secrets");
        report(source.path, at != nullptr ? *at : root, "a secret must have at least 32 characters",
               "make one: openssl rand -hex 32");
        break;
      }
    }
    config.allowed_hosts = read.texts("allowed_hosts");
    config.allowed_origins = read.texts("allowed_origins");
    config.drain_ms = read.duration("drain");
    config.http_sse = read.flag("http_sse");
    config.websocket = read.flag("websocket");
    config.compress_from = static_cast<size_t>(read.bytes("compress_from"));
    config.limits = read_limits(read);
    read_group(source.path, folder.string(), read, config, problems_);
    config.log = {read.text("log.level"), read.text("log.format")};
    if (const std::string file = read.text("audit.file"); !file.empty()) {
      config.audit_file = (folder / file).lexically_normal().string();
    }
    if (const std::string file = read.text("catalogue.lock"); !file.empty()) {
      config.lock_file = (folder / file).lexically_normal().string();
    }
    config.watch = read.flag("reload.watch");
    config.debounce_ms = read.duration("reload.debounce");
    read_storing(source, root, read, folder, config);
    AuthReader auth(source.path, folder.string(), problems_);
    config.auth = auth.auth(read);
    config.tls = auth.tls(read);
    read_public_url(source.path, read, config);
    if (const Tree* servers = read.find("servers")) {
      read_servers(source.path, *servers, folder, config);
    }
  }

  void read_storing(const ConfigText& source, const Tree& root, const Reader& read, const fs::path& folder,
                    Config& config) {
    if (const std::string file = read.text("store.file"); !file.empty()) {
      config.store.file = (folder / file).lexically_normal().string();
    }
    config.store.max_bytes = static_cast<uint64_t>(read.bytes("store.max_size"));
    for (const std::string& key : read.texts("packs.trusted_keys")) {
      config.packs.trusted_keys.push_back((folder / key).lexically_normal().string());
    }
    config.packs.required_signatures = static_cast<size_t>(read.count("packs.required_signatures"));
    config.packs.max_bytes = static_cast<size_t>(read.bytes("packs.max_size"));
    read_native(read, folder, config);
    config.record.decisions = read.flag("record.decisions");
    config.record.max_age_ms = read.duration("record.max_age");
    config.record.max_bytes = static_cast<uint64_t>(read.bytes("record.max_size"));
    config.record.mask = read.texts("record.mask");
    if (config.record.decisions && config.store.file.empty()) {
      report(source.path, root, "`record.decisions` needs a store", "set `store.file`");
    }
    if (!config.packs.trusted_keys.empty() &&
        config.packs.trusted_keys.size() < config.packs.required_signatures) {
      report(source.path, root, "more signatures are required than keys are trusted",
             "list more keys in `packs.trusted_keys`");
    }
  }

  static void read_native(const Reader& read, const fs::path& folder, Config& config) {
    config.native.from_packs = read.flag("native.from_packs");
    config.native.compile_ms = read.duration("native.compile_time");
    config.native.compile_bytes = static_cast<uint64_t>(read.bytes("native.compile_memory"));
    config.native.cache_bytes = static_cast<uint64_t>(read.bytes("native.cache_size"));
    if (config.native.cache_bytes == 0) {
      return;
    }
    if (const std::string cache = read.text("native.cache"); !cache.empty()) {
      config.native.cache = (folder / cache).lexically_normal().string();
    } else if (!config.store.file.empty()) {
      config.native.cache = (fs::path(config.store.file).parent_path() / "native").string();
    }
  }

  void read_public_url(const std::string& file, const Reader& read, Config& config) {
    config.public_url = read.text("public_url");
    while (!config.public_url.empty() && config.public_url.back() == '/') {
      config.public_url.pop_back();
    }
    const std::string& url = config.public_url;
    if (!url.empty() && ((url.rfind("http://", 0) != 0 && url.rfind("https://", 0) != 0) ||
                         url.find_first_of("?# \"\\") != std::string::npos)) {
      report(file, *read.find("public_url"),
             "`public_url` must be an http:// or https:// address without query",
             "such as https://mcp.example");
    }
  }

  static LimitsConfig read_limits(const Reader& read) {
    LimitsConfig out;
    out.body_bytes = static_cast<size_t>(read.bytes("limits.body"));
    out.header_bytes = static_cast<size_t>(read.bytes("limits.headers"));
    out.connections = static_cast<size_t>(read.count("limits.connections"));
    out.header_fields = static_cast<size_t>(read.count("limits.header_fields"));
    out.json_depth = static_cast<uint32_t>(read.count("limits.json_depth"));
    out.sessions = static_cast<size_t>(read.count("limits.sessions"));
    out.cache_bytes = static_cast<size_t>(read.bytes("limits.cache"));
    out.replicas = static_cast<size_t>(read.count("limits.replicas"));
    out.rate_buckets = static_cast<size_t>(read.count("limits.rate_buckets"));
    out.windows = static_cast<size_t>(read.count("limits.windows"));
    out.event_depth = static_cast<uint32_t>(read.count("limits.event_depth"));
    out.labelled = static_cast<size_t>(read.count("limits.labelled"));
    out.label_idle_ms = read.duration("limits.label_idle");
    out.session_idle_ms = read.duration("limits.session_idle");
    out.session_max_ms = read.duration("limits.session_max");
    out.channels = static_cast<size_t>(read.count("limits.channels"));
    out.channel_idle_ms = read.duration("limits.channel_idle");
    out.channel_queue_bytes = static_cast<size_t>(read.bytes("limits.channel_queue"));
    out.admission_check_ms = read.duration("limits.admission_check");
    out.session_calls = static_cast<size_t>(read.count("limits.session_calls"));
    out.subscriptions = static_cast<size_t>(read.count("limits.subscriptions"));
    out.listeners = static_cast<size_t>(read.count("limits.listeners"));
    out.open_questions = static_cast<size_t>(read.count("limits.open_questions"));
    out.tasks = static_cast<size_t>(read.count("limits.tasks"));
    out.held_bytes = static_cast<size_t>(read.bytes("limits.held_answers"));
    out.answer_timeout_ms = read.duration("limits.answer_timeout");
    out.header_timeout_ms = read.duration("limits.header_timeout");
    out.body_timeout_ms = read.duration("limits.body_timeout");
    out.write_timeout_ms = read.duration("limits.write_timeout");
    out.idle_timeout_ms = read.duration("limits.idle_timeout");
    out.token_bytes = static_cast<size_t>(read.bytes("limits.token"));
    out.principals = static_cast<size_t>(read.count("limits.principals"));
    out.fuel_per_rule = static_cast<uint32_t>(read.count("limits.fuel_per_rule"));
    out.decision_batch = static_cast<uint32_t>(read.count("limits.decision_batch"));
    out.policy_ms = read.duration("limits.policy_time");
    out.policy_bytes = static_cast<uint64_t>(read.bytes("limits.policy_memory"));
    out.evaluation_bytes = static_cast<size_t>(read.bytes("limits.evaluation_memory"));
    return out;
  }

  void read_servers(const std::string& file, const Tree& map, const fs::path& folder, Config& config) {
    for (const Tree::Member& member : map.members) {
      if (member.value.kind != Tree::Kind::Map) {
        report(file, member.value, "server `" + member.key + "` must be a map", "give `command` or `url`");
        continue;
      }
      read_server(file, member, folder, config);
    }
    check_references(file, map, config.servers, problems_);
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
    const std::string type = read.text("type");
    server.transport = type == "streamable-http" ? "http" : type == "sse" || type == "http" ? type : "";
    server.headers = read.pairs("headers");
    const auto path = [&](std::string_view key) {
      const std::string name = read.text(key);
      return name.empty() ? name : (folder / name).lexically_normal().string();
    };
    server.openapi = read.text("openapi");
    if (!server.openapi.empty() && server.openapi.rfind("http", 0) != 0) {
      server.openapi = path("openapi");
    }
    server.query = read.pairs("query");
    read_upstream_auth(file, member, read, folder, server);
    server.ca_file = path("ca");
    server.certificate_file = path("client_certificate");
    server.key_file = path("client_key");
    if (server.certificate_file.empty() != server.key_file.empty()) {
      report(file, member.value, "`client_certificate` and `client_key` go together", "name both files");
    }
    server.timeout_ms = read.duration("timeout");
    server.shared = read.flag("shared");
    server.processes = static_cast<size_t>(read.count("processes"));
    server.message_bytes = static_cast<size_t>(read.bytes("max_message"));
    server.openapi_bytes = static_cast<size_t>(read.bytes("openapi_size"));
    server.openapi_operations = static_cast<size_t>(read.count("openapi_operations"));
    server.validate_arguments = read.flag("validate_arguments");
    server.scopes = read.texts("scopes");
    server.tool_scopes = read.pairs("tool_scopes");
    server.routing = read_routing(file, member, problems_);
    server.routing.route.timeout_ms = static_cast<uint32_t>(server.timeout_ms);
    check_transport(file, member, read, server);
    config.servers.push_back(std::move(server));
  }

  void read_upstream_auth(const std::string& file, const Tree::Member& member, const Reader& read,
                          const fs::path& folder, UpstreamConfig& server) {
    const auto path = [&](std::string_view key) {
      const std::string name = read.text(key);
      return name.empty() ? name : (folder / name).lexically_normal().string();
    };
    UpstreamAuthConfig& auth = server.auth;
    auth.token = read.text("auth.token");
    auth.token_file = path("auth.token_file");
    auth.principals = read.pairs("auth.principals");
    auth.token_url = read.text("auth.token_url");
    auth.exchange = read.flag("auth.exchange");
    auth.client_id = read.text("auth.client_id");
    auth.client_secret = read.text("auth.client_secret");
    auth.client_secret_file = path("auth.client_secret_file");
    auth.scope = read.text("auth.scope");
    auth.resource = read.text("auth.resource");
    auth.audience = read.text("auth.audience");
    auth.ca_file = path("auth.ca");
    if (auth.resource.empty() && auth.audience.empty()) {
      auth.resource = server.url;
    }
    const int own =
        (auth.token.empty() ? 0 : 1) + (auth.token_file.empty() ? 0 : 1) + (auth.token_url.empty() ? 0 : 1);
    if (own > 1) {
      report(file, member.value, "`auth` of `" + member.key + "` names several tokens",
             "keep one of `token`, `token_file` and `token_url`");
    }
    if ((auth.exchange || !auth.client_id.empty()) && auth.token_url.empty()) {
      report(file, member.value, "`auth` of `" + member.key + "` lacks `token_url`",
             "name the token endpoint");
    }
    if (auth.configured() && server.url.empty() && server.openapi.empty() &&
        read.find("replicas") == nullptr) {
      report(file, member.value, "`auth` is for servers with `url`",
             "give a program its secrets through `env`");
    }
    if (!auth.token_url.empty() && !is_safe_address(auth.token_url)) {
      report(file, *read.find("auth.token_url"),
             "secrets would be sent to `" + auth.token_url + "` without TLS", "give an https:// address");
    }
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
    if (!server.openapi.empty()) {
      if (!server.command.empty() || (!type.empty() && type != "openapi")) {
        report(file, member.value, "`openapi` of `" + member.key + "` does not fit its other keys",
               "leave `command` and `type` out");
      }
    } else if (type == "openapi") {
      report(file, *read.find("type"), "`type: openapi` needs `openapi`", "name the document");
    } else if (!server.routing.replicas.empty()) {
      if (!server.command.empty() || !server.url.empty()) {
        report(file, member.value, "server `" + member.key + "` has `replicas` beside `command` or `url`",
               "name it as one of the replicas");
      }
    } else if (server.command.empty() == server.url.empty()) {
      report(file, member.value, "server `" + member.key + "` needs either `command` or `url`",
             "for a server that runs in several places, list them under `replicas`");
    } else if ((type == "stdio" && server.command.empty()) ||
               (!type.empty() && type != "stdio" && server.url.empty())) {
      report(file, *read.find("type"),
             "`type: " + type + "` does not fit the other keys of `" + member.key + "`", "leave `type` out");
    } else if (type == "sse" && server.auth.per_principal()) {
      report(file, *read.find("type"), "over HTTP+SSE every request goes with the same credentials",
             "leave `auth.principals` and `auth.exchange` out, or use the server's Streamable HTTP endpoint");
    }
    if (server.routing.resolve_ms > 0 && server.url.empty()) {
      report(file, *read.find("resolve"), "`resolve` looks up the name in `url`, which is missing",
             "add `url`");
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
