#include "runtime/mcp/bridge.h"

#include <algorithm>
#include <vector>

#include "runtime/mcp/json_reader.h"
#include "runtime/mcp/protocol.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

using Kind = MemberEdit::Kind;

constexpr std::string_view kServerInfoKey = "io.modelcontextprotocol/serverInfo";

/// Only the name differs: one splice instead of a walk.
std::string splice_name(const Envelope& envelope, std::string_view name_json) {
  const std::string_view params = envelope.params_json;
  const auto at = static_cast<size_t>(envelope.name_json.data() - params.data());
  std::string out;
  out.reserve(params.size() + name_json.size());
  out.append(params.substr(0, at)).append(name_json).append(params.substr(at + envelope.name_json.size()));
  return out;
}

std::string with_server_info(std::string_view meta_json, std::string_view server_info) {
  const MemberEdit edit = {Kind::Default, kServerInfoKey, server_info};
  return edit_object(meta_json.starts_with('{') ? meta_json : "{}", {&edit, 1});
}

/// Whether `required` (a JSON object's text) has a key, or below one, that `declared` lacks.
bool lacks_any(std::string_view declared, std::string_view required, int levels) {
  JsonReader reader;
  std::string_view key;
  std::vector<std::pair<std::string, std::string_view>> members;
  if (!required.starts_with('{') || !reader.open(required) || !reader.enter_object()) {
    return false;
  }
  while (reader.next_member(key)) {
    members.emplace_back(value::unescape_json(key).value_or(std::string()), reader.value());
  }
  return reader.finished() && std::any_of(members.begin(), members.end(), [&](const auto& member) {
           const std::string_view own = find_member(declared, member.first);
           return own.empty() || (levels > 1 && lacks_any(own, member.second, levels - 1));
         });
}

/// Whether what the server requires is something that the client itself did not declare, and not only this
/// hop.
bool lacks_capability(std::string_view declared_json, std::string_view error_json) {
  constexpr int kLevels = 2;  // "elicitation" and "elicitation.url"
  return lacks_any(declared_json, find_member(find_member(error_json, "data"), "requiredCapabilities"),
                   kLevels);
}

int error_code_of(std::string_view error_json) {
  const std::string text(find_member(error_json, "code"));
  return static_cast<int>(std::strtol(text.c_str(), nullptr, 10));
}

}  // namespace

bool is_cacheable(std::string_view method) {
  return method == "server/discover" || method == "tools/list" || method == "prompts/list" ||
         method == "resources/list" || method == "resources/templates/list" || method == "resources/read";
}

std::optional<std::string> bridge_params(const Envelope& envelope, Crossing crossing,
                                         const ParamsEdit& edit) {
  const bool strip_meta = crossing.server == Era::Legacy && envelope.meta.has_gateway_keys;
  const bool strip_task =
      !edit.task && envelope.method == "tools/call" && envelope.task_json.data() != nullptr;
  const bool more = !edit.arguments_json.empty() || !edit.ref_json.empty() || !edit.task_json.empty();
  if (!strip_meta && !strip_task && !more) {
    if (edit.name_json.empty()) {
      return std::nullopt;
    }
    return splice_name(envelope, edit.name_json);
  }
  std::string meta;
  std::vector<MemberEdit> edits;
  if (strip_meta) {
    meta = strip_gateway_meta(envelope.meta.json);
    edits.push_back({meta.empty() ? Kind::Remove : Kind::Set, "_meta", meta});
  }
  if (strip_task) {
    edits.push_back({Kind::Remove, "task", {}});
  }
  if (!edit.task_json.empty()) {
    edits.push_back({Kind::Set, "task", edit.task_json});
  }
  if (!edit.name_json.empty()) {
    edits.push_back({Kind::Set, "name", edit.name_json});
  }
  if (!edit.arguments_json.empty()) {
    edits.push_back({Kind::Set, "arguments", edit.arguments_json});
  }
  if (!edit.ref_json.empty()) {
    edits.push_back({Kind::Set, "ref", edit.ref_json});
  }
  return edit_object(envelope.params_json.empty() ? "{}" : envelope.params_json, edits);
}

std::optional<std::string> bridge_result(std::string_view method, std::string_view result_json,
                                         Crossing crossing, std::string_view server_info) {
  if (crossing.client == crossing.server) {
    return std::nullopt;
  }
  std::vector<MemberEdit> edits;
  std::string meta;
  if (crossing.client == Era::Modern) {
    meta = with_server_info(find_member(result_json, "_meta"), server_info);
    edits.push_back({Kind::Default, "resultType", "\"complete\""});
    if (is_cacheable(method)) {
      edits.push_back({Kind::Default, "ttlMs", "0"});
      edits.push_back({Kind::Default, "cacheScope", "\"private\""});
    }
    edits.push_back({Kind::Set, "_meta", meta});
  } else {
    edits.push_back({Kind::Remove, "resultType", {}});
    if (is_cacheable(method)) {
      edits.push_back({Kind::Remove, "ttlMs", {}});
      edits.push_back({Kind::Remove, "cacheScope", {}});
    }
  }
  return edit_object(result_json, edits);
}

std::optional<std::string> bridge_error(const Envelope& envelope, std::string_view error_json,
                                        Crossing crossing) {
  if (crossing.client == crossing.server && crossing.client == Era::Legacy) {
    return std::nullopt;
  }
  const int code = error_code_of(error_json);
  const bool reading = envelope.method == "resources/read";
  std::string changed;
  std::vector<MemberEdit> edits;
  std::string data;
  if (code == code::kMissingCapability && crossing.client == Era::Modern &&
      lacks_capability(envelope.meta.client_capabilities_json, error_json)) {
    return std::nullopt;
  }
  if (code == code::kMissingCapability || code == code::kHeaderMismatch ||
      code == code::kUnsupportedVersion) {
    // These speak about the hop behind the gateway, which the client did not make.
    return error_object(code::kInternalError, "The server refused the gateway's request: " +
                                                  string_of(find_member(error_json, "message")));
  }
  if (crossing.client == Era::Modern && crossing.server == Era::Legacy) {
    if (reading && code == code::kLegacyResourceNotFound) {
      data = R"({"uri":)" + value::json_string(envelope.uri) + "}";
      changed = std::to_string(code::kInvalidParams);
      edits = {{Kind::Set, "code", changed}, {Kind::Default, "data", data}};
      return edit_object(error_json, edits);
    }
    if (code == -32042) {
      return error_object(code::kInternalError,
                          "The server wants input that this protocol revision cannot carry.");
    }
  }
  if (crossing.client == Era::Legacy && reading && code == code::kInvalidParams) {
    changed = std::to_string(code::kLegacyResourceNotFound);
    edits = {{Kind::Set, "code", changed}};
    return edit_object(error_json, edits);
  }
  return std::nullopt;
}

std::string own_result(std::string_view members, std::string_view method, Era client,
                       std::string_view server_info) {
  std::string out;
  out.reserve(members.size() + server_info.size() + 128);
  out.append("{").append(members);
  if (client == Era::Modern) {
    out.append(members.empty() ? "" : ",").append(R"("resultType":"complete")");
    if (is_cacheable(method)) {
      out.append(R"(,"ttlMs":0,"cacheScope":"private")");
    }
    out.append(R"(,"_meta":{")").append(kServerInfoKey).append("\":").append(server_info).append("}");
  }
  out += '}';
  return out;
}

}  // namespace catalyst::mcp
