#include "server/commands/service.h"

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <future>

#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/http_client.h"
#include "runtime/observe/audit.h"
#include "runtime/observe/log.h"
#include "runtime/observe/metrics.h"
#include "runtime/store/sqlite_store.h"
#include "runtime/store/store_thread.h"
#include "server/api/api.h"
#include "server/commands/access.h"
#include "server/commands/limits.h"
#include "server/commands/pack_files.h"
#include "server/gateway/decision_tap.h"
#include "server/gateway/file_watcher.h"
#include "server/gateway/pack_manager.h"
#include "server/gateway/recorder.h"
#include "server/gateway/routed.h"
#include "server/gateway/samples.h"
#include "server/gateway/shared_cache.h"
#include "server/gateway/stdio_front.h"
#include "server/gateway/upstreams.h"
#include "server/gateway/window_keeper.h"
#include "server/http/listener.h"
#include "server/version.h"

namespace catalyst::server {
namespace {

using observe::Level;

std::vector<std::string> names_of(const Config& config) {
  std::vector<std::string> out;
  for (const UpstreamConfig& server : config.servers) {
    out.push_back(server.name);
  }
  return out;
}

/// Members that are secrets by their name, and those of the configuration.
std::vector<std::string> masked_names(const std::vector<std::string>& more) {
  std::vector<std::string> out = {"authorization", "cookie",     "credential",   "credentials",
                                  "password",      "passwd",     "secret",       "token",
                                  "api_key",       "apikey",     "access_token", "refresh_token",
                                  "client_secret", "private_key"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

/// A wildcard address is no name that anyone sends.
bool is_wildcard(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

}  // namespace

struct Service::Impl {
  explicit Impl(Config c)
      : config(std::move(c)),
        access(config),
        metrics(kVersion, names_of(config)),
        cache(config.limits.cache_bytes) {}

  Config config;
  Access access;
  observe::Metrics metrics;
  std::unique_ptr<observe::AuditLog> audit;
  std::unique_ptr<store::StoreThread> store;
  std::unique_ptr<TrafficRecorder> traffic;
  std::unique_ptr<WindowKeeper> windows;
  ShadowReport shadow;
  std::unique_ptr<DecisionTap> tap;
  std::unique_ptr<Recorder> recorder;
  std::unique_ptr<PackManager> packs;
  std::unique_ptr<IoPool> pool;
  routing::ResultCache cache;
  std::unique_ptr<SharedCache> shared_cache;
  std::vector<std::shared_ptr<mcp::Upstream>> upstreams;
  std::unique_ptr<mcp::Endpoint> endpoint;
  std::unique_ptr<Api> api;
  std::unique_ptr<Listener> listener;
  std::optional<StdioClient> client;
  std::shared_ptr<StdioFront> front;  // of that client
  std::unique_ptr<FileWatcher> watcher;
  std::unique_ptr<FileWatcher> credential_watcher;
  std::unique_ptr<asio::signal_set> signals;
  std::atomic<bool> draining{false};
  std::promise<void> finished;

  ~Impl() {
    if (packs != nullptr) {
      packs->stop();  // its threads poke the watcher
    }
    watcher.reset();
    credential_watcher.reset();
    if (pool != nullptr) {
      pool->stop();
    }
    signals.reset();
    front.reset();
    listener.reset();
    api.reset();
    endpoint.reset();
    upstreams.clear();
    access.authenticator.release();
    if (shared_cache != nullptr) {
      shared_cache->client.stop();  // it answers to executors of the pool
    }
    pool.reset();
    traffic.reset();  // writes what it has
    windows.reset();
  }

  std::unique_ptr<Failure> open_store() {
    if (config.store.file.empty()) {
      return nullptr;
    }
    store::SqliteOptions options;
    options.max_bytes = config.store.max_bytes;
    auto opened = store::open_sqlite(config.store.file, options);
    if (opened.has_error()) {
      return failed(opened.error());
    }
    store = std::make_unique<store::StoreThread>(std::move(*opened));
    if (config.record.decisions) {
      traffic = std::make_unique<TrafficRecorder>(
          *store,
          RecordOptions{config.record.max_age_ms, config.record.max_bytes, masked_names(config.record.mask)});
    }
    return nullptr;
  }

  std::unique_ptr<Failure> open_windows() {
    auto opened = WindowKeeper::open(store.get(), config.limits.windows);
    if (opened.has_error()) {
      return failed(opened.error());
    }
    windows = std::move(*opened);
    return nullptr;
  }

  std::unique_ptr<Failure> load_policy() {
    recorder = std::make_unique<Recorder>(metrics, audit.get());
    auto keys = read_public_keys(config.packs.trusted_keys);
    if (keys.has_error()) {
      return failed(keys.error());
    }
    PackManager::Options options;
    options.files = config.policy;
    options.store = store.get();
    options.compiler = kVersion;
    options.native = {config.native.cache, config.native.cache_bytes};
    options.worker = {config.native.compile_ms, config.native.compile_bytes};
    options.loading = {{config.packs.max_bytes},
                       {std::move(*keys), config.packs.required_signatures},
                       {config.limits.policy_ms, config.limits.policy_bytes},
                       config.native.from_packs};
    options.hooks.before_swap = [this](const auto& pack) { recorder->register_pack(pack); };
    options.hooks.decided = [this](const auto& pack) { return recorder->decided(pack); };
    options.hooks.reloaded = [this](bool ok) {
      (ok ? metrics.reloads_done : metrics.reloads_failed).add();
      if (watcher != nullptr) {
        watcher->refresh();
      }
    };
    options.hooks.native_compiled = [this](std::string_view how) { metrics.native_compiled(how); };
    options.hooks.shadow_began = [this](const std::string& pack) { shadow.begin(pack); };
    packs = std::make_unique<PackManager>(std::move(options));
    ReloadOutcome outcome = packs->load_first();
    return outcome.ok ? nullptr
                      : std::make_unique<Failure>(
                            Failure{true, std::move(outcome.text), std::move(outcome.diagnostics_json)});
  }

  [[nodiscard]] mcp::SharedResults* shared_results() const {
    return shared_cache == nullptr ? nullptr : &shared_cache->results;
  }

  std::unique_ptr<Failure> make_upstreams() {
    auto made = make_servers(config, access.upstreams, {cache, shared_results()},
                             [this](size_t i) { return pool->executor(i % pool->size()); });
    if (made.has_error()) {
      return failed(made.error());
    }
    upstreams = std::move(*made);
    return nullptr;
  }

  static std::unique_ptr<Failure> failed(const Error& why) {
    return std::make_unique<Failure>(Failure{false, why.message(), "[]"});
  }

  [[nodiscard]] mcp::EndpointOptions endpoint_options() {
    mcp::EndpointOptions out;
    out.separator = config.separator;
    out.server_version = kVersion;
    apply_limits(config.limits, out);
    out.engine_url = config.engine_url;
    out.engine_ca = config.engine_ca;
    if (!config.http_sse) {
      out.sse_path = out.messages_path = "";
    }
    if (!config.websocket) {
      out.websocket_path = "";
    }
    out.secrets = config.secrets;
    out.tap = tap.get();
    out.cache = &cache;
    out.shared_cache = shared_results();
    out.route_problem = [](const std::string& problem) {
      observe::log(Level::Warn, "routing", {{"text", problem}});
    };
    out.windows = windows == nullptr ? nullptr : &windows->windows();
    for (const UpstreamConfig& server : config.servers) {
      if (!server.routing.federate) {
        out.apart_servers.push_back(server.name);
      }
      out.call_timeout_ms =
          std::max(out.call_timeout_ms, server.timeout_ms);  // each upstream cuts it to its own
    }
    if (!is_wildcard(config.listen.host)) {
      out.allowed_hosts.push_back(config.listen.host);
    }
    if (const Result<mcp::HttpUrl> own = mcp::parse_http_url(config.engine_url); own.has_value()) {
      out.allowed_hosts.push_back(own->authority);
    }
    out.allowed_hosts.insert(out.allowed_hosts.end(), config.allowed_hosts.begin(),
                             config.allowed_hosts.end());
    access.apply(out);
    out.allowed_origins.insert(out.allowed_origins.end(), config.allowed_origins.begin(),
                               config.allowed_origins.end());
    return out;
  }

  [[nodiscard]] HttpOptions http_options() const {
    HttpOptions out;
    out.address = config.listen.host;
    out.port = config.listen.port;
    apply_limits(config.limits, out);
    out.compress_from = config.compress_from;
    out.open_paths.push_back(std::string(kResourceMetadataPath) + "*");
    return out;
  }

  void make_front() {
    decision::Limits limits;
    limits.fuel_per_rule = config.limits.fuel_per_rule;
    limits.arena_bytes = config.limits.evaluation_bytes;
    limits.json_depth = config.limits.json_depth;
    tap = std::make_unique<DecisionTap>(limits, shadow, traffic.get());
    endpoint = std::make_unique<mcp::Endpoint>(pool->executor(0), upstreams, packs->engine(), *recorder,
                                               endpoint_options());
    ApiParts parts;
    parts.packs = packs.get();
    parts.shadow = &shadow;
    parts.endpoint = endpoint.get();
    parts.metrics = &metrics;
    parts.authenticator = &access.authenticator;
    parts.resources = &access.resources;
    parts.lock = access.lock.get();
    parts.draining = [this] { return draining.load(); };
    parts.version = kVersion;
    parts.allowed_hosts = config.allowed_hosts;
    parts.decisions.limits = endpoint_options().decision;
    parts.decisions.batch_calls = config.limits.decision_batch;
    if (!is_wildcard(config.listen.host)) {
      parts.allowed_hosts.push_back(config.listen.host);
    }
    api = std::make_unique<Api>(std::move(parts));
    listener = std::make_unique<Listener>(
        *pool, http_options(),
        [this](mcp::HttpExchange& exchange) {
          return endpoint->serves(exchange.path()) ? endpoint->handle(exchange) : api->handle(exchange);
        },
        &access.authenticator, access.tls);
    set_sources();
  }

  void set_sources() {
    observe::Sources sources;
    sources.upstreams = [this] {
      std::vector<observe::UpstreamSample> out;
      for (const auto& upstream : upstreams) {
        out.push_back({upstream->name(), std::string(mcp::text_of(upstream->state())),
                       access.lock != nullptr ? access.lock->held_count(upstream->name()) : 0,
                       upstream->dropped()});
      }
      return out;
    };
    sources.pack = [this] {
      const PackStatus status = packs->status();
      return observe::PackSample{status.name, status.version, status.rules, status.generation,
                                 status.compile_seconds};
    };
    sources.shadow = [this] {
      const ShadowReport::Totals totals = shadow.totals();
      return observe::ShadowSample{totals.compared, totals.different};
    };
    sources.traffic = [this] {
      return traffic == nullptr ? observe::TrafficSample{}
                                : observe::TrafficSample{traffic->recorded(), traffic->dropped()};
    };
    sources.routes = [this] { return route_samples(endpoint->routes()); };
    sources.cache = [this] { return cache_sample(cache, shared_cache.get()); };
    sources.refusals = [this] {
      std::vector<observe::RefusalSample> out;
      for (size_t i = 0; i < std::size(kRefusalReasons); ++i) {
        out.push_back({std::string(kRefusalReasons[i]), listener->refused(static_cast<Refusal>(i))});
      }
      return out;
    };
    if (!config.engine_url.empty()) {
      sources.handed_over = [this] { return handed_over_sample(*endpoint); };
    }
    sources.channels = [this] { return channel_samples(*endpoint); };
    sources.audit_failures = [this] { return audit != nullptr ? audit->failures() : 0; };
    metrics.set_sources(std::move(sources));
  }

  void watch_files() {
    if (!config.watch) {
      return;
    }
    auto started =
        FileWatcher::start([this] { return packs->watched_files(); },
                           [this] { packs->reload(PackManager::Trigger::Watch); }, config.debounce_ms);
    if (started.has_error()) {
      observe::log(Level::Warn, "files are not watched, reload by SIGHUP",
                   {{"reason", started.error().message()}});
      return;
    }
    watcher = std::move(*started);
    auto credentials = FileWatcher::start([this] { return access.files(); }, [this] { reload_credentials(); },
                                          config.debounce_ms);
    if (credentials.has_value()) {
      credential_watcher = std::move(*credentials);
    }
  }

  void reload_credentials() {
    access.reload();
    endpoint->inspect_again();
  }

  /// Serves the client on standard input and output; both are ours alone, so that nothing else gets between
  /// its lines.
  std::unique_ptr<Failure> serve_client() {
    StdioFrontOptions options;
    options.path = client->server.empty() ? "/mcp" : "/mcp/" + client->server;
    options.token = client->token;
    options.max_message_bytes = config.limits.body_bytes;
    options.max_calls = config.limits.session_calls;
    options.admission_ms = config.limits.admission_check_ms;
    const bool known = client->server.empty() ||
                       std::any_of(upstreams.begin(), upstreams.end(), [this](const auto& upstream) {
                         return upstream->name() == client->server;
                       });
    if (!known) {
      return failed(error("no server is called `" + client->server + "`"));
    }
    try {
      front = std::make_shared<StdioFront>(pool->executor(0), *endpoint, ::dup(STDIN_FILENO),
                                           ::dup(STDOUT_FILENO), std::move(options));
    } catch (const boost::system::system_error& problem) {
      return failed(error(problem.code(), "standard input and output must be pipes or a terminal"));
    }
    asio::co_spawn(pool->context(0), run_client(), asio::detached);
    return nullptr;
  }

  Task<void> run_client() {
    const std::shared_ptr<StdioFront> serving = front;
    if (const Result<void> admitted = co_await serving->admit(access.authenticator); admitted.has_error()) {
      observe::log(Level::Error, "the client is refused", {{"reason", admitted.error().message()}});
    } else {
      co_await serving->run();
      if (serving->turned_out()) {
        observe::log(Level::Error, "the client is refused",
                     {{"reason", "the token in CATALYST_TOKEN is not let in any more, or as somebody else"}});
      }
    }
    if (!draining.exchange(true)) {
      co_await wind_down();
    }
  }

  Task<void> watch_signals() {
    while (true) {
      boost::system::error_code failure;
      const int signal = co_await signals->async_wait(asio::redirect_error(use_awaitable, failure));
      if (failure) {
        co_return;
      }
      if (signal == SIGHUP) {
        observe::log(Level::Info, "reload asked for by SIGHUP");
        packs->reload(PackManager::Trigger::Explicit);
        reload_credentials();
        if (audit != nullptr) {
          audit->reopen();
        }
      } else if (draining.exchange(true)) {
        std::_Exit(128 + signal);  // asked twice: at once
      } else {
        asio::co_spawn(pool->context(0), wind_down(), asio::detached);
      }
    }
  }

  Task<void> wind_down() {
    observe::log(Level::Info, "draining", {{"ms", config.drain_ms}});
    if (front != nullptr) {
      front->close();
    }
    endpoint->close_streams();  // they would hold the listener until the deadline
    co_await listener->drain(config.drain_ms);
    co_await endpoint->stop();
    access.authenticator.stop();
    finished.set_value();
  }
};

Service::Service(Config config, std::optional<StdioClient> client)
    : impl_(std::make_unique<Impl>(std::move(config))) {
  impl_->client = std::move(client);
}
Service::~Service() = default;

std::unique_ptr<Service::Failure> Service::start() {
  if (!impl_->config.audit_file.empty()) {
    auto audit = observe::AuditLog::open(impl_->config.audit_file);
    if (audit.has_error()) {
      return Impl::failed(audit.error());
    }
    impl_->audit = std::move(*audit);
  }
  for (const auto step : {&Impl::open_store, &Impl::open_windows, &Impl::load_policy}) {
    if (auto failure = (*impl_.*step)()) {
      return failure;
    }
  }
  if (auto loaded = impl_->access.load(); loaded.has_error()) {
    return Impl::failed(loaded.error());
  }
  impl_->pool = std::make_unique<IoPool>(impl_->config.threads);
  impl_->shared_cache = make_shared_cache(impl_->config);
  if (auto failure = impl_->make_upstreams()) {
    return failure;
  }
  impl_->make_front();
  // Nothing runs yet: a request, a signal or a changed file that comes in will find everything in its place.
  if (!impl_->client) {
    if (auto started = impl_->listener->start(); started.has_error()) {
      return Impl::failed(started.error());
    }
  }
  impl_->endpoint->start();
  impl_->signals = std::make_unique<asio::signal_set>(impl_->pool->context(0), SIGTERM, SIGINT, SIGHUP);
  asio::co_spawn(impl_->pool->context(0), impl_->watch_signals(), asio::detached);
  impl_->watch_files();
  impl_->access.authenticator.start(impl_->pool->executor(0));
  impl_->pool->start();
  if (impl_->client) {
    observe::log(Level::Info, "serving standard input",
                 {{"servers", uint64_t{impl_->upstreams.size()}}, {"version", kVersion}});
    return impl_->serve_client();
  }
  observe::log(Level::Info, "listening",
               {{"url", url()},
                {"mcp", url() + "/mcp"},
                {"servers", uint64_t{impl_->upstreams.size()}},
                {"version", kVersion}});
  return nullptr;
}

std::string Service::url() const {
  const std::string& host = impl_->config.listen.host;
  const bool v6 = host.find(':') != std::string::npos;
  return std::string(impl_->access.tls != nullptr ? "https://" : "http://") + (v6 ? "[" + host + "]" : host) +
         ":" + std::to_string(impl_->listener->port());
}

void Service::wait() { impl_->finished.get_future().wait(); }

}  // namespace catalyst::server
