#pragma once

// What both transports say and hear on the wire toward a server: JSON-RPC requests of either era, and
// messages coming back.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

/// Nesting allowed in what an upstream sends.
inline constexpr uint32_t kUpstreamDepth = 512;

/// Who the gateway says it is.
struct GatewayIdentity {
  std::string client_info_json = R"({"name":"catalyst","version":"0.1.0"})";
};

/// One message from an upstream; views into its text. The text has been checked to be JSON throughout.
struct WireMessage {
  enum class Kind : uint8_t { Response, Request, Notification };
  Kind kind = Kind::Response;
  std::string_view id;       // JSON text
  std::string_view method;   // without escapes; "" when it has any
  std::string_view params;   // JSON text
  std::string_view payload;  // of a response: result or error
  bool is_error = false;
};

/// nullopt for anything that is not one JSON-RPC message.
std::optional<WireMessage> read_wire_message(std::string_view text);

/// The id of one of our own requests, or nullopt.
std::optional<uint64_t> own_id(std::string_view id_json);

/// Appends a complete request. `id` doubles as the progress token when the caller has one.
void append_request(std::string& out, uint64_t id, const UpstreamCall& call, Era era,
                    const GatewayIdentity& identity);

/// The first request to a server, by era: server/discover or initialize, which declares `capabilities` (JSON
/// object text).
std::string greeting_request(uint64_t id, Era era, const GatewayIdentity& identity,
                             std::string_view capabilities);

/// Reads the answer to the greeting.
Result<UpstreamInfo> read_greeting(std::string_view result_json, Era era);

/// True for the error codes that only a server of the modern era sends.
bool is_modern_error(std::string_view error_json);
/// The `code` of an error object; 0 when it has none.
int error_code_of(std::string_view error_json);

/// The params of subscriptions/listen: every list, and these resources.
std::string listen_params(const std::vector<std::string>& uris);

std::string cancelled_notification(uint64_t id);
/// The answer to a request of the server's own that belongs to no client: ping and roots/list are served,
/// everything else is -32601.
std::string answer_server_request(const WireMessage& request);
/// The JSON-RPC response to a server's request.
std::string server_answer(std::string_view id_json, bool is_error, std::string_view payload);

/// A progress notification with the caller's own token back in its place.
std::string restore_progress_token(std::string_view message, std::string_view token_json);

/// The calls a progress notification or log message may belong to carry our id as progress token; nullopt
/// when it has none.
std::optional<uint64_t> progress_token_of(std::string_view params_json);

/// Methods that change nothing by their definition, and may reach a server twice. Of tools nobody here knows.
bool only_reads(std::string_view method);

/// A view for logs: control bytes as \xNN, cut at `max_bytes`.
std::string printable(std::string_view text, size_t max_bytes);

}  // namespace catalyst::mcp
