#pragma once

#include <optional>
#include <string_view>

#include "runtime/mcp/exchange.h"
#include "runtime/mcp/protocol.h"

namespace catalyst::mcp {

/// What a client says it can read. No Accept header means anything.
struct Accepts {
  bool json = false;
  bool events = false;
};
Accepts read_accept(std::optional<std::string_view> accept);

/// True for application/json with any parameters.
bool is_json_content(std::optional<std::string_view> content_type);

/// Whether a path is an endpoint's, or that of one of its servers. Nothing lies under "".
bool lies_under(std::string_view path, std::string_view base);
/// What follows the endpoint in such a path: "" for the endpoint itself, "NAME" for a server's.
std::string_view name_under(std::string_view path, std::string_view base);

ProtocolHeaders protocol_headers(const HttpExchange& exchange);

}  // namespace catalyst::mcp
