#pragma once

#include <optional>
#include <string_view>

#include "runtime/value/value.h"

namespace catalyst::check {

/// What the digits and the unit of a number literal mean.
/// UnknownUnit has been told when the text was read.
enum class NumberForm : uint8_t { Int, Decimal, Duration, OutOfRange, UnknownUnit };
struct Number {
  NumberForm form;
  value::Value value;
};
/// "30" "s" -> 30 s; "10" "KiB" -> 10240; "5" "%" -> 0.05; "0.15" "" -> 0.15. `negative`: a minus stands in
/// front.
Number read_number(std::string_view digits, std::string_view unit, bool negative);

/// "10.1.2.3", "::1"; with `network`, also "10.0.0.0/8".
std::optional<value::Value> read_ip(std::string_view text, bool network);
std::optional<value::Value> read_time(std::string_view text);
/// "30s", "1.5h".
std::optional<value::Value> read_duration(std::string_view text);

}  // namespace catalyst::check
