#include "runtime/mcp/http_edge.h"

#include <algorithm>
#include <string>

namespace catalyst::mcp {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace

bool lies_under(std::string_view path, std::string_view base) {
  return !base.empty() && path.starts_with(base) && (path.size() == base.size() || path[base.size()] == '/');
}

std::string_view name_under(std::string_view path, std::string_view base) {
  return path.size() <= base.size() + 1 ? std::string_view() : path.substr(base.size() + 1);
}

Accepts read_accept(std::optional<std::string_view> accept) {
  if (!accept) {
    return {true, false};
  }
  // What every MCP client sends needs no copy.
  if (*accept == "application/json, text/event-stream") {
    return {true, true};
  }
  const std::string text = lower(*accept);
  const auto has = [&](std::string_view type) { return text.find(type) != std::string::npos; };
  const bool any = has("*/*");
  return {any || has("application/json") || has("application/*"),
          any || has("text/event-stream") || has("text/*")};
}

bool is_json_content(std::optional<std::string_view> content_type) {
  if (!content_type) {
    return false;
  }
  if (*content_type == "application/json") {
    return true;
  }
  const std::string text = lower(content_type->substr(0, content_type->find(';')));
  return text.substr(0, text.find_last_not_of(" \t") + 1) == "application/json";
}

ProtocolHeaders protocol_headers(const HttpExchange& exchange) {
  return {exchange.header("MCP-Protocol-Version"), exchange.header("Mcp-Method"),
          exchange.header("Mcp-Name")};
}

}  // namespace catalyst::mcp
