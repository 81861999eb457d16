// The router's part in what servers say outside of calls: to whom it goes, and what is asked of a server
// again when it has forgotten its clients.

#include <boost/asio/co_spawn.hpp>

#include "runtime/base/clock.h"
#include "runtime/mcp/asking.h"
#include "runtime/mcp/router.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

std::string uri_of(std::string_view message) {
  return string_of(find_member(find_member(message, "params"), "uri"));
}

}  // namespace

std::shared_ptr<UpstreamSession> Router::session_with(RequestContext& context, uint32_t server) {
  if (crossing(context, server).server == Era::Modern) {
    return nullptr;
  }
  if (context.session != nullptr) {
    return context.session->upstreams().get(
        server, [&] { return upstreams_[server]->open(terms_of(context.session, server)); });
  }
  if (context.principal_sessions == nullptr) {
    context.principal_sessions = principals_.get(context.exchange.principal().id, steady_ms());
  }
  return context.principal_sessions->get(server, [&] {
    return upstreams_[server]->open(terms_of(std::string(context.exchange.principal().id), server));
  });
}

ClientTerms Router::terms_of(const std::shared_ptr<Session>& session, uint32_t server) {
  ClientTerms terms;
  terms.principal_id = session->terms().principal_id;
  terms.capabilities = session->terms().capabilities;
  terms.resume = session->terms().scope.server == server ? session->terms().upstream_session : std::string();
  terms.ends = options_.secrets.empty();  // with secrets another engine may go on with it
  const auto with = [router = weak_from_this(), weak = std::weak_ptr(session)](const auto& act) {
    const std::shared_ptr<Router> self = router.lock();
    const std::shared_ptr<Session> client = weak.lock();
    if (self != nullptr && client != nullptr) {
      act(self, client);
      return true;
    }
    return false;
  };
  terms.on_event = [with, server](std::string_view method, std::string_view message) {
    with([&](const auto& self, const auto& client) {
      self->on_session_event(*client, server, method, message);
    });
  };
  terms.on_request = [with](ServerRequest request) {
    const bool alive = with([&](const auto&, const auto& client) { ask_session(*client, request); });
    if (!alive) {
      request.answer(true, error_object(code::kInternalError, "The client has ended its session."));
    }
  };
  terms.on_renewed = [with, server] {
    with([&](const auto& self, const auto& client) {
      asio::co_spawn(self->home_, self->restore(client, server), [self](const std::exception_ptr&) {});
    });
  };
  return terms;
}

ClientTerms Router::terms_of(const std::string& principal_id, uint32_t server) {
  ClientTerms terms;
  terms.principal_id = principal_id;
  terms.capabilities = kAllCapabilities;  // every request of such a client says what it can be asked
  terms.on_event = [weak = weak_from_this(), principal_id, server](std::string_view method,
                                                                   std::string_view message) {
    const std::shared_ptr<Router> self = weak.lock();
    if (self == nullptr) {
      return;
    }
    if (method == "notifications/resources/updated") {
      self->hub_.resource_updated(server, principal_id, uri_of(message), message);
    } else {
      self->on_upstream_event(server, method, message);
    }
  };
  terms.on_renewed = [weak = weak_from_this(), principal_id, server] {
    if (const std::shared_ptr<Router> self = weak.lock()) {
      asio::co_spawn(self->home_, self->restore(principal_id, server), [self](const std::exception_ptr&) {});
    }
  };
  return terms;
}

/// What a server says on the gateway's own session, which is everybody's: the transports pass on nothing
/// there that belongs to one client.
void Router::on_upstream_event(uint32_t server, std::string_view method, std::string_view message) {
  if (method == "notifications/resources/updated") {
    hub_.resource_updated(server, uri_of(message), message);
    return;
  }
  if (method == "notifications/message") {
    if (const std::optional<LogLevel> level =
            parse_log_level(string_of(find_member(find_member(message, "params"), "level")))) {
      hub_.logged(server, *level, message);
    }
    return;
  }
  for (const ListKind kind : kListKinds) {
    if (list_spec(kind).changed != method) {
      continue;
    }
    keeper_->mark_changed(server, kind);
    for (uint32_t other = 0; other < routed_.size(); ++other) {
      if (routed_[other] != nullptr && routed_[other]->definitions_changed(server)) {
        keeper_->mark_changed(other, kind);  // it is a replica of that one
      }
    }
  }
}

/// What a server says to one legacy client.
void Router::on_session_event(Session& session, uint32_t server, std::string_view method,
                              std::string_view message) {
  if (method == "notifications/resources/updated") {
    if (session.is_subscribed(uri_of(message))) {
      session.events().push(std::string(message), EventQueue::Repeat::Once);
    }
    return;
  }
  if (method == "notifications/message") {
    const std::optional<LogLevel> wanted = session.log_level();
    const std::optional<LogLevel> level =
        parse_log_level(string_of(find_member(find_member(message, "params"), "level")));
    // Without an open stream they would only pile up.
    if (session.has_stream() && level && (!wanted || *level >= *wanted)) {
      session.events().push(std::string(message));
    }
    return;
  }
  if (method == "notifications/tasks/status") {
    std::optional<std::string> notice = session.terms().protocol_version == kTaskSession
                                            ? task_notice(session.terms().principal_id, server, message)
                                            : std::nullopt;
    if (notice && session.has_stream()) {
      session.events().push(std::move(*notice));
    }
    return;
  }
  if (method.ends_with("/list_changed")) {
    on_upstream_event(server, method, message);  // clients are told when the new list is there
  } else if (session.has_stream() && method != "notifications/cancelled") {
    session.events().push(std::string(message));
  }
}

/// A server asks a legacy client outside of any call: on the client's own stream.
void Router::ask_session(Session& session, ServerRequest& request) {
  const std::optional<AskKind> kind = ask_kind(request.method);
  const bool declared = kind && can_be_asked(session.terms().capabilities, *kind, request.params);
  const std::string id =
      declared && session.has_stream()
          ? session.begin_ask([answer = request.answer](bool is_error, std::string payload) {
              answer(is_error, std::move(payload));
            })
          : std::string();
  if (id.empty()) {
    const bool roots = kind == AskKind::Roots;
    request.answer(!roots, roots ? R"({"roots":[]})"
                                 : error_object(code::kMethodNotFound,
                                                "The client cannot be asked this now: " + request.method));
    return;
  }
  session.events().push(request_message(id, request.method, request.params));
}

/// What a client asked of a server over its last session, said again over the new one.
Task<void> Router::restore(std::shared_ptr<Session> session, uint32_t server) {
  const std::shared_ptr<UpstreamSession> own = session->upstreams().find(server);
  if (own == nullptr) {
    co_return;
  }
  co_await set_level(server, lowest_level(session->terms().principal_id), own);
  for (const std::string& uri : session->subscriptions()) {
    if (keeper_->current()->find_resource(session->terms().scope, uri) == server) {
      co_await tell(server, "resources/subscribe", uri, own);
    }
  }
}

/// The same for a server that serves everybody over one session.
Task<void> Router::restore(uint32_t server) {
  if (is_modern(server)) {
    co_return;
  }
  co_await set_level(server, lowest_level(std::nullopt), nullptr);
  for (const std::string& uri : hub_.watched(server, {})) {
    co_await tell(server, "resources/subscribe", uri, nullptr);
  }
}

Task<void> Router::set_level(uint32_t server, std::optional<LogLevel> level,
                             std::shared_ptr<UpstreamSession> session) {
  const std::shared_ptr<const Listing> listing = keeper_->current()->servers()[server].listing;
  if (!level || listing == nullptr || find_member(listing->info->capabilities, "logging").empty()) {
    co_return;
  }
  const std::string params = R"({"level":")" + std::string(log_level_name(*level)) + "\"}";
  UpstreamCall call;
  call.method = "logging/setLevel";
  call.params = params;
  call.timeout_ms = options_.call_timeout_ms;
  call.session = session.get();
  co_await upstreams_[server]->call(call);
}

Task<void> Router::restore(std::string principal_id, uint32_t server) {
  const std::shared_ptr<UpstreamSession> own = principals_.get(principal_id, steady_ms())->find(server);
  for (const std::string& uri :
       own == nullptr ? std::vector<std::string>() : hub_.watched(server, principal_id)) {
    co_await tell(server, "resources/subscribe", uri, own);
  }
}

Task<void> Router::tell(uint32_t server, std::string_view method, std::string uri,
                        std::shared_ptr<UpstreamSession> session) {
  UpstreamCall call;
  const std::string params = R"({"uri":)" + value::json_string(uri) + "}";
  call.method = method;
  call.params = params;
  call.name = uri;
  call.timeout_ms = options_.call_timeout_ms;
  call.session = session.get();
  // A server that cannot is not an error of the client: it is merely never notified.
  co_await upstreams_[server]->call(call);
}

bool Router::is_modern(uint32_t server) const {
  const std::shared_ptr<const Listing> listing = keeper_->current()->servers()[server].listing;
  return listing != nullptr && listing->info->era == Era::Modern;
}

void Router::watch(const Watcher& watcher, uint32_t server, const std::string& uri) {
  if (!hub_.watch(server, watcher.principal_id, uri)) {
    return;
  }
  if (is_modern(server)) {
    upstreams_[server]->watch(hub_.watched(server, watcher.principal_id));
  } else {
    asio::co_spawn(home_, tell(server, "resources/subscribe", uri, watcher.session),
                   [self = shared_from_this()](const std::exception_ptr&) {});
  }
}

void Router::unwatch(const Watcher& watcher, uint32_t server, const std::string& uri) {
  if (!hub_.unwatch(server, watcher.principal_id, uri)) {
    return;
  }
  if (is_modern(server)) {
    upstreams_[server]->watch(hub_.watched(server, watcher.principal_id));
  } else {
    asio::co_spawn(home_, tell(server, "resources/unsubscribe", uri, watcher.session),
                   [self = shared_from_this()](const std::exception_ptr&) {});
  }
}

std::optional<LogLevel> Router::lowest_level(std::optional<std::string_view> principal_id) const {
  std::optional<LogLevel> lowest;
  sessions_.for_each([&](Session& session) {
    const std::optional<LogLevel> level = session.log_level();
    if (level && (!principal_id || session.terms().principal_id == *principal_id)) {
      lowest = !lowest || *level < *lowest ? level : lowest;
    }
  });
  return lowest;
}

}  // namespace catalyst::mcp
