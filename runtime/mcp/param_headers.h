#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::mcp {

class HttpExchange;

/// An argument that a modern HTTP server wants repeated in a header: its schema carries `x-mcp-header:
/// "Name"`.
struct ParamHeader {
  std::string name;               // "Mcp-Param-Name"
  std::vector<std::string> path;  // of the argument
  enum class Type : unsigned char { String, Integer, Boolean } type = Type::String;
};

/// The annotations of a tool's definition; nullopt when one of them is invalid (no token, not a string,
/// integer or boolean, a name twice, or out of reach through `properties`), in which case the specification
/// has clients leave the tool out.
std::optional<std::vector<ParamHeader>> read_param_headers(std::string_view definition_json);

/// The value of one header for these arguments, ready to be sent; nullopt when the argument is absent, null
/// or of another type.
std::optional<std::string> param_header_value(const ParamHeader& header, std::string_view arguments_json);

/// Whether the client's header says the same as its arguments; absent on both sides agrees.
bool param_header_agrees(const ParamHeader& header, std::optional<std::string_view> sent,
                         std::string_view arguments_json);

/// "Name: value\r\n" lines for an upstream: those of `headers` from the final arguments, then the client's
/// other Mcp-Param-* headers.
std::string param_header_lines(const std::vector<ParamHeader>& headers, std::string_view arguments_json,
                               const HttpExchange& exchange);

}  // namespace catalyst::mcp
