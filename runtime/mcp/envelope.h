#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::mcp {

class JsonReader;

struct EnvelopeLimits {
  size_t message_bytes = 4 * 1024 * 1024;  // what the official SDKs accept
  uint32_t depth = 64;                     // nesting, the envelope's own levels included
  size_t id_bytes = 256;                   // an id is echoed and kept while a call is in flight
  size_t method_bytes = 256;
  size_t batch_messages = 100;
};

enum class MessageKind : uint8_t { Request, Notification, Response };

/// The keys of params._meta that the gateway reads. Texts are unescaped; `..._json` are JSON texts as they
/// came.
struct Meta {
  std::string_view json;              // the whole object, empty when absent
  std::string_view protocol_version;  // io.modelcontextprotocol/protocolVersion; data() is null when absent
  std::string_view client_info_json;  // io.modelcontextprotocol/clientInfo
  std::string_view client_name;
  std::string_view client_version;
  std::string_view
      client_capabilities_json;  // io.modelcontextprotocol/clientCapabilities, when it is an object
  std::string_view log_level;    // io.modelcontextprotocol/logLevel
  std::string_view progress_token_json;
  std::string_view traceparent;
  std::string_view tracestate;
  std::string_view baggage;
  bool has_gateway_keys = false;  // any io.modelcontextprotocol/ key is there
};

/// One JSON-RPC message, read in place: every view points into the text it was parsed from, or into
/// `unescaped`. A view whose data() is null stands for "not there, or not of its type".
struct Envelope {
  MessageKind kind = MessageKind::Request;
  std::string_view text;
  std::string_view id_json;  // as it came, to be echoed byte for byte; empty for a notification
  std::string_view method;
  std::string_view params_json;     // an object's text, or empty
  std::string_view name;            // params.name, unescaped
  std::string_view name_json;       // the same with its quotes, for replacing it
  std::string_view uri;             // params.uri
  std::string_view task_id;         // params.taskId
  std::string_view arguments_json;  // params.arguments
  std::string_view cursor;          // params.cursor
  std::string_view task_json;       // params.task
  bool disguised = false;           // a key would be the protocol's in another case
  Meta meta;
  std::forward_list<std::string> unescaped;  // texts that were written with escapes
};

/// Why a message is refused: a JSON-RPC code, its message, and the id when that much could be read (else
/// empty).
struct EnvelopeFault {
  int code = 0;  // 0: no fault
  std::string_view message;
  explicit operator bool() const { return code != 0; }
};

/// Reads one message. The text must outlive `out`. Faults: -32700 not JSON (or not UTF-8), -32600 not a
/// JSON-RPC 2.0 message, too deep, or with a key twice, for some reader or other.
EnvelopeFault parse_envelope(std::string_view text, const EnvelopeLimits& limits, Envelope& out);

/// True when the text is an array, that is a batch.
bool is_batch(std::string_view text);

/// The elements of a batch, unread. Faults as above; an empty batch and one beyond the limit are -32600.
EnvelopeFault split_batch(std::string_view text, const EnvelopeLimits& limits,
                          std::vector<std::string_view>& out);

/// How edit_object treats one top-level member.
struct MemberEdit {
  enum class Kind : uint8_t {
    Set,      // replaced where it stands, else added at the end
    Default,  // added at the end unless it is there
    Remove,
  };
  Kind kind = Kind::Set;
  std::string_view key;  // without escapes
  std::string_view json;
};

/// A copy of an object's text with the edits applied to its own members; everything else stays byte for byte.
/// Text that is not a valid object comes back unchanged.
std::string edit_object(std::string_view object_json, std::span<const MemberEdit> edits);

/// The text of the first of an object's own members with that name; empty when absent or when the text is not
/// a valid object.
std::string_view find_member(std::string_view object_json, std::string_view key);

/// The text inside a JSON string value (with quotes), unescaped; "" when it is not one.
std::string string_of(std::string_view string_json);

/// `_meta` without the keys that belong to one hop (io.modelcontextprotocol/...); empty when nothing else is
/// in it.
std::string strip_gateway_meta(std::string_view meta_json);

/// {"jsonrpc":"2.0","id":ID,"result":RESULT}; an empty id is written as null.
std::string result_message(std::string_view id_json, std::string_view result_json);
/// {"jsonrpc":"2.0","id":ID,"error":ERROR}
std::string error_message(std::string_view id_json, std::string_view error_json);
/// {"code":CODE,"message":MESSAGE[,"data":DATA]}
std::string error_object(int code, std::string_view message, std::string_view data_json = {});
/// {"jsonrpc":"2.0","method":METHOD[,"params":PARAMS]}
std::string notification_message(std::string_view method, std::string_view params_json);

}  // namespace catalyst::mcp
