// Resources: routed by who lists the uri, or has a template for it, else asked around.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "runtime/mcp/router.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {

Task<Reply> Router::handle_resources_read(RequestContext& context) {
  const std::string_view uri = context.envelope.uri;
  if (uri.data() == nullptr) {
    co_return failure(context, code::kInvalidParams, "Invalid params: uri must be a string");
  }
  context.record.tool = uri;
  context.catalogue = co_await keeper_->settled(context.scope);
  if (std::optional<Reply> missing = missing_server(context)) {
    co_return std::move(*missing);
  }
  if (const std::optional<uint32_t> server = context.catalogue->find_resource(context.scope, uri)) {
    co_return co_await forward(context, *server, {}, uri);
  }
  // Servers may serve what they do not list: the first one that has it answers.
  for (uint32_t server = 0; server < upstreams_.size(); ++server) {
    const ServerEntry& entry = context.catalogue->servers()[server];
    if (entry.state != ServerEntry::State::Listed ||
        find_member(entry.listing->info->capabilities, "resources").empty()) {
      continue;
    }
    Reply reply = co_await forward(context, server, {}, uri);
    if (reply.error_code == 0) {
      co_return reply;
    }
  }
  const std::string data = R"({"uri":)" + value::json_string(uri) + "}";
  co_return failure(context,
                    context.era == Era::Modern ? code::kInvalidParams : code::kLegacyResourceNotFound,
                    "Resource not found: " + std::string(uri), data);
}

Task<Reply> Router::handle_subscribe(RequestContext& context) {
  const std::string_view uri = context.envelope.uri;
  if (uri.data() == nullptr) {
    co_return failure(context, code::kInvalidParams, "Invalid params: uri must be a string");
  }
  context.record.tool = uri;
  context.catalogue = co_await keeper_->settled(context.scope);
  const std::optional<uint32_t> server = context.catalogue->find_resource(context.scope, uri);
  if (!server) {
    co_return unknown(context, "resource", uri);
  }
  if (crossing(context, *server).server == Era::Modern) {
    co_return failure(context, code::kMethodNotFound,
                      "This server does not report changes of single resources.");
  }
  const bool known = context.session->is_subscribed(uri);
  if (!context.session->subscribe(uri)) {
    co_return failure(context, code::kInternalError, "Too many subscriptions in this session.");
  }
  Reply reply = co_await forward(context, *server, {}, uri);
  if (reply.error_code != 0 || reply.abandoned) {
    context.session->unsubscribe(uri);
  } else if (!known) {
    hub_.watch(*server, uri);
  }
  co_return reply;
}

Task<Reply> Router::handle_unsubscribe(RequestContext& context) {
  const std::string_view uri = context.envelope.uri;
  if (uri.data() == nullptr) {
    co_return failure(context, code::kInvalidParams, "Invalid params: uri must be a string");
  }
  context.record.tool = uri;
  context.catalogue = co_await keeper_->settled(context.scope);
  const std::optional<uint32_t> server = context.catalogue->find_resource(context.scope, uri);
  // Others may still watch the same resource over the same connection to the server.
  if (server && context.session->unsubscribe(uri) && hub_.unwatch(*server, uri)) {
    co_return co_await forward(context, *server, {}, uri);
  }
  co_return result(context, {});
}

Task<void> Router::watch(uint32_t server, std::string uri) {
  if (hub_.watch(server, uri)) {
    UpstreamCall call;
    const std::string params = R"({"uri":)" + value::json_string(uri) + "}";
    call.method = "resources/subscribe";
    call.params = params;
    call.name = uri;
    call.timeout_ms = options_.call_timeout_ms;
    // A server that cannot is not an error of the listener: it is merely never notified.
    co_await upstreams_[server]->call(call);
  }
}

Task<void> Router::unwatch(uint32_t server, std::string uri) {
  if (hub_.unwatch(server, uri)) {
    UpstreamCall call;
    const std::string params = R"({"uri":)" + value::json_string(uri) + "}";
    call.method = "resources/unsubscribe";
    call.params = params;
    call.name = uri;
    call.timeout_ms = options_.call_timeout_ms;
    co_await upstreams_[server]->call(call);
  }
}

}  // namespace catalyst::mcp
