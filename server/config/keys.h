#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "server/config/tree.h"

namespace catalyst::server {

enum class ValueType : uint8_t {
#define VALUE_TYPE(name, text) name,
#include "server/config/value_type.def"
#undef VALUE_TYPE
};
std::string_view value_type_text(ValueType type);

/// One row of key.def.
struct KeyInfo {
  std::string_view path;
  ValueType type;
  std::string_view fallback;
  std::string_view constraint;
  std::string_view description;
};
std::span<const KeyInfo> key_table();

/// Reads "4MiB", "512", "64KiB" as bytes.
Result<int64_t> parse_bytes(std::string_view text);
/// Reads "30s", "500ms", "2h", "1d" as milliseconds; a bare "0" is zero.
Result<int64_t> parse_duration_ms(std::string_view text);
/// Splits "host:port", "[v6]:port".
struct HostPort {
  std::string host;
  uint16_t port = 0;
};
Result<HostPort> parse_address(std::string_view text);

/// Reports every unknown key (with the nearest known one), wrong type and violated constraint.
void validate(const std::string& file, const Tree& root, std::vector<Problem>& problems);

/// The JSON Schema of a configuration file (docs/catalyst.schema.json), indented, with a final newline.
std::string config_json_schema();
/// The table of docs/configuration.md: one markdown row a key.
std::string config_key_table_markdown();

}  // namespace catalyst::server
