// tools/call.

#include "runtime/abi/unit.h"
#include "runtime/mcp/argument_schemas.h"
#include "runtime/mcp/router.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {

std::optional<Reply> Router::check_param_headers(RequestContext& context,
                                                 const Catalogue::Found& found) const {
  if (context.era != Era::Modern || !context.exchange.mirrors_arguments()) {
    return std::nullopt;
  }
  for (const ParamHeader& header : found.item->headers) {
    if (!param_header_agrees(header, context.exchange.header(header.name), context.envelope.arguments_json)) {
      Reply reply = failure(context, code::kHeaderMismatch,
                            "Header mismatch: " + header.name + " does not equal its argument");
      reply.http_status = 400;
      return reply;
    }
  }
  return std::nullopt;
}

Task<Reply> Router::handle_tools_call(RequestContext& context) {
  const Envelope& envelope = context.envelope;
  if (envelope.name.data() == nullptr) {
    co_return failure(context, code::kInvalidParams, "Invalid params: name must be a string");
  }
  if (envelope.arguments_json.data() != nullptr && envelope.arguments_json.front() != '{') {
    co_return failure(context, code::kInvalidParams, "Invalid params: arguments must be an object");
  }
  std::optional<Catalogue::Found> found =
      context.catalogue->find(context.scope, ListKind::Tools, envelope.name);
  if (!found) {
    found = co_await find_later(context, ListKind::Tools, envelope.name);
  }
  context.record.tool = envelope.name;
  if (!found) {
    if (std::optional<Reply> missing = missing_server(context)) {
      co_return std::move(*missing);
    }
    if (const auto held = context.catalogue->find_held(context.scope, envelope.name)) {
      take_pack(context);
      context.record.server = upstreams_[held->server]->name();
      if (!is_hidden(context, subject_of(abi::Hook::ListTools, *held))) {
        co_return failure(
            context, code::kDenied,
            "The definition of this tool changed and waits for approval: " + std::string(envelope.name));
      }
    }
    co_return unknown(context, "tool", envelope.name);
  }
  context.record.server = upstreams_[found->server]->name();
  context.record.tool = found->item->key;
  take_pack(context);
  const Subject listed = subject_of(abi::Hook::ListTools, *found);
  if (is_hidden_by_rule(context, listed)) {
    co_return unknown(context, "tool", envelope.name);
  }
  if (std::optional<Reply> mismatch = check_param_headers(context, *found)) {
    co_return std::move(*mismatch);
  }
  // Before the rules: they are typed by the same schema, and may rely on it.
  if (const std::optional<std::string> fault = argument_fault(*found->item, envelope.arguments_json)) {
    if (is_hidden(context, listed)) {
      // A rule that denies whatever is asked speaks without the arguments.
      std::optional<Reply> refusal =
          ruled(context) ? decide_request(context, subject_of(abi::Hook::Call, *found), context.arguments)
                         : std::nullopt;
      co_return refusal ? std::move(*refusal) : unknown(context, "tool", envelope.name);
    }
    co_return result(context, R"("content":[{"type":"text","text":)" + value::json_string(*fault) +
                                  R"(}],"isError":true)");
  }
  Subject call = subject_of(abi::Hook::Call, *found);
  call.args = envelope.arguments_json;
  std::optional<Reply> refusal = decide_request(context, call, context.arguments);
  if (context.record.audit == decision::AuditLevel::Full && context.arguments.empty()) {
    context.arguments = envelope.arguments_json;
  }
  if (refusal) {
    co_return !ruled(context) && is_hidden(context, listed) ? unknown(context, "tool", envelope.name)
                                                            : std::move(*refusal);
  }
  co_return co_await call_tool(context, *found);
}

Task<Reply> Router::call_tool(RequestContext& context, Catalogue::Found found) {
  const Envelope& envelope = context.envelope;
  std::string name_json;
  ParamsEdit edit;
  edit.arguments_json = context.record.sets > 0 ? std::string_view(context.arguments) : std::string_view();
  const std::string_view arguments = context.record.sets > 0 ? edit.arguments_json : envelope.arguments_json;
  if (context.scope.federated()) {
    name_json = value::json_string(found.item->key);
    edit.name_json = name_json;
  }
  if (routed_[found.server] != nullptr) {
    plan_route(context, found.server, found.item, arguments);
  }
  if (!context.pack->unit().routes.empty()) {
    plan_declared(context, found, arguments);
  }
  if (std::optional<Reply> refusal = insists_on_task(context, found)) {
    co_return std::move(*refusal);
  }
  const bool wanted = may_be_task(context, found);
  edit.task = wanted;
  if (std::optional<Reply> refusal = refuse_task(context, found.server, arguments, edit)) {
    co_return std::move(*refusal);
  }
  const Crossing crossed = crossing(context, found.server);
  const bool offered = edit.task;
  if (offered && crossed.client != crossed.server) {
    edit.task = false;
    if (crossed.server == Era::Legacy) {
      edit.task_json = "{}";
    } else {
      offer_tasks(context);
    }
  }
  if (crossed.server == Era::Modern) {
    context.param_headers = param_header_lines(found.item->headers, arguments, context.exchange);
  }
  const std::optional<std::string> changed = bridge_params(envelope, crossed, edit);
  Sent outcome = co_await send(context, found.server,
                               changed ? std::string_view(*changed) : envelope.params_json, found.item->key);
  if (!outcome.upstream) {
    co_return std::move(outcome.reply);
  }
  UpstreamReply& upstream = *outcome.upstream;
  if (upstream.is_error) {
    co_return answer(context, found.server, upstream);
  }
  if (is_task(crossed.server, upstream)) {
    co_return offered ? task_created(context, found, arguments, upstream)
                      : unavailable(context, found.server, "a task that nobody asked for");
  }
  if (wanted && crossed.client == Era::Legacy && crossed.server == Era::Modern) {
    co_return hold_result(context, found, arguments, upstream.payload);
  }
  std::string result;
  Subject back = subject_of(abi::Hook::Result, found);
  back.args = arguments;
  back.result = upstream.payload;
  if (std::optional<Reply> refusal = decide_result(context, back, result)) {
    co_return std::move(*refusal);
  }
  if (!result.empty()) {
    upstream.body = std::move(result);
    upstream.payload = upstream.body;
  }
  if (context.record.audit == decision::AuditLevel::Full) {
    context.result = upstream.payload;
    if (context.arguments.empty()) {
      context.arguments = arguments;
    }
  }
  co_return answer(context, found.server, upstream);
}

}  // namespace catalyst::mcp
