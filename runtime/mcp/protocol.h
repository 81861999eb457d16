#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/mcp/envelope.h"
#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

inline constexpr std::string_view kModernVersion = "2026-07-28";
/// Newest first; the first is what a client gets that asks for a revision we do not know.
inline constexpr std::array<std::string_view, 4> kLegacyVersions = {"2025-11-25", "2025-06-18", "2025-03-26",
                                                                    "2024-11-05"};

bool is_legacy_version(std::string_view version);

/// JSON-RPC error codes on the wire.
namespace code {
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;
inline constexpr int kServerError =
    -32000;  // what the official SDKs use for HTTP-level refusals of the legacy era
inline constexpr int kLegacyResourceNotFound = -32002;  // -32602 in the modern era
inline constexpr int kHeaderMismatch = -32020;
inline constexpr int kMissingCapability = -32021;
inline constexpr int kUnsupportedVersion = -32022;
inline constexpr int kDenied = 1001;  // a rule said no; outside every reserved range
}  // namespace code

/// A request that is refused before any rule or server sees it.
struct Rejection {
  int http_status = 400;
  int code = 0;
  std::string message;
  std::string data_json;  // "" = none
};

/// The HTTP headers that matter for the protocol; nullopt when absent.
struct ProtocolHeaders {
  std::optional<std::string_view> protocol_version;  // MCP-Protocol-Version
  std::optional<std::string_view> method;            // Mcp-Method
  std::optional<std::string_view> name;              // Mcp-Name
};

struct Classification {
  Era era = Era::Legacy;
  std::optional<Rejection> rejection;
};

/// Decides which generation a message belongs to, by its body first and its headers second, and checks that
/// both agree.
Classification classify(const Envelope& envelope, const ProtocolHeaders& headers);

/// What Mcp-Name must repeat; a null view when the method has no such header.
std::string_view mirrored_name(const Envelope& envelope);

/// Text of a header value that may be in the form =?base64?...?=; nullopt when that form is broken.
std::optional<std::string> decode_header_value(std::string_view value);
/// The reverse: text that is not plain visible ASCII, or looks like that form, is put into it.
std::string encode_header_value(std::string_view text);

/// Methods of the legacy era that a modern client may no longer use (answered 404, -32601).
bool is_removed_in_modern(std::string_view method);

/// Severity of log messages, in the order of the specification.
enum class LogLevel : uint8_t { Debug, Info, Notice, Warning, Error, Critical, Alert, Emergency };
std::optional<LogLevel> parse_log_level(std::string_view text);
std::string_view log_level_name(LogLevel level);

/// Whether a Host header (host[:port]) or an Origin (scheme://host[:port]) names one of `allowed` hosts. "*"
/// in the list allows any.
bool is_allowed_host(std::string_view host, std::span<const std::string> allowed);
bool is_allowed_origin(std::string_view origin, std::span<const std::string> allowed);

}  // namespace catalyst::mcp
