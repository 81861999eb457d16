// Lists, prompts and completion: routed by name.

#include "runtime/decision/apply.h"
#include "runtime/mcp/router.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {

namespace {

/// The definition with another description. What is pinned and compared is the upstream's own.
std::string described(std::string_view item, std::string_view text) {
  static constexpr std::string_view kPath[] = {"description"};
  const std::string json = value::json_string(text);
  const decision::SetEffect set{kPath, json, 0};
  return decision::apply_sets(item, {&set, 1});
}

}  // namespace

Task<Reply> Router::handle_list(RequestContext& context) {
  if (context.envelope.cursor.data() != nullptr) {
    co_return failure(context, code::kInvalidParams, "Invalid params: this cursor was never given out");
  }
  keeper_->mark_used(context.scope);
  context.catalogue = co_await keeper_->settled(context.scope);
  if (std::optional<Reply> missing = missing_server(context)) {
    co_return std::move(*missing);
  }
  take_pack(context);
  for (const ListKind kind : kListKinds) {
    const ListSpec& spec = list_spec(kind);
    if (spec.method == context.envelope.method) {
      co_return result(context, "\"" + std::string(spec.member) + "\":" + visible_list(context, kind));
    }
  }
  co_return failure(context, code::kMethodNotFound, "Method not found");
}

std::string Router::visible_list(RequestContext& context, ListKind kind) {
  const abi::Hook hook = list_hook(kind);
  const bool all = ignores(context, hook);
  if (all && !(kind == ListKind::Tools && marks_tasks(context))) {
    return std::string(context.catalogue->list_json(context.scope, kind));
  }
  std::string out = "[";
  context.catalogue->for_each(context.scope, kind, [&](const Catalogue::Found& found) {
    const Shown shown = all ? Shown() : look_at(context, subject_of(hook, found), decision::Listing::Derived);
    if (shown.hidden) {
      return;
    }
    out.append(out.size() > 1 ? "," : "");
    std::string item =
        context.scope.federated() && is_named(kind) ? found.item->federated_json() : found.item->json;
    if (kind == ListKind::Tools && marks_tasks(context, found.server)) {
      item = with_task_support(item);
    }
    out += shown.description ? described(item, *shown.description) : item;
  });
  return out + "]";
}

Task<Reply> Router::handle_prompts_get(RequestContext& context) {
  const Envelope& envelope = context.envelope;
  if (envelope.name.data() == nullptr) {
    co_return failure(context, code::kInvalidParams, "Invalid params: name must be a string");
  }
  std::optional<Catalogue::Found> found =
      context.catalogue->find(context.scope, ListKind::Prompts, envelope.name);
  if (!found) {
    found = co_await find_later(context, ListKind::Prompts, envelope.name);
  }
  context.record.tool = envelope.name;
  if (!found) {
    if (std::optional<Reply> missing = missing_server(context)) {
      co_return std::move(*missing);
    }
    co_return unknown(context, "prompt", envelope.name);
  }
  context.record.server = upstreams_[found->server]->name();
  context.record.tool = found->item->key;
  take_pack(context);
  const Subject listed = subject_of(abi::Hook::ListPrompts, *found);
  if (is_hidden_by_rule(context, listed)) {
    co_return unknown(context, "prompt", envelope.name);
  }
  Subject prompt = subject_of(abi::Hook::Prompt, *found);
  prompt.params = envelope.params_json;
  if (std::optional<Reply> refusal = decide_request(context, prompt, context.arguments)) {
    co_return !ruled(context) && is_hidden(context, listed) ? unknown(context, "prompt", envelope.name)
                                                            : std::move(*refusal);
  }
  std::string name_json;
  ParamsEdit edit;
  if (context.record.sets > 0) {
    edit.arguments_json = context.arguments;
  }
  if (context.scope.federated()) {
    name_json = value::json_string(found->item->key);
    edit.name_json = name_json;
  }
  co_return co_await forward(context, found->server, edit, found->item->key, &prompt);
}

Task<Reply> Router::handle_complete(RequestContext& context) {
  const std::string_view ref = find_member(context.envelope.params_json, "ref");
  const std::string type = string_of(find_member(ref, "type"));
  if (type != "ref/prompt" && type != "ref/resource") {
    co_return failure(context, code::kInvalidParams,
                      "Invalid params: ref.type must be ref/prompt or ref/resource");
  }
  const bool of_prompt = type == "ref/prompt";
  const std::string name = string_of(find_member(ref, of_prompt ? "name" : "uri"));
  const std::string_view kind = of_prompt ? "prompt" : "resource";
  const ListKind list = of_prompt ? ListKind::Prompts : ListKind::Templates;
  std::optional<Catalogue::Found> found = context.catalogue->find(context.scope, list, name);
  if (!found) {
    found = co_await find_later(context, list, name);
  }
  std::optional<uint32_t> server;
  if (found) {
    server = found->server;
  } else if (!of_prompt) {
    server = context.catalogue->find_resource(context.scope, name);
  }
  if (!server) {
    co_return unknown(context, kind, name);
  }
  const std::string key = found ? found->item->key : name;
  context.record.server = upstreams_[*server]->name();
  context.record.tool = found ? std::string_view(found->item->key) : std::string_view();
  take_pack(context);
  const abi::Hook listing = of_prompt ? abi::Hook::ListPrompts : abi::Hook::ListResources;
  if (found && is_hidden(context, subject_of(listing, *found))) {
    co_return unknown(context, kind, name);
  }
  const Subject subject = {.hook = abi::Hook::Complete,
                           .server = upstreams_[*server]->name(),
                           .thing = key,
                           .params = context.envelope.params_json};
  if (std::optional<Reply> refusal = decide_request(context, subject, context.arguments)) {
    co_return std::move(*refusal);
  }
  ParamsEdit edit;
  std::string renamed;
  if (of_prompt && context.scope.federated()) {
    const std::string name_json = value::json_string(key);
    const MemberEdit rename = {MemberEdit::Kind::Set, "name", name_json};
    renamed = edit_object(ref, {&rename, 1});
    edit.ref_json = renamed;
  }
  co_return co_await forward(context, *server, edit, {});
}

}  // namespace catalyst::mcp
