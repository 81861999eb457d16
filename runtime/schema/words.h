#pragma once

// Internal to runtime/schema: how issues name types and values.

#include <string>

#include "runtime/schema/node.h"

namespace catalyst::schema {

inline constexpr size_t kShownBytes = 60;  // of a value

/// TypeBits as "text or a number".
std::string types_text(uint8_t types);
/// The value as JSON, cut after kShownBytes.
std::string shown(Element element);
std::string shown(long double number);

}  // namespace catalyst::schema
