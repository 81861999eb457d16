// Greeting in both generations, ping, and the log level of a session.

#include "runtime/base/clock.h"
#include "runtime/mcp/asking.h"
#include "runtime/mcp/router.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr size_t kInstructionsMax = 16 * 1024;
constexpr size_t kClientTextMax = 256;  // kept for the life of the session

std::string bounded(std::string text) {
  if (text.size() > kClientTextMax) {
    text.resize(kClientTextMax);
  }
  return text;
}

}  // namespace

std::string Router::capabilities(const RequestContext& context) const {
  const bool legacy = context.era == Era::Legacy;
  if (context.scope.federated()) {
    // Everything at once: a server that offers more may join later, while a client greets only once.
    return std::string(R"({"tools":{"listChanged":true},"prompts":{"listChanged":true},)") +
           R"("resources":{"listChanged":true,"subscribe":true},"completions":{})" +
           (legacy ? R"(,"logging":{})" : "") + task_capability(context) + "}";
  }
  const std::shared_ptr<const Listing>& listing = context.catalogue->servers()[context.scope.server].listing;
  if (listing == nullptr) {
    return "{}";
  }
  const UpstreamInfo& info = *listing->info;
  const auto has = [&](std::string_view key) { return !find_member(info.capabilities, key).empty(); };
  std::string out = "{";
  const auto add = [&out](std::string_view text) { out.append(out.size() > 1 ? "," : "").append(text); };
  if (has("tools")) {
    add(R"("tools":{"listChanged":true})");
  }
  if (has("prompts")) {
    add(R"("prompts":{"listChanged":true})");
  }
  if (has("resources")) {
    const bool subscribe = find_member(find_member(info.capabilities, "resources"), "subscribe") == "true";
    add(subscribe ? R"("resources":{"listChanged":true,"subscribe":true})"
                  : R"("resources":{"listChanged":true})");
  }
  if (has("completions")) {
    add(R"("completions":{})");
  }
  if (legacy && (has("logging") || info.era == Era::Modern)) {
    add(R"("logging":{})");
  }
  out += task_capability(context);
  const std::string_view experimental = find_member(info.capabilities, "experimental");
  if (!experimental.empty() && info.era == context.era) {
    add(R"("experimental":)" + std::string(experimental));
  }
  return out + "}";
}

/// That calls may become tasks, in the words of the client's generation; "" when they may not.
std::string Router::task_capability(const RequestContext& context) const {
  if (!any_tasks(context) || !knows_tasks(context)) {
    return {};
  }
  return context.era == Era::Legacy ? R"(,"tasks":{"list":{},"cancel":{},"requests":{"tools":{"call":{}}}})"
                                    : R"(,"extensions":{"io.modelcontextprotocol/tasks":{}})";
}

std::string Router::instructions(const RequestContext& context) const {
  std::string out = options_.instructions;
  for (uint32_t server = 0; server < upstreams_.size(); ++server) {
    const ServerEntry& entry = context.catalogue->servers()[server];
    if (!context.catalogue->covers(context.scope, server) || entry.listing == nullptr ||
        entry.listing->info->instructions.empty()) {
      continue;
    }
    const std::string& text = entry.listing->info->instructions;
    if (out.size() + text.size() > kInstructionsMax) {
      continue;
    }
    out += out.empty() ? "" : "\n\n";
    out += context.scope.federated() ? entry.name + ": " + text : text;
  }
  return out;
}

/// The server's id of a session for this client, so that the client's own id can carry it; "" when the
/// endpoint stands for several servers, which are greeted when they are used, or for one that keeps nothing
/// of its clients.
Task<std::string> Router::greet_for(RequestContext& context, const SessionTerms& terms) {
  const uint32_t server = context.scope.server;
  if (context.scope.federated() || crossing(context, server).server == Era::Modern) {
    co_return std::string();
  }
  ClientTerms client;
  client.principal_id = terms.principal_id;
  client.capabilities = terms.capabilities;
  client.ends = false;  // the session takes it over
  const std::shared_ptr<UpstreamSession> made = upstreams_[server]->open(std::move(client));
  if (made == nullptr) {
    co_return std::string();
  }
  Result<std::string> id = co_await upstreams_[server]->establish(*made);
  constexpr size_t kIdMax = 256;  // it becomes part of a header
  co_return id && id->size() <= kIdMax ? std::move(*id) : std::string();
}

Task<Reply> Router::handle_initialize(RequestContext& context) {
  if (context.stream == nullptr) {
    co_return failure(context, code::kInvalidRequest,
                      "Invalid request: initialize must not be part of a batch");
  }
  context.catalogue = co_await keeper_->settled(context.scope);
  if (std::optional<Reply> missing = missing_server(context)) {
    co_return std::move(*missing);
  }
  const std::string_view params = context.envelope.params_json;
  const std::string asked = string_of(find_member(params, "protocolVersion"));
  const std::string_view client = find_member(params, "clientInfo");
  SessionTerms terms;
  terms.scope = context.scope;
  terms.principal_id = context.exchange.principal().id;
  terms.protocol_version = is_legacy_version(asked) ? asked : std::string(kLegacyVersions.front());
  terms.client_name = bounded(string_of(find_member(client, "name")));
  terms.client_version = bounded(string_of(find_member(client, "version")));
  const std::string_view declared = find_member(params, "capabilities");
  terms.capabilities = asking_capabilities(declared);
  terms.askable = can_be_asked(terms.capabilities);
  if (std::optional<Reply> refusal = decide_session(context, terms)) {
    co_return std::move(*refusal);
  }
  terms.scope_name = scope_name(context.scope);
  terms.upstream_session = co_await greet_for(context, terms);
  context.session = sessions_.create(std::move(terms), steady_ms());
  if (context.session == nullptr) {
    Reply full = failure(context, code::kServerError, "Too many sessions are open.");
    full.http_status = 503;
    co_return full;
  }
  if (!context.session->terms().upstream_session.empty()) {
    session_with(context, context.scope.server);  // so that it ends with the client's
  }
  std::string members =
      R"("protocolVersion":)" + value::json_string(context.session->terms().protocol_version);
  members += R"(,"capabilities":)" + capabilities(context);
  members += R"(,"serverInfo":)" + server_info(context.scope, *context.catalogue);
  const std::string text = instructions(context);
  if (!text.empty()) {
    members += R"(,"instructions":)" + value::json_string(text);
  }
  Reply reply = result(context, members);
  reply.session_id = peers_.mark(context.session->id());
  co_return reply;
}

Task<Reply> Router::handle_discover(RequestContext& context) {
  context.catalogue = co_await keeper_->settled(context.scope);
  if (std::optional<Reply> missing = missing_server(context)) {
    co_return std::move(*missing);
  }
  std::string members = R"("supportedVersions":[")" + std::string(kModernVersion) + R"("],"capabilities":)" +
                        capabilities(context);
  const std::string text = instructions(context);
  if (!text.empty()) {
    members += R"(,"instructions":)" + value::json_string(text);
  }
  co_return result(context, members);
}

Task<Reply> Router::handle_ping(RequestContext& context) { co_return result(context, {}); }

Task<Reply> Router::handle_set_level(RequestContext& context) {
  const std::optional<LogLevel> level =
      parse_log_level(string_of(find_member(context.envelope.params_json, "level")));
  if (!level) {
    co_return failure(context, code::kInvalidParams, "Invalid params: level must be a log level");
  }
  context.session->set_log_level(*level);
  for (uint32_t server = 0; server < upstreams_.size(); ++server) {
    const ServerEntry& entry = context.catalogue->servers()[server];
    if (!context.catalogue->covers(context.scope, server) || entry.state != ServerEntry::State::Listed ||
        entry.listing->info->era != Era::Legacy ||
        find_member(entry.listing->info->capabilities, "logging").empty()) {
      continue;
    }
    // Sessions may share a process or a session of the server: it is asked for what the most curious of them
    // wants, and each gets its part.
    const std::optional<LogLevel> lowest = upstreams_[server]->shared()
                                               ? lowest_level(std::nullopt)
                                               : lowest_level(context.session->terms().principal_id);
    const std::string params = R"({"level":")" + std::string(log_level_name(lowest.value_or(*level))) + "\"}";
    const Sent sent = co_await send(context, server, params, {});
    if (sent.reply.abandoned) {
      co_return sent.reply;
    }
  }
  context.record.server = {};
  co_return result(context, {});
}

}  // namespace catalyst::mcp
