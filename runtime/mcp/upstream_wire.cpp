#include "runtime/mcp/upstream_wire.h"

#include <algorithm>
#include <charconv>

#include "runtime/mcp/envelope.h"
#include "runtime/mcp/json_reader.h"
#include "runtime/mcp/protocol.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr std::string_view kHopKeys[] = {
    "io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/logLevel", "progressToken"};

bool same_key(std::string_view raw, std::string_view key) {
  if (value::is_plain_json(raw)) {
    return raw == key;
  }
  const auto text = value::unescape_json(raw);
  return text && *text == key;
}

void append_member(std::string& out, std::string_view key, std::string_view json) {
  if (out.back() != '{') {
    out += ',';
  }
  out += '"';
  out += key;
  out += "\":";
  out += json;
}

void append_text_member(std::string& out, std::string_view key, std::string_view text) {
  if (text.empty()) {
    return;
  }
  append_member(out, key, {});
  value::append_json_string(out, text);
}

/// The members that this hop puts into _meta, behind an open brace.
void append_hop_meta(std::string& out, uint64_t id, const UpstreamCall& call, Era era,
                     const GatewayIdentity& identity) {
  if (era == Era::Modern) {
    append_member(out, "io.modelcontextprotocol/protocolVersion", "\"2026-07-28\"");
    append_member(out, "io.modelcontextprotocol/clientInfo", identity.client_info_json);
    append_member(out, "io.modelcontextprotocol/clientCapabilities", call.capabilities);
    append_text_member(out, "io.modelcontextprotocol/logLevel", call.log_level);
  }
  if (!call.progress_token.empty()) {
    append_member(out, "progressToken", std::to_string(id));
  }
  append_text_member(out, "traceparent", call.traceparent);
  append_text_member(out, "tracestate", call.tracestate);
}

bool is_hop_key(std::string_view raw, const UpstreamCall& call) {
  const auto matches = [&](std::string_view key) { return same_key(raw, key); };
  return std::any_of(std::begin(kHopKeys), std::end(kHopKeys), matches) ||
         (!call.traceparent.empty() && matches("traceparent")) ||
         (!call.tracestate.empty() && matches("tracestate"));
}

/// Copies params with `hop_meta` (members, no braces) in its _meta instead of what the client's own hop had
/// there.
bool append_rewritten(std::string& out, const UpstreamCall& call, std::string_view hop_meta) {
  JsonReader reader;
  if (!reader.open(call.params, kUpstreamDepth) || !reader.enter_object()) {
    return false;
  }
  out += '{';
  bool has_meta = false;
  std::string_view key;
  while (reader.next_member(key)) {
    if (!same_key(key, "_meta") || reader.peek() != '{') {
      append_member(out, key, reader.value());
      continue;
    }
    has_meta = true;
    append_member(out, "_meta", "{");
    out += hop_meta;
    reader.enter_object();
    std::string_view inner;
    while (reader.next_member(inner)) {
      const std::string_view json = reader.value();
      if (!is_hop_key(inner, call)) {
        append_member(out, inner, json);
      }
    }
    out += '}';
  }
  if (!has_meta && !hop_meta.empty()) {
    append_member(out, "_meta", "{");
    out += hop_meta;
    out += '}';
  }
  out += '}';
  return reader.finished() && !reader.failed();
}

/// Whether an object's text can have a member of that name, escapes considered.
bool may_mention_meta(std::string_view text) {
  return text.find("_meta") != std::string_view::npos || text.find("\\u") != std::string_view::npos;
}

/// The member `params`, of params that have no _meta: what this hop puts there goes first.
void append_params(std::string& out, uint64_t id, const UpstreamCall& call, Era era,
                   const GatewayIdentity& identity) {
  const size_t start = out.size();
  out += R"(,"params":{"_meta":{)";
  const size_t bare = out.size();
  append_hop_meta(out, id, call, era, identity);
  const std::string_view params = call.params;
  const size_t open = params.find('{');
  if (out.size() == bare || (open == std::string_view::npos && !params.empty())) {
    out.resize(start);
    if (!params.empty()) {
      out += R"(,"params":)";
      out += params;
    }
    return;
  }
  if (params.empty()) {
    out += "}}";
    return;
  }
  const size_t next = params.find_first_not_of(" \t\r\n", open + 1);
  out += next != std::string_view::npos && params[next] == '}' ? "}" : "},";
  out += params.substr(open + 1);
}

}  // namespace

std::optional<WireMessage> read_wire_message(std::string_view text) {
  JsonReader reader;
  WireMessage message;
  if (!reader.open(text, kUpstreamDepth) || !reader.enter_object()) {
    return std::nullopt;
  }
  bool has_method = false;
  std::string_view key;
  while (reader.next_member(key)) {
    if (key == "id") {
      message.id = reader.value();
    } else if (key == "method") {
      const std::string_view raw = reader.string();
      has_method = raw.data() != nullptr;
      message.method = reader.is_plain(raw) ? raw : std::string_view{};
    } else if (key == "params") {
      message.params = reader.value();
    } else if (key == "result" || key == "error") {
      message.is_error = key == "error";
      message.payload = reader.value();
    } else {
      reader.value();
    }
  }
  if (reader.failed() || !reader.finished() || has_method == !message.payload.empty()) {
    return std::nullopt;
  }
  if (has_method) {
    message.kind = message.id.empty() ? WireMessage::Kind::Notification : WireMessage::Kind::Request;
  } else if (message.id.empty()) {
    return std::nullopt;
  }
  return message;
}

std::optional<uint64_t> own_id(std::string_view id_json) {
  uint64_t id = 0;
  const auto [end, ec] = std::from_chars(id_json.data(), id_json.data() + id_json.size(), id);
  if (ec != std::errc() || end != id_json.data() + id_json.size()) {
    return std::nullopt;
  }
  return id;
}

void append_request(std::string& out, uint64_t id, const UpstreamCall& call, Era era,
                    const GatewayIdentity& identity) {
  out.reserve(out.size() + call.params.size() + call.method.size() + 512);
  out += R"({"jsonrpc":"2.0","id":)";
  out += std::to_string(id);
  out += R"(,"method":)";
  value::append_json_string(out, call.method);
  if (!call.params.empty() && may_mention_meta(call.params)) {
    std::string meta = "{";
    append_hop_meta(meta, id, call, era, identity);
    out += R"(,"params":)";
    const size_t start = out.size();
    if (!append_rewritten(out, call, std::string_view(meta).substr(1))) {
      out.resize(start);
      out += call.params;  // not an object: the server is the one to say so
    }
  } else {
    append_params(out, id, call, era, identity);
  }
  out += '}';
}

std::string greeting_request(uint64_t id, Era era, const GatewayIdentity& identity,
                             std::string_view capabilities) {
  UpstreamCall call;
  std::string params;
  if (era == Era::Modern) {
    call.method = "server/discover";
  } else {
    call.method = "initialize";
    params = R"({"protocolVersion":"2025-11-25","capabilities":)" + std::string(capabilities) +
             R"(,"clientInfo":)" + identity.client_info_json + "}";
    call.params = params;
  }
  std::string out;
  append_request(out, id, call, era, identity);
  return out;
}

Result<UpstreamInfo> read_greeting(std::string_view result_json, Era era) {
  UpstreamInfo info;
  info.era = era;
  const auto object_of = [&](std::string_view key) {
    const std::string_view text = find_member(result_json, key);
    return std::string(text.starts_with('{') ? text : std::string_view("{}"));
  };
  info.capabilities = object_of("capabilities");
  info.instructions = string_of(find_member(result_json, "instructions"));
  if (era == Era::Legacy) {
    info.protocol_version = string_of(find_member(result_json, "protocolVersion"));
    info.server_info = object_of("serverInfo");
    if (!is_legacy_version(info.protocol_version)) {
      return error("the server answered initialize with protocol version '" +
                   printable(info.protocol_version, 32) + "'");
    }
    return info;
  }
  const std::string_view versions = find_member(result_json, "supportedVersions");
  if (versions.find("\"2026-07-28\"") == std::string_view::npos) {
    return error("the server supports no modern protocol version that we know");
  }
  info.protocol_version = kModernVersion;
  const std::string_view server_info =
      find_member(find_member(result_json, "_meta"), "io.modelcontextprotocol/serverInfo");
  info.server_info = server_info.starts_with('{') ? std::string(server_info) : object_of("serverInfo");
  return info;
}

int error_code_of(std::string_view error_json) {
  const std::string_view text = find_member(error_json, "code");
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool is_modern_error(std::string_view error_json) {
  const int number = error_code_of(error_json);
  return number == code::kHeaderMismatch || number == code::kMissingCapability ||
         number == code::kUnsupportedVersion;
}

std::string listen_params(const std::vector<std::string>& uris) {
  std::string out =
      R"({"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true)";
  for (size_t i = 0; i < uris.size(); ++i) {
    out += i == 0 ? R"(,"resourceSubscriptions":[)" : ",";
    value::append_json_string(out, uris[i]);
  }
  return out + (uris.empty() ? "}}" : "]}}");
}

std::string cancelled_notification(uint64_t id) {
  return notification_message("notifications/cancelled", R"({"requestId":)" + std::to_string(id) +
                                                             R"(,"reason":"The caller gave up."})");
}

std::string answer_server_request(const WireMessage& request) {
  if (request.method == "ping") {
    return result_message(request.id, "{}");
  }
  if (request.method == "roots/list") {
    return result_message(request.id, R"({"roots":[]})");
  }
  return error_message(request.id,
                       error_object(code::kMethodNotFound, "The gateway does not serve this request."));
}

std::string server_answer(std::string_view id_json, bool is_error, std::string_view payload) {
  return is_error ? error_message(id_json, payload) : result_message(id_json, payload);
}

std::string restore_progress_token(std::string_view message, std::string_view token_json) {
  const MemberEdit token{MemberEdit::Kind::Set, "progressToken", token_json};
  const std::string params = edit_object(find_member(message, "params"), std::span(&token, 1));
  const MemberEdit edit{MemberEdit::Kind::Set, "params", params};
  return edit_object(message, std::span(&edit, 1));
}

std::optional<uint64_t> progress_token_of(std::string_view params_json) {
  const std::string_view token = find_member(params_json, "progressToken");
  return token.empty() ? std::nullopt : own_id(token);
}

bool only_reads(std::string_view method) {
  return method.ends_with("/list") || method == "resources/read" || method == "prompts/get" ||
         method == "completion/complete" || method == "tasks/get" || method == "ping";
}

std::string printable(std::string_view text, size_t max_bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, max_bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 0xf]};
    } else {
      out += c;
    }
  }
  if (text.size() > max_bytes) {
    out += "...";
  }
  return out;
}

}  // namespace catalyst::mcp
