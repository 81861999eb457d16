#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace catalyst::http {

/// A name and a value, as offsets into the head they stand in.
struct FieldSpan {
  uint32_t name_offset;
  uint32_t name_length;
  uint32_t value_offset;
  uint32_t value_length;

  [[nodiscard]] std::string_view name(std::string_view head) const {
    return {head.data() + name_offset, name_length};
  }
  [[nodiscard]] std::string_view value(std::string_view head) const {
    return {head.data() + value_offset, value_length};
  }
};

/// Where the body ends (RFC 9112 section 6.3).
enum class Framing : uint8_t { Length, Chunked, UntilClose };

/// The head of one message: start line and fields up to and including the empty line. Reused from message to
/// message, so that a warm connection allocates nothing.
struct Head {
  size_t size = 0;     // bytes, empty line included
  FieldSpan start{};   // name: method, value: target; of a response nothing
  int status = 0;      // of a response
  bool http11 = true;  // else 1.0
  bool keep_alive =
      true;  // as the version and Connection have it; never when the body ends with the connection
  bool expect_continue = false;
  Framing framing = Framing::Length;
  uint64_t length = 0;  // of the body, for Framing::Length
  std::vector<FieldSpan> fields;

  /// The value of the first field called `name`, in any case; `name` of letters, digits and hyphens. `text`
  /// is what the head was parsed from, or a copy.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view text, std::string_view name) const;

 private:
  friend class HeadParser;
  uint64_t name_lengths_ = 0;  // bit n: a field's name has n bytes; most lookups end here
};

enum class HeadResult : uint8_t { Complete, Incomplete, Malformed, TooManyFields };

/// Parses what `text` begins with (RFC 9112). Stricter than the grammar where leniency is known to let
/// requests be smuggled: refused are folded values, a bare CR or LF, blanks before a colon, control
/// characters, a Content-Length beside another one or beside Transfer-Encoding, any coding but `chunked`,
/// Transfer-Encoding in HTTP/1.0, and versions other than 1.0 and 1.1; of a request also a second Host or
/// Authorization (others on the way may have believed the other one) and, in 1.1, none at all of Host.
/// Malformed is told as soon as it is seen; Incomplete says that more bytes may make it complete. The start
/// line of a response may lack its reason.
[[nodiscard]] HeadResult parse_request(std::string_view text, size_t max_fields, Head& head);
[[nodiscard]] HeadResult parse_response(std::string_view text, size_t max_fields, Head& head);

/// Equal but for the case of ASCII letters. One of them must consist of letters, digits, hyphens and slashes,
/// the other have no control characters but tabs, as names and values of fields have none.
[[nodiscard]] bool same_token(std::string_view a, std::string_view b);

}  // namespace catalyst::http
