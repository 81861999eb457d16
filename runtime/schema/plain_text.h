#pragma once

// Internal to runtime/schema.

namespace catalyst::schema {

/// The closing quote of the JSON string whose inside starts at `p`; nullptr when there is none before `end`,
/// or something else than ASCII, an escape or a control character before it. Looks at 64 bytes at once where
/// the processor can (AVX2).
const char* end_of_plain_text(const char* p, const char* end) noexcept;

}  // namespace catalyst::schema
