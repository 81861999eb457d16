#include "runtime/mcp/envelope.h"

#include <algorithm>
#include <charconv>

#include "runtime/base/folded.h"
#include "runtime/mcp/json_reader.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr std::string_view kGatewayPrefix = "io.modelcontextprotocol/";

EnvelopeFault fault_of(JsonFault fault) {
  switch (fault) {
    case JsonFault::None:
      return {};
    case JsonFault::Malformed:
      return {kParseError, "Parse error: not valid JSON"};
    case JsonFault::BadUtf8:
      return {kParseError, "Parse error: not valid UTF-8"};
    case JsonFault::TooDeep:
      return {kInvalidRequest, "Invalid request: nested too deeply"};
    case JsonFault::TooLarge:
      return {kInvalidRequest, "Invalid request: too large"};
    case JsonFault::DuplicateKey:
      return {kInvalidRequest,
              "Invalid request: an object has the same key twice, upper and lower case alike"};
  }
  return {kParseError, "Parse error"};
}

/// A string's text: in place when it has no escapes, else kept by the envelope.
std::string_view text_of(const JsonReader& reader, std::string_view inside, Envelope& out) {
  if (inside.data() == nullptr || reader.is_plain(inside)) {
    return inside;
  }
  // The reader has checked the escapes.
  return out.unescaped.emplace_front(value::unescape_json(inside).value_or(std::string()));
}

/// The string at the cursor, as text_of.
std::string_view string_at(JsonReader& reader, Envelope& out) {
  const std::string_view inside = reader.string();
  return text_of(reader, inside, out);
}

/// Keys are ours when written plainly or with escapes alike; the escaped form is rare enough to be converted.
std::string_view key_of(const JsonReader& reader, std::string_view raw, std::string& scratch) {
  if (reader.is_plain(raw)) {
    return raw;
  }
  scratch = value::unescape_json(raw).value_or(std::string());
  return scratch;
}

/// A key that is none of ours, but would be for a reader that does not tell upper from lower case: the server
/// would see what the rules do not.
bool is_disguised(std::string_view key) {
  if (is_folded(key) && key != "taskid" && key != "inputresponses" && key != "requeststate") {
    return false;
  }
  static constexpr std::string_view kOurs[] = {
      "jsonrpc", "id",   "method", "params", "result", "error", "name",           "arguments",
      "uri",     "task", "taskid", "cursor", "ref",    "_meta", "inputresponses", "requeststate"};
  const std::string text = folded(key);
  const bool ours = std::find(std::begin(kOurs), std::end(kOurs), text) != std::end(kOurs);
  return ours && key != "taskId" && key != "inputResponses" && key != "requestState";
}

void read_client_info(JsonReader& reader, Envelope& out) {
  std::string_view key;
  std::string scratch;
  while (reader.next_member(key)) {
    key = key_of(reader, key, scratch);
    if (key == "name") {
      out.meta.client_name = string_at(reader, out);
    } else if (key == "version") {
      out.meta.client_version = string_at(reader, out);
    } else {
      reader.value();
    }
  }
}

void read_gateway_key(JsonReader& reader, std::string_view key, Envelope& out) {
  Meta& meta = out.meta;
  meta.has_gateway_keys = true;
  if (key == "protocolVersion") {
    meta.protocol_version = string_at(reader, out);
  } else if (key == "clientInfo") {
    if (reader.enter_object()) {
      read_client_info(reader, out);
    }
  } else if (key == "clientCapabilities") {
    const bool object = reader.peek() == '{';
    const std::string_view json = reader.value();
    meta.client_capabilities_json = object ? json : std::string_view();
  } else if (key == "logLevel") {
    meta.log_level = string_at(reader, out);
  } else {
    reader.value();
  }
}

void read_meta(JsonReader& reader, Envelope& out) {
  Meta& meta = out.meta;
  std::string_view key;
  std::string scratch;
  while (reader.next_member(key)) {
    key = key_of(reader, key, scratch);
    if (key.starts_with(kGatewayPrefix)) {
      read_gateway_key(reader, key.substr(kGatewayPrefix.size()), out);
    } else if (key == "progressToken") {
      meta.progress_token_json = reader.value();
    } else if (key == "traceparent") {
      meta.traceparent = string_at(reader, out);
    } else if (key == "tracestate") {
      meta.tracestate = string_at(reader, out);
    } else if (key == "baggage") {
      meta.baggage = string_at(reader, out);
    } else {
      reader.value();
    }
  }
}

void read_params(JsonReader& reader, Envelope& out) {
  std::string_view key;
  std::string scratch;
  while (reader.next_member(key)) {
    key = key_of(reader, key, scratch);
    if (key == "_meta") {
      if (reader.peek() != '{') {
        reader.value();
        continue;
      }
      const char* start = reader.position();
      reader.enter_object();
      read_meta(reader, out);
      out.meta.json = {start, static_cast<size_t>(reader.consumed() - start)};
    } else if (key == "name") {
      const char* start = reader.position();
      const std::string_view inside = reader.string();
      if (inside.data() != nullptr) {
        out.name_json = {start, inside.size() + 2};
        out.name = text_of(reader, inside, out);
      }
    } else if (key == "uri") {
      out.uri = string_at(reader, out);
    } else if (key == "taskId") {
      out.task_id = string_at(reader, out);
    } else if (key == "arguments") {
      out.arguments_json = reader.value();
    } else if (key == "cursor") {
      out.cursor = string_at(reader, out);
    } else if (key == "task") {
      out.task_json = reader.value();
    } else {
      out.disguised = out.disguised || is_disguised(key);
      reader.value();
    }
  }
}

struct Seen {
  bool version = false;
  bool method = false;
  bool outcome = false;  // result or error
  bool bad_id = false;
  bool bad_params = false;
};

void read_member(JsonReader& reader, std::string_view key, Envelope& out, Seen& seen) {
  if (key == "jsonrpc") {
    seen.version = reader.value() == "\"2.0\"";
  } else if (key == "id") {
    const char first = reader.peek();
    out.id_json = reader.value();
    // Null is no id in MCP, and an object would not be one in JSON-RPC either.
    seen.bad_id = first != '"' && first != '-' && (first < '0' || first > '9');
  } else if (key == "method") {
    out.method = string_at(reader, out);
    seen.method = true;
  } else if (key == "params") {
    if (reader.peek() != '{') {
      seen.bad_params = true;
      reader.value();
      return;
    }
    const char* start = reader.position();
    reader.enter_object();
    read_params(reader, out);
    out.params_json = {start, static_cast<size_t>(reader.consumed() - start)};
  } else {
    seen.outcome = seen.outcome || key == "result" || key == "error";
    out.disguised = out.disguised || is_disguised(key);
    reader.value();
  }
}

EnvelopeFault check(const EnvelopeLimits& limits, const Seen& seen, Envelope& out) {
  if (out.disguised) {
    return {kInvalidRequest, "Invalid request: a key differs from one of the protocol's in its case alone"};
  }
  if (!seen.version) {
    return {kInvalidRequest, "Invalid request: jsonrpc must be \"2.0\""};
  }
  if (seen.bad_id || out.id_json.size() > limits.id_bytes) {
    out.id_json = {};
    return {kInvalidRequest, "Invalid request: id must be a short string or a number"};
  }
  if (!seen.method) {
    if (!seen.outcome || out.id_json.empty()) {
      return {kInvalidRequest, "Invalid request: neither a method nor a response"};
    }
    out.kind = MessageKind::Response;
    return {};
  }
  if (seen.outcome) {
    return {kInvalidRequest, "Invalid request: both a method and a result"};
  }
  if (out.method.empty() || out.method.size() > limits.method_bytes) {
    return {kInvalidRequest, "Invalid request: method must be a short string"};
  }
  if (seen.bad_params) {
    return {kInvalidRequest, "Invalid request: params must be an object"};
  }
  out.kind = out.id_json.empty() ? MessageKind::Notification : MessageKind::Request;
  return {};
}

std::string_view trim(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t\r\n");
  return start == std::string_view::npos ? std::string_view() : text.substr(start);
}

}  // namespace

EnvelopeFault parse_envelope(std::string_view text, const EnvelopeLimits& limits, Envelope& out) {
  out = Envelope();
  out.text = text;
  if (text.size() > limits.message_bytes) {
    return {kInvalidRequest, "Invalid request: too large"};
  }
  JsonReader reader;
  if (!reader.open(text, limits.depth, JsonReader::Keys::Folded)) {
    return fault_of(reader.fault());
  }
  if (!reader.enter_object()) {
    return reader.failed() ? fault_of(reader.fault())
                           : EnvelopeFault{kInvalidRequest, "Invalid request: not a JSON-RPC message"};
  }
  Seen seen;
  std::string_view key;
  std::string scratch;
  while (reader.next_member(key)) {
    read_member(reader, key_of(reader, key, scratch), out, seen);
  }
  if (!reader.finished()) {
    out.id_json = {};
    return reader.failed() ? fault_of(reader.fault()) : fault_of(JsonFault::Malformed);
  }
  return check(limits, seen, out);
}

bool is_batch(std::string_view text) { return trim(text).starts_with('['); }

EnvelopeFault split_batch(std::string_view text, const EnvelopeLimits& limits,
                          std::vector<std::string_view>& out) {
  out.clear();
  if (text.size() > limits.message_bytes) {
    return {kInvalidRequest, "Invalid request: too large"};
  }
  JsonReader reader;
  if (!reader.open(text, limits.depth + 1) || !reader.enter_array()) {
    return reader.failed() ? fault_of(reader.fault()) : fault_of(JsonFault::Malformed);
  }
  while (reader.next_element()) {
    if (out.size() == limits.batch_messages) {
      return {kInvalidRequest, "Invalid request: too many messages in one batch"};
    }
    out.push_back(reader.value());
  }
  if (!reader.finished()) {
    return reader.failed() ? fault_of(reader.fault()) : fault_of(JsonFault::Malformed);
  }
  if (out.empty()) {
    return {kInvalidRequest, "Invalid request: an empty batch"};
  }
  return {};
}

std::string edit_object(std::string_view object_json, std::span<const MemberEdit> edits) {
  using Kind = MemberEdit::Kind;
  JsonReader reader;
  std::string out;
  if (!reader.open(object_json, JsonReader::kDepthMax) || !reader.enter_object()) {
    return std::string(object_json);
  }
  out.reserve(object_json.size() + 64);
  out += '{';
  uint64_t met = 0;  // which edits found their member; callers use a handful
  const auto add = [&out](std::string_view key, std::string_view json) {
    if (out.size() > 1) {
      out += ',';
    }
    out.append("\"").append(key).append("\":").append(json);
  };
  std::string_view raw;
  std::string scratch;
  while (reader.next_member(raw)) {
    const std::string_view key = key_of(reader, raw, scratch);
    std::string_view json = reader.value();
    bool removed = false;
    for (size_t i = 0; i < edits.size(); ++i) {
      if (edits[i].key == key) {
        met |= uint64_t{1} << (i & 63);
        removed = edits[i].kind == Kind::Remove;
        json = edits[i].kind == Kind::Set ? edits[i].json : json;
      }
    }
    if (!removed) {
      add(raw, json);
    }
  }
  if (!reader.finished()) {
    return std::string(object_json);
  }
  for (size_t i = 0; i < edits.size(); ++i) {
    if ((met >> (i & 63) & 1) == 0 && edits[i].kind != Kind::Remove) {
      add(edits[i].key, edits[i].json);
    }
  }
  out += '}';
  return out;
}

std::string_view find_member(std::string_view object_json, std::string_view key) {
  JsonReader reader;
  std::string_view found;
  if (object_json.empty() || !reader.open(object_json, JsonReader::kDepthMax) || !reader.enter_object()) {
    return {};
  }
  std::string_view raw;
  std::string scratch;
  while (reader.next_member(raw)) {
    const bool wanted = key_of(reader, raw, scratch) == key;
    const std::string_view json = reader.value();
    if (wanted) {
      found = json;
    }
  }
  return reader.finished() ? found : std::string_view();
}

std::string string_of(std::string_view string_json) {
  if (string_json.size() < 2 || string_json.front() != '"') {
    return {};
  }
  const std::string_view inside = string_json.substr(1, string_json.size() - 2);
  return value::unescape_json(inside).value_or(std::string());
}

std::string strip_gateway_meta(std::string_view meta_json) {
  JsonReader reader;
  if (!reader.open(meta_json, JsonReader::kDepthMax) || !reader.enter_object()) {
    return {};
  }
  std::string out = "{";
  std::string_view raw;
  std::string scratch;
  while (reader.next_member(raw)) {
    const bool ours = key_of(reader, raw, scratch).starts_with(kGatewayPrefix);
    const std::string_view json = reader.value();
    if (!ours) {
      out.append(out.size() > 1 ? ",\"" : "\"").append(raw).append("\":").append(json);
    }
  }
  return out.size() > 1 ? out + "}" : std::string();
}

std::string result_message(std::string_view id_json, std::string_view result_json) {
  std::string out;
  out.reserve(id_json.size() + result_json.size() + 40);
  out.append(R"({"jsonrpc":"2.0","id":)").append(id_json.empty() ? "null" : id_json);
  out.append(R"(,"result":)").append(result_json).append("}");
  return out;
}

std::string error_message(std::string_view id_json, std::string_view error_json) {
  std::string out;
  out.reserve(id_json.size() + error_json.size() + 40);
  out.append(R"({"jsonrpc":"2.0","id":)").append(id_json.empty() ? "null" : id_json);
  out.append(R"(,"error":)").append(error_json).append("}");
  return out;
}

std::string error_object(int code, std::string_view message, std::string_view data_json) {
  std::string out = R"({"code":)" + std::to_string(code) + R"(,"message":)";
  value::append_json_string(out, message);
  if (!data_json.empty()) {
    out.append(R"(,"data":)").append(data_json);
  }
  out += '}';
  return out;
}

std::string notification_message(std::string_view method, std::string_view params_json) {
  std::string out = R"({"jsonrpc":"2.0","method":)";
  value::append_json_string(out, method);
  if (!params_json.empty()) {
    out.append(R"(,"params":)").append(params_json);
  }
  out += '}';
  return out;
}

}  // namespace catalyst::mcp
