#include "runtime/mcp/router.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include "runtime/base/clock.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr auto kSweepPeriod = std::chrono::seconds(10);
constexpr auto kStopPoll = std::chrono::milliseconds(2);

std::atomic<uint64_t> router_ids = 0;

enum class Offered : uint8_t { Both, Legacy, Modern };

std::vector<std::shared_ptr<RoutedUpstream>> routed_of(
    const std::vector<std::shared_ptr<Upstream>>& upstreams) {
  std::vector<std::shared_ptr<RoutedUpstream>> out;
  for (const std::shared_ptr<Upstream>& upstream : upstreams) {
    out.push_back(std::dynamic_pointer_cast<RoutedUpstream>(upstream));
  }
  return out;
}

std::string own_server_info(const EndpointOptions& options) {
  return R"({"name":)" + value::json_string(options.server_name) + R"(,"version":)" +
         value::json_string(options.server_version) + "}";
}

}  // namespace

struct Router::Method {
  std::string_view name;
  Handler handler;
  Offered offered;
};

const Router::Method* Router::find_method(std::string_view name) {
  // The most frequent first: the search is linear.
  static constexpr Method kMethods[] = {
      {"tools/call", &Router::handle_tools_call, Offered::Both},
      {"tools/list", &Router::handle_list, Offered::Both},
      {"resources/read", &Router::handle_resources_read, Offered::Both},
      {"prompts/get", &Router::handle_prompts_get, Offered::Both},
      {"completion/complete", &Router::handle_complete, Offered::Both},
      {"prompts/list", &Router::handle_list, Offered::Both},
      {"resources/list", &Router::handle_list, Offered::Both},
      {"resources/templates/list", &Router::handle_list, Offered::Both},
      {"ping", &Router::handle_ping, Offered::Legacy},
      {"initialize", &Router::handle_initialize, Offered::Legacy},
      {"logging/setLevel", &Router::handle_set_level, Offered::Legacy},
      {"resources/subscribe", &Router::handle_subscribe, Offered::Legacy},
      {"resources/unsubscribe", &Router::handle_unsubscribe, Offered::Legacy},
      {"tasks/get", &Router::handle_task, Offered::Both},
      {"tasks/result", &Router::handle_task, Offered::Legacy},
      {"tasks/cancel", &Router::handle_task, Offered::Both},
      {"tasks/update", &Router::handle_task, Offered::Modern},
      {"tasks/list", &Router::handle_tasks_list, Offered::Legacy},
      {"server/discover", &Router::handle_discover, Offered::Modern},
      {"subscriptions/listen", &Router::handle_listen, Offered::Modern},
  };
  const Method* found =
      std::find_if(std::begin(kMethods), std::end(kMethods), [&](const Method& m) { return m.name == name; });
  return found == std::end(kMethods) ? nullptr : found;
}

namespace {

PeerOptions peer_options(const EndpointOptions& options) {
  constexpr int64_t kMoreMs = 10'000;  // for the engine to say itself that it took too long
  PeerOptions out;
  out.url = options.engine_url;
  out.ca_file = options.engine_ca;
  out.answer_timeout_ms = options.call_timeout_ms + kMoreMs;
  out.unread_bytes = options.channels.queued_bytes;
  return out;
}

}  // namespace

Router::Router(const Executor& home, std::vector<std::shared_ptr<Upstream>> upstreams,
               decision::Engine& engine, EndpointOptions options)
    : id_(++router_ids),
      home_(home),
      upstreams_(std::move(upstreams)),
      routed_(routed_of(upstreams_)),
      engine_(engine),
      options_(std::move(options)),
      no_cache_(0),
      book_(upstreams_, routed_,
            Caches(options_.cache == nullptr ? no_cache_ : *options_.cache, options_.shared_cache),
            [this](const std::string& problem) {
              if (options_.route_problem) {
                options_.route_problem(problem);
              }
            }),
      own_info_(own_server_info(options_)),
      sealer_(options_.secrets),
      peers_(sealer_, peer_options(options_)),
      limits_(options_.limit_buckets),
      labels_(options_.labels),
      tasks_(options_.tasks),
      held_(options_.held_bytes),
      sessions_(options_.sessions, sealer_),
      principals_(options_.sessions.sessions, options_.sessions.idle_ms),
      parked_(options_.parked_calls, options_.ask_timeout_ms),
      task_calls_(options_.parked_calls, options_.ask_timeout_ms),
      hub_(sessions_, options_.listeners) {}

void Router::start() {
  const std::weak_ptr<Router> weak = weak_from_this();
  CatalogueKeeper::Hooks hooks;
  hooks.changed = [weak](uint32_t server, const KindSet& kinds) {
    if (const std::shared_ptr<Router> self = weak.lock()) {
      self->hub_.lists_changed(server, kinds);
    }
  };
  hooks.unchecked = [weak](uint32_t server, const std::string& reason) {
    const std::shared_ptr<Router> self = weak.lock();
    if (self != nullptr && self->options_.schema_problem) {
      self->options_.schema_problem(self->upstreams_[server]->name(), reason);
    }
  };
  hooks.greeted = [weak](uint32_t server) {
    const std::shared_ptr<Router> self = weak.lock();
    if (self != nullptr && self->upstreams_[server]->shared()) {
      asio::co_spawn(self->home_, self->restore(server), [self](const std::exception_ptr&) {});
    }
  };
  keeper_ = std::make_shared<CatalogueKeeper>(home_, upstreams_, options_.catalogue, options_.separator,
                                              std::move(hooks));
  keeper_->guard(options_.guard, options_.unchecked_servers);
  keeper_->keep_apart(options_.apart_servers);
  sessions_.on_end([weak](Session& session) {
    const std::shared_ptr<Router> self = weak.lock();
    for (const std::string& uri : self == nullptr ? std::vector<std::string>() : session.subscriptions()) {
      if (const std::optional<uint32_t> server =
              self->keeper_->current()->find_resource(session.terms().scope, uri)) {
        std::shared_ptr<UpstreamSession> own = session.upstreams().find(*server);
        self->unwatch({own == nullptr ? "" : session.terms().principal_id, std::move(own)}, *server, uri);
      }
    }
  });
  for (uint32_t server = 0; server < upstreams_.size(); ++server) {
    upstreams_[server]->start([weak, server](std::string_view method, std::string_view message) {
      if (const std::shared_ptr<Router> self = weak.lock()) {
        self->on_upstream_event(server, method, message);
      }
    });
  }
  keeper_->start();
  asio::co_spawn(home_, sweep_sessions(), [self = shared_from_this()](const std::exception_ptr&) {});
}

Task<void> Router::sweep_sessions() {
  SteadyTimer timer(home_);
  while (!stopped_) {
    timer.expires_after(kSweepPeriod);
    co_await timer.async_wait(use_awaitable);
    sessions_.sweep(steady_ms());
    principals_.sweep(steady_ms());
    parked_.sweep(steady_ms());
    task_calls_.sweep(steady_ms());
    on_sweep_(steady_ms());
  }
}

void Router::close_streams() {
  hub_.close_all();
  sessions_.close_all();
  principals_.close_all();
  parked_.cancel_all();
  task_calls_.cancel_all();
}

Task<void> Router::stop() {
  stopped_ = true;
  close_streams();
  keeper_->stop();
  // All at once: a server that does not want to end takes seconds, and they shall not add up.
  const auto left = std::make_shared<std::atomic<size_t>>(upstreams_.size());
  for (const std::shared_ptr<Upstream>& upstream : upstreams_) {
    asio::co_spawn(home_, upstream->stop(), [left, upstream](const std::exception_ptr&) { --*left; });
  }
  SteadyTimer timer(co_await asio::this_coro::executor);
  while (*left > 0) {
    timer.expires_after(kStopPoll);
    co_await timer.async_wait(use_awaitable);
  }
}

Task<Reply> Router::request(RequestContext& context) {
  context.catalogue = keeper_->current();
  const Method* method = find_method(context.envelope.method);
  const bool offered =
      method != nullptr && (method->offered == Offered::Both ||
                            (method->offered == Offered::Modern) == (context.era == Era::Modern));
  if (context.era == Era::Modern) {
    SessionTerms terms;
    terms.protocol_version = kModernVersion;
    terms.client_name = context.envelope.meta.client_name;
    terms.client_version = context.envelope.meta.client_version;
    if (std::optional<Reply> refusal = decide_session(context, terms)) {
      return refuse(std::move(*refusal));
    }
  }
  if (offered) {
    return (this->*method->handler)(context);
  }
  return handle_unknown(context);
}

Task<Reply> Router::refuse(Reply reply) { co_return reply; }

Task<Reply> Router::handle_unknown(RequestContext& context) {
  const std::string_view method = context.envelope.method;
  const bool ours =
      find_method(method) != nullptr || (context.era == Era::Modern && is_removed_in_modern(method));
  const bool forwarded = !context.scope.federated() && !ours && !method.starts_with("tasks/");
  Reply reply;
  if (forwarded) {
    reply = co_await forward(context, context.scope.server, {}, context.envelope.name);
  } else {
    reply = failure(context, code::kMethodNotFound, "Method not found: " + std::string(method));
  }
  if (reply.error_code == code::kMethodNotFound && context.era == Era::Modern) {
    reply.http_status = 404;
  }
  co_return reply;
}

Task<void> Router::notification(RequestContext& context) {
  const std::string_view method = context.envelope.method;
  if (method == "notifications/cancelled") {
    if (context.session != nullptr) {
      context.session->cancel_call(find_member(context.envelope.params_json, "requestId"));
    }
    co_return;
  }
  if (method == "notifications/roots/list_changed" && context.session != nullptr) {
    for (const auto& [server, own] : context.session->upstreams().all()) {
      co_await upstreams_[server]->notify(method, context.envelope.params_json, own.get());
    }
    co_return;
  }
  const bool ours = method == "notifications/initialized" || method == "notifications/roots/list_changed";
  if (!ours && !context.scope.federated()) {
    context.catalogue = keeper_->current();
    const std::shared_ptr<UpstreamSession> own = session_with(context, context.scope.server);
    co_await upstreams_[context.scope.server]->notify(method, context.envelope.params_json, own.get());
  }
}

std::optional<uint32_t> Router::server_index(std::string_view name) const {
  for (uint32_t server = 0; server < upstreams_.size(); ++server) {
    if (upstreams_[server]->name() == name) {
      return server;
    }
  }
  return std::nullopt;
}

Task<std::optional<Catalogue::Found>> Router::find_later(RequestContext& context, ListKind kind,
                                                         std::string_view name) {
  std::optional<Catalogue::Found> found;
  if (!context.catalogue->settled(context.scope)) {
    context.catalogue = co_await keeper_->settled(context.scope);
    found = context.catalogue->find(context.scope, kind, name);
  }
  if (!found) {
    note_missing(context, name);
  }
  co_return found;
}

Reply Router::result(RequestContext& context, std::string_view members) const {
  Reply reply;
  const std::string info =
      context.era == Era::Modern ? server_info(context.scope, *context.catalogue) : std::string();
  reply.message = result_message(context.envelope.id_json,
                                 own_result(members, context.envelope.method, context.era, info));
  return reply;
}

Reply Router::failure(RequestContext& context, int code, std::string_view message,
                      std::string_view data_json) const {
  Reply reply;
  reply.error_code = code;
  reply.message = error_message(context.envelope.id_json, error_object(code, message, data_json));
  return reply;
}

Reply Router::unknown(RequestContext& context, std::string_view what, std::string_view name) const {
  return failure(context, code::kInvalidParams, "Unknown " + std::string(what) + ": " + std::string(name));
}

Reply Router::unavailable(RequestContext& context, uint32_t server, std::string why, Absence absence) const {
  context.failure = std::move(why);
  std::string_view says;
  std::string_view reason;
  switch (absence) {
    case Absence::Unavailable:
      says = " gave no answer.";
      reason = "unavailable";
      break;
    case Absence::Timeout:
      says = " gave no answer in time.";
      reason = "timeout";
      break;
    case Absence::Busy:
      says = " is busy: too many calls at a time. Try again.";
      reason = "busy";
      break;
  }
  const std::string& name = upstreams_[server]->name();
  std::string data = R"({"server":)" + value::json_string(name) + R"(,"request_id":)" +
                     value::json_string(context.exchange.request_id());
  data.append(R"(,"reason":")").append(reason).append("\"}");
  return failure(context, code::kInternalError, "Server \"" + name + "\"" + std::string(says), data);
}

void Router::note_missing(RequestContext& context, std::string_view name) const {
  if (!context.scope.federated()) {
    return;
  }
  for (const ServerEntry& entry : context.catalogue->servers()) {
    if (entry.listing == nullptr && entry.federated && name.starts_with(entry.name + options_.separator)) {
      context.failure =
          "server " + entry.name + " is not listed" + (entry.error.empty() ? "" : ": " + entry.error);
      return;
    }
  }
}

std::optional<Reply> Router::missing_server(RequestContext& context) const {
  if (context.scope.federated()) {
    return std::nullopt;
  }
  const ServerEntry& entry = context.catalogue->servers()[context.scope.server];
  if (entry.state == ServerEntry::State::Listed) {
    return std::nullopt;
  }
  return unavailable(context, context.scope.server, entry.error.empty() ? "still starting" : entry.error);
}

std::string Router::server_info(Scope scope, const Catalogue& catalogue) const {
  if (!scope.federated()) {
    const std::shared_ptr<const Listing>& listing = catalogue.servers()[scope.server].listing;
    if (listing != nullptr && listing->info->server_info.starts_with('{')) {
      return listing->info->server_info;
    }
  }
  return own_info_;
}

}  // namespace catalyst::mcp
