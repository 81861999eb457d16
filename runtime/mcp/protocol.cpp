#include "runtime/mcp/protocol.h"

#include <algorithm>

#include "runtime/base/base64.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr std::string_view kLogLevels[] = {"debug", "info",     "notice", "warning",
                                           "error", "critical", "alert",  "emergency"};

// In the order of their spelling in the specification's changelog; few enough for a linear search.
constexpr std::string_view kRemoved[] = {
    "initialize",          "notifications/initialized", "ping",         "logging/setLevel",
    "resources/subscribe", "resources/unsubscribe",     "tasks/result", "tasks/list",
};

Classification rejected(Era era, int error_code, std::string message, std::string data = {}) {
  return {era, Rejection{400, error_code, std::move(message), std::move(data)}};
}

std::optional<Rejection> check_headers(const Envelope& envelope, const ProtocolHeaders& headers) {
  const auto mismatch = [](std::string message) {
    return Rejection{400, code::kHeaderMismatch, std::move(message), {}};
  };
  if (!headers.protocol_version) {
    return mismatch("Header mismatch: MCP-Protocol-Version is missing");
  }
  if (*headers.protocol_version != envelope.meta.protocol_version) {
    return mismatch(
        "Header mismatch: MCP-Protocol-Version does not equal _meta.io.modelcontextprotocol/protocolVersion");
  }
  if (!headers.method) {
    return mismatch("Header mismatch: Mcp-Method is missing");
  }
  if (*headers.method != envelope.method) {
    return mismatch("Header mismatch: Mcp-Method does not equal the method of the body");
  }
  const std::string_view name = mirrored_name(envelope);
  if (name.data() == nullptr) {
    return std::nullopt;
  }
  if (!headers.name) {
    return mismatch("Header mismatch: Mcp-Name is missing");
  }
  if (*headers.name == name && !name.starts_with("=?base64?")) {
    return std::nullopt;
  }
  const std::optional<std::string> decoded = decode_header_value(*headers.name);
  if (!decoded || *decoded != name) {
    return mismatch("Header mismatch: Mcp-Name does not equal the name of the body");
  }
  return std::nullopt;
}

Classification classify_claim(const Envelope& envelope, const ProtocolHeaders& headers) {
  const Era era = Era::Modern;
  if (envelope.meta.protocol_version.data() == nullptr) {
    return rejected(era, code::kInvalidParams,
                    "Invalid params: _meta.io.modelcontextprotocol/protocolVersion must be a string");
  }
  const bool supported = envelope.meta.protocol_version == kModernVersion;
  if (envelope.kind == MessageKind::Request) {
    if (std::optional<Rejection> refusal = check_headers(envelope, headers)) {
      return {era, std::move(refusal)};
    }
  }
  if (!supported) {
    return rejected(era, code::kUnsupportedVersion, "Unsupported protocol version",
                    R"({"supported":["2026-07-28"],"requested":)" +
                        value::json_string(envelope.meta.protocol_version) + "}");
  }
  if (envelope.kind == MessageKind::Request && envelope.meta.client_capabilities_json.data() == nullptr) {
    return rejected(era, code::kInvalidParams,
                    "Invalid params: _meta.io.modelcontextprotocol/clientCapabilities is missing");
  }
  return {era, std::nullopt};
}

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    return end == std::string_view::npos ? std::string_view() : host.substr(0, end + 1);
  }
  return host.substr(0, host.find(':'));
}

bool same_host(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

}  // namespace

std::string_view mirrored_name(const Envelope& envelope) {
  if (envelope.method == "tools/call" || envelope.method == "prompts/get") {
    return envelope.name;
  }
  if (envelope.method == "resources/read") {
    return envelope.uri;
  }
  if (envelope.method == "tasks/get" || envelope.method == "tasks/update" ||
      envelope.method == "tasks/cancel") {
    return envelope.task_id;
  }
  return {};
}

bool is_legacy_version(std::string_view version) {
  return std::find(kLegacyVersions.begin(), kLegacyVersions.end(), version) != kLegacyVersions.end();
}

Classification classify(const Envelope& envelope, const ProtocolHeaders& headers) {
  // A response, and initialize without a complete claim of the new form, can only come from a legacy client.
  const bool claims = envelope.meta.protocol_version.data() != nullptr;
  if (envelope.kind == MessageKind::Response || (envelope.method == "initialize" && !claims)) {
    return {Era::Legacy, std::nullopt};
  }
  if (claims) {
    return classify_claim(envelope, headers);
  }
  if (headers.protocol_version == kModernVersion) {
    if (envelope.kind == MessageKind::Notification) {
      return {Era::Modern, std::nullopt};
    }
    return rejected(Era::Modern, code::kInvalidParams,
                    "Invalid params: _meta.io.modelcontextprotocol/protocolVersion is missing");
  }
  if (headers.protocol_version && !is_legacy_version(*headers.protocol_version)) {
    return rejected(Era::Legacy, code::kServerError,
                    "Bad Request: Unsupported protocol version (supported versions: 2025-11-25, 2025-06-18, "
                    "2025-03-26, 2024-11-05)");
  }
  return {Era::Legacy, std::nullopt};
}

std::optional<std::string> decode_header_value(std::string_view value) {
  if (!value.starts_with("=?base64?") || !value.ends_with("?=") || value.size() < 11) {
    return std::string(value);
  }
  return base64_decode(value.substr(9, value.size() - 11));
}

std::string encode_header_value(std::string_view text) {
  const bool plain = !text.empty() &&
                     std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; }) &&
                     !text.starts_with(' ') && !text.ends_with(' ') && !text.starts_with("=?base64?");
  return plain ? std::string(text) : "=?base64?" + base64_encode(text) + "?=";
}

bool is_removed_in_modern(std::string_view method) {
  return std::find(std::begin(kRemoved), std::end(kRemoved), method) != std::end(kRemoved);
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
  const auto* found = std::find(std::begin(kLogLevels), std::end(kLogLevels), text);
  if (found == std::end(kLogLevels)) {
    return std::nullopt;
  }
  return static_cast<LogLevel>(found - std::begin(kLogLevels));
}

std::string_view log_level_name(LogLevel level) { return kLogLevels[static_cast<size_t>(level)]; }

bool is_allowed_host(std::string_view host, std::span<const std::string> allowed) {
  const std::string_view name = without_port(host);
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& entry) {
    return entry == "*" || same_host(entry, name) || same_host(entry, host);
  });
}

bool is_allowed_origin(std::string_view origin, std::span<const std::string> allowed) {
  const size_t scheme = origin.find("://");
  const std::string_view host =
      scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& entry) {
    return entry == "*" || same_host(entry, origin) ||
           (!host.empty() && same_host(entry, without_port(host)));
  });
}

}  // namespace catalyst::mcp
