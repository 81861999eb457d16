// Prompts and completion: routed by name, passed through.

#include "runtime/mcp/router.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {

Task<Reply> Router::handle_list(RequestContext& context) {
  if (context.envelope.cursor.data() != nullptr) {
    co_return failure(context, code::kInvalidParams, "Invalid params: this cursor was never given out");
  }
  keeper_->mark_used(context.scope);
  context.catalogue = co_await keeper_->settled(context.scope);
  if (std::optional<Reply> missing = missing_server(context)) {
    co_return std::move(*missing);
  }
  for (const ListKind kind : kListKinds) {
    const ListSpec& spec = list_spec(kind);
    if (spec.method == context.envelope.method) {
      std::string members = "\"" + std::string(spec.member) + "\":";
      members += context.catalogue->list_json(context.scope, kind);
      co_return result(context, members);
    }
  }
  co_return failure(context, code::kMethodNotFound, "Method not found");
}

Task<Reply> Router::handle_prompts_get(RequestContext& context) {
  const Envelope& envelope = context.envelope;
  if (envelope.name.data() == nullptr) {
    co_return failure(context, code::kInvalidParams, "Invalid params: name must be a string");
  }
  const std::optional<Catalogue::Found> found = co_await find(context, ListKind::Prompts, envelope.name);
  context.record.tool = envelope.name;
  if (!found) {
    if (std::optional<Reply> missing = missing_server(context)) {
      co_return std::move(*missing);
    }
    co_return unknown(context, "prompt", envelope.name);
  }
  context.record.tool = found->item->key;
  std::string name_json;
  ParamsEdit edit;
  if (context.scope.federated()) {
    name_json = value::json_string(found->item->key);
    edit.name_json = name_json;
  }
  co_return co_await forward(context, found->server, edit, found->item->key);
}

Task<Reply> Router::handle_complete(RequestContext& context) {
  const std::string_view ref = find_member(context.envelope.params_json, "ref");
  const std::string type = string_of(find_member(ref, "type"));
  if (type == "ref/prompt") {
    const std::string name = string_of(find_member(ref, "name"));
    const std::optional<Catalogue::Found> found = co_await find(context, ListKind::Prompts, name);
    if (!found) {
      co_return unknown(context, "prompt", name);
    }
    context.record.tool = found->item->key;
    const std::string name_json = value::json_string(found->item->key);
    const MemberEdit rename = {MemberEdit::Kind::Set, "name", name_json};
    const std::string renamed = context.scope.federated() ? edit_object(ref, {&rename, 1}) : std::string();
    ParamsEdit edit;
    edit.ref_json = renamed;
    co_return co_await forward(context, found->server, edit, {});
  }
  if (type != "ref/resource") {
    co_return failure(context, code::kInvalidParams,
                      "Invalid params: ref.type must be ref/prompt or ref/resource");
  }
  const std::string uri = string_of(find_member(ref, "uri"));
  context.catalogue = co_await keeper_->settled(context.scope);
  std::optional<uint32_t> server;
  if (const std::optional<Catalogue::Found> listed =
          context.catalogue->find(context.scope, ListKind::Templates, uri)) {
    server = listed->server;
  } else {
    server = context.catalogue->find_resource(context.scope, uri);
  }
  if (!server) {
    co_return unknown(context, "resource", uri);
  }
  co_return co_await forward(context, *server, {}, {});
}

}  // namespace catalyst::mcp
