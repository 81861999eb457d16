#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace catalyst::value {

/// Length of the well-formed UTF-8 sequence at `text[at]` (Unicode table 3-7), 0 when there is none.
size_t utf8_length(std::string_view text, size_t at) noexcept;
bool is_utf8(std::string_view text) noexcept;
void append_utf8(std::string& out, uint32_t code);

/// Bytes that begin a code point. Text that is not UTF-8 has some number, too.
int64_t count_code_points(std::string_view text) noexcept;
/// Byte offset of code point `n` (from 0), or the end.
size_t offset_of_code_point(std::string_view text, int64_t n) noexcept;

}  // namespace catalyst::value
