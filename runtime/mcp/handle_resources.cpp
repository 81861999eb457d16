// Resources: routed by who lists the uri, or has a template for it, else asked around.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "runtime/mcp/router.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {

Reply Router::no_resource(RequestContext& context, std::string_view uri) const {
  const std::string data = R"({"uri":)" + value::json_string(uri) + "}";
  return failure(context, context.era == Era::Modern ? code::kInvalidParams : code::kLegacyResourceNotFound,
                 "Resource not found: " + std::string(uri), data);
}

Subject Router::resource_subject(const RequestContext& context, uint32_t server, std::string_view uri) const {
  const Listing* listing = context.catalogue->servers()[server].listing.get();
  const Item* listed = listing == nullptr ? nullptr : listing->find(ListKind::Resources, uri);
  return {.hook = abi::Hook::Read,
          .server = upstreams_[server]->name(),
          .thing = uri,
          .definition = listed == nullptr ? std::string_view() : std::string_view(listed->json),
          .params = context.envelope.params_json};
}

/// Hidden itself, or only reachable by a template that is.
bool Router::is_resource_hidden(RequestContext& context, uint32_t server, const Subject& read) {
  Subject listed = read;
  listed.hook = abi::Hook::ListResources;
  listed.params = {};
  if (is_hidden_by_rule(context, listed)) {
    return true;
  }
  const Listing* listing = context.catalogue->servers()[server].listing.get();
  if (!read.definition.empty() || listing == nullptr) {
    return false;
  }
  for (const Item& item : listing->of(ListKind::Templates)) {
    if (matches_template(item.key, read.thing)) {
      listed.thing = item.key;
      listed.definition = item.json;
      return is_hidden_by_rule(context, listed);
    }
  }
  return false;
}

Task<Reply> Router::read_from(RequestContext& context, uint32_t server, std::string_view uri) {
  const Subject read = resource_subject(context, server, uri);
  context.record.server = read.server;
  if (is_resource_hidden(context, server, read)) {
    co_return no_resource(context, uri);
  }
  if (std::optional<Reply> refusal = decide_request(context, read, context.arguments)) {
    co_return std::move(*refusal);
  }
  co_return co_await forward(context, server, {}, uri, &read);
}

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
  take_pack(context);
  if (const std::optional<uint32_t> server = context.catalogue->find_resource(context.scope, uri)) {
    co_return co_await read_from(context, *server, uri);
  }
  // Servers may serve what they do not list: the first one that has it answers.
  for (uint32_t server = 0; server < upstreams_.size(); ++server) {
    const ServerEntry& entry = context.catalogue->servers()[server];
    if (!entry.federated || entry.state != ServerEntry::State::Listed ||
        find_member(entry.listing->info->capabilities, "resources").empty()) {
      continue;
    }
    Reply reply = co_await read_from(context, server, uri);
    // A denial ends the search: asking on would tell which server has it.
    if (reply.error_code == 0 || reply.error_code == code::kDenied) {
      co_return reply;
    }
  }
  co_return no_resource(context, uri);
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
  // Whoever may not read a resource may not learn when it changes.
  take_pack(context);
  const Subject read = resource_subject(context, *server, uri);
  if (is_resource_hidden(context, *server, read)) {
    co_return unknown(context, "resource", uri);
  }
  if (std::optional<Reply> refusal = decide_request(context, read, context.arguments)) {
    co_return std::move(*refusal);
  }
  const bool known = context.session->is_subscribed(uri);
  if (!context.session->subscribe(uri)) {
    co_return failure(context, code::kInternalError, "Too many subscriptions in this session.");
  }
  const Watcher watcher = watcher_of(context, *server);
  if (crossing(context, *server).server == Era::Modern) {
    if (!known) {
      watch(watcher, *server, std::string(uri));
    }
    co_return result(context, {});
  }
  Reply reply = co_await forward(context, *server, {}, uri);
  if (reply.error_code != 0 || reply.abandoned) {
    context.session->unsubscribe(uri);
  } else if (!known) {
    hub_.watch(*server, watcher.principal_id, uri);
  }
  co_return reply;
}

bool Router::may_watch(RequestContext& context, uint32_t server, std::string_view uri) {
  take_pack(context);
  const Subject read = resource_subject(context, server, uri);
  return !is_resource_hidden(context, server, read) && !decide_request(context, read, context.arguments);
}

Router::Watcher Router::watcher_of(RequestContext& context, uint32_t server) {
  std::shared_ptr<UpstreamSession> own = session_with(context, server);
  return {std::string(own == nullptr ? std::string_view() : context.exchange.principal().id), std::move(own)};
}

Task<Reply> Router::handle_unsubscribe(RequestContext& context) {
  const std::string_view uri = context.envelope.uri;
  if (uri.data() == nullptr) {
    co_return failure(context, code::kInvalidParams, "Invalid params: uri must be a string");
  }
  context.record.tool = uri;
  context.catalogue = co_await keeper_->settled(context.scope);
  const std::optional<uint32_t> server = context.catalogue->find_resource(context.scope, uri);
  if (server && context.session->unsubscribe(uri)) {
    // Others of the principal may still watch the same resource over the same session with the server.
    unwatch(watcher_of(context, *server), *server, std::string(uri));
  }
  co_return result(context, {});
}

}  // namespace catalyst::mcp
