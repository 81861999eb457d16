// Calls whose answer is fetched later: the tasks of revision 2025-11-25 and the tasks extension of
// 2026-07-28. A task's id is ours: a sealed record of the server, its own id, and the call, so that any
// engine can serve it, and the rules see the result as that of the call.

#include <algorithm>

#include "runtime/mcp/asking.h"
#include "runtime/mcp/router.h"
#include "runtime/mcp/upstream_wire.h"
#include "runtime/value/find_text.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

using Kind = MemberEdit::Kind;

constexpr std::string_view kHeld = "held";
constexpr size_t kArgumentsMax = 8 * 1024;  // they become part of the id
constexpr size_t kTheirIdMax = 1024;

std::string binding_of(std::string_view principal_id) { return digest_of({"task", principal_id}); }

void append_field(std::string& out, std::string_view text) {
  out.append(std::to_string(text.size())).append(":").append(text);
}

std::optional<std::string> take_field(std::string_view& from) {
  const size_t colon = from.find(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const size_t size = std::strtoull(std::string(from.substr(0, colon)).c_str(), nullptr, 10);
  if (from.size() - colon - 1 < size) {
    return std::nullopt;
  }
  std::string out(from.substr(colon + 1, size));
  from.remove_prefix(colon + 1 + size);
  return out;
}

/// Whether a call along these lanes may come to another target than a call of the server that has no tool's
/// name, as those about tasks.
bool has_other_target(const Lanes& lanes, uint32_t server) {
  return lanes.size() > 1 ||
         (lanes.size() == 1 && lanes.front().server != Lane::kReplica && lanes.front().server != server);
}

}  // namespace

bool Router::may_be_task(const RequestContext& context, const Catalogue::Found& found) const {
  // What the server offers is read last: hardly any call asks for a task.
  const bool asked = context.era == Era::Legacy
                         ? context.session != nullptr &&
                               context.session->terms().protocol_version == kTaskSession &&
                               context.envelope.task_json.starts_with('{')
                         : takes_tasks(context.envelope.meta.client_capabilities_json);
  const std::shared_ptr<const Listing>& listing = context.catalogue->servers()[found.server].listing;
  if (!asked || listing == nullptr || !offers_tasks(*listing->info)) {
    return false;
  }
  // An old server says of which tools it makes tasks, and a new client leaves it to the server.
  return context.era == Era::Legacy || listing->info->era == Era::Modern ||
         task_support(found.item->json) != TaskSupport::Forbidden;
}

std::optional<Reply> Router::insists_on_task(RequestContext& context, const Catalogue::Found& found) const {
  const Crossing crossed = crossing(context, found.server);
  if (crossed.client != Era::Modern || crossed.server != Era::Legacy ||
      task_support(found.item->json) != TaskSupport::Required ||
      takes_tasks(context.envelope.meta.client_capabilities_json)) {
    return std::nullopt;
  }
  return takes_no_tasks(context);
}

bool Router::knows_tasks(const RequestContext& context) {
  return context.era == Era::Modern ||
         (context.session != nullptr && context.session->terms().protocol_version == kTaskSession);
}

bool Router::any_tasks(const RequestContext& context) const {
  const std::vector<ServerEntry>& servers = context.catalogue->servers();
  for (uint32_t server = 0; server < servers.size(); ++server) {
    const Listing* listing = servers[server].listing.get();
    if (context.scope.covers(server) && listing != nullptr && offers_tasks(*listing->info)) {
      return true;
    }
  }
  return false;
}

bool Router::marks_tasks(const RequestContext& context, uint32_t server) const {
  const Listing* listing = context.catalogue->servers()[server].listing.get();
  return context.session != nullptr && context.session->terms().protocol_version == kTaskSession &&
         listing != nullptr && listing->info->era == Era::Modern && offers_tasks(*listing->info);
}

bool Router::marks_tasks(const RequestContext& context) const {
  if (context.session == nullptr) {
    return false;
  }
  for (uint32_t server = 0; server < upstreams_.size(); ++server) {
    if (context.catalogue->covers(context.scope, server) && marks_tasks(context, server)) {
      return true;
    }
  }
  return false;
}

/// Nothing larger fits into an id; and where the call has a choice of targets, the id would not lead back to
/// the one that has the task: another may know another's task by it. In the old generation a client that
/// asked for a task hears that it is too large, and else has its answer at once, as from a server without
/// tasks; in the new one the server decides, and is not offered the choice.
std::optional<Reply> Router::refuse_task(RequestContext& context, uint32_t server, std::string_view arguments,
                                         ParamsEdit& edit) const {
  const bool strays = context.runner != nullptr && has_other_target(*context.runner->lanes(), server);
  if (!edit.task || (!strays && arguments.size() <= kArgumentsMax)) {
    return std::nullopt;
  }
  edit.task = false;
  if (context.era == Era::Modern) {
    context.offered_capabilities = without_tasks_taken(context.envelope.meta.client_capabilities_json);
    return std::nullopt;
  }
  if (strays) {
    return std::nullopt;
  }
  return failure(
      context, code::kInvalidParams,
      "Invalid params: the arguments of a task must not exceed " + std::to_string(kArgumentsMax) + " bytes");
}

bool Router::is_task(Era server, const UpstreamReply& reply) {
  // The search spares every other result the walk.
  if (value::find_text(reply.payload, "\"task\"") == std::string_view::npos) {
    return false;
  }
  return server == Era::Modern ? find_member(reply.payload, "resultType") == "\"task\""
                               : find_member(reply.payload, "task").starts_with('{');
}

std::string Router::seal_task(const RequestContext& context, const TaskRef& task) const {
  std::string text;
  for (const std::string& field : {upstreams_[task.server]->name(), task.id, task.tool, task.arguments}) {
    append_field(text, field);
  }
  append_field(text, task.held ? kHeld : std::string_view());
  std::string id = sealer_.seal(binding_of(context.exchange.principal().id), text);
  // What is asked and held between the generations is known to this engine alone.
  const Crossing crossed = crossing(context, task.server);
  return task.held || crossed.client != crossed.server ? peers_.mark(std::move(id)) : id;
}

std::optional<TaskRef> Router::open_task(const RequestContext& context, std::string_view id) const {
  const std::optional<std::string> text =
      sealer_.open(binding_of(context.exchange.principal().id), EnginePeers::unmarked(id));
  if (!text) {
    return std::nullopt;
  }
  std::string_view rest = *text;
  const std::optional<std::string> name = take_field(rest);
  std::optional<std::string> theirs = take_field(rest);
  std::optional<std::string> tool = take_field(rest);
  std::optional<std::string> arguments = take_field(rest);
  const std::optional<uint32_t> server = name ? server_index(*name) : std::nullopt;
  if (!server || !arguments || !context.scope.covers(*server)) {
    return std::nullopt;
  }
  const bool held = take_field(rest) == kHeld;
  return TaskRef{*server, std::move(*theirs), std::move(*tool), std::move(*arguments), std::string(id), held};
}

/// The rules see results as a whole; what a task says of itself on the way is no result, so that a text in it
/// would pass by them.
std::string Router::visible_task(const RequestContext& context, std::string_view task_json,
                                 std::string_view ours) const {
  return with_task_id(ignores(context, abi::Hook::Result) ? std::string(task_json) : bare_task(task_json),
                      ours);
}

Reply Router::task_created(RequestContext& context, const Catalogue::Found& found, std::string_view arguments,
                           const UpstreamReply& upstream) {
  const Crossing crossed = crossing(context, found.server);
  const std::string_view task =
      crossed.server == Era::Modern ? upstream.payload : find_member(upstream.payload, "task");
  TaskRef ref;
  ref.server = found.server;
  ref.id = string_of(find_member(task, "taskId"));
  ref.tool = found.item->key;
  ref.arguments = arguments;
  const std::optional<TaskStatus> status = task_status(task);
  if (ref.id.empty() || ref.id.size() > kTheirIdMax || !status) {
    return unavailable(context, found.server, "a task without a usable id or status");
  }
  ref.ours = seal_task(context, ref);
  tasks_.add(context.exchange.principal().id, {ref.server, ref.id, ref.ours});
  std::string visible = visible_task(context, task, ref.ours);
  if (crossed.client != crossed.server) {
    visible = task_for(crossed.client, visible, *status);
  }
  Reply reply;
  if (crossed.client == Era::Modern) {
    const MemberEdit kind = {Kind::Set, "resultType", "\"task\""};
    visible = edit_object(visible, {&kind, 1});
    const std::optional<std::string> bridged = bridge_result("tools/call", visible, crossed, own_info_);
    reply.message = result_message(context.envelope.id_json, bridged ? *bridged : visible);
  } else {
    reply.message = result_message(context.envelope.id_json, R"({"task":)" + visible + "}");
  }
  return reply;
}

Reply Router::no_task(RequestContext& context) const {
  return failure(context, code::kInvalidParams, "Unknown task");
}

Reply Router::takes_no_tasks(RequestContext& context) const {
  Reply reply =
      failure(context, code::kMissingCapability, "Missing required client capability",
              R"({"requiredCapabilities":{"extensions":{")" + std::string(kTasksExtension) + R"(":{}}}})");
  reply.http_status = 400;
  return reply;
}

Task<Reply> Router::handle_task(RequestContext& context) {
  if (!knows_tasks(context)) {
    co_return failure(context, code::kMethodNotFound, "Method not found");
  }
  if (!any_tasks(context)) {
    co_return co_await handle_unknown(context);
  }
  const std::string_view params = context.envelope.params_json;
  std::optional<TaskRef> task = open_task(context, context.envelope.task_id);
  if (!task) {
    co_return no_task(context);
  }
  if (context.era == Era::Modern && !takes_tasks(context.envelope.meta.client_capabilities_json)) {
    co_return takes_no_tasks(context);
  }
  take_pack(context);
  context.task = std::move(*task);
  context.record.server = upstreams_[context.task.server]->name();
  context.record.tool = context.task.tool;
  if (context.task.held) {
    co_return held_task(context);
  }
  const Crossing crossed = crossing(context, context.task.server);
  if (crossed.client != crossed.server) {
    co_return crossed.client == Era::Modern ? co_await task_of_old_server(context)
                                            : co_await task_of_new_server(context);
  }
  const std::string own = with_task_id(params, context.task.id);
  Sent outcome = co_await send(context, context.task.server, own, context.task.id);
  if (!outcome.upstream) {
    co_return std::move(outcome.reply);
  }
  if (outcome.upstream->is_error) {
    co_return answer(context, context.task.server, *outcome.upstream);
  }
  co_return context.envelope.method == "tasks/result" ? task_result(context, std::move(*outcome.upstream))
                                                      : task_state(context, std::move(*outcome.upstream));
}

std::optional<Reply> Router::decide_task_result(RequestContext& context, std::string_view result_json,
                                                std::string& changed) {
  Subject back = {.hook = abi::Hook::Result,
                  .server = context.record.server,
                  .thing = context.task.tool,
                  .args = context.task.arguments,
                  .result = result_json};
  std::optional<Reply> refusal = decide_result(context, back, changed);
  if (context.record.audit == decision::AuditLevel::Full) {
    context.arguments = context.task.arguments;
    context.result = refusal ? std::string() : changed.empty() ? std::string(result_json) : changed;
  }
  return refusal;
}

Reply Router::task_result(RequestContext& context, UpstreamReply upstream) {
  std::string changed;
  if (std::optional<Reply> refusal = decide_task_result(context, upstream.payload, changed)) {
    return std::move(*refusal);
  }
  const std::string_view seen = changed.empty() ? upstream.payload : std::string_view(changed);
  const Crossing crossed = crossing(context, context.task.server);
  std::string own = crossed.client == crossed.server ? related_task(seen, context.task.id, context.task.ours)
                                                     : about_task(seen, context.task.ours);
  upstream.body = std::move(own);
  upstream.payload = upstream.body;
  return answer(context, context.task.server, upstream);
}

/// tasks/get, tasks/cancel, tasks/update: where the task stands, in the new generation with its result or its
/// questions.
Reply Router::task_state(RequestContext& context, UpstreamReply upstream) {
  if (context.era == Era::Modern && context.envelope.method != "tasks/get") {
    return answer(context, context.task.server, upstream);  // a bare acknowledgement
  }
  std::string visible = visible_task(context, upstream.payload, context.task.ours);
  if (const std::string_view result = find_member(upstream.payload, "result"); !result.empty()) {
    std::string changed;
    if (std::optional<Reply> refusal = decide_task_result(context, result, changed)) {
      return std::move(*refusal);
    }
    const MemberEdit edit = {Kind::Set, "result", changed.empty() ? result : std::string_view(changed)};
    visible = edit_object(visible, {&edit, 1});
  }
  if (!find_member(visible, "inputRequests").empty()) {
    return pass_questions(context, context.task.server, visible);
  }
  Reply reply;
  reply.message = result_message(context.envelope.id_json, visible);
  return reply;
}

std::optional<std::string> Router::task_notice(std::string_view principal_id, uint32_t server,
                                               std::string_view message) const {
  const std::string_view params = find_member(message, "params");
  const std::optional<std::string> ours =
      tasks_.ours(principal_id, server, string_of(find_member(params, "taskId")));
  if (!ours) {
    return std::nullopt;
  }
  const std::shared_ptr<const decision::InForce> in_force = engine_.in_force();
  const bool free = in_force->pack_for(principal_id)->ignores(abi::Hook::Result);
  return notification_message("notifications/tasks/status",
                              with_task_id(free ? std::string(params) : bare_task(params), *ours));
}

}  // namespace catalyst::mcp
