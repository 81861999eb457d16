#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/http/head.h"

namespace catalyst::http {

/// Takes one body off the wire, however its bytes arrive (RFC 9112 sections 6 and 7). Chunk extensions and
/// trailers are passed over: a trailer could smuggle what the head was checked for.
class BodyReader {
 public:
  enum class State : uint8_t { Open, Done, Malformed, TooLarge };

  struct Piece {
    size_t used = 0;             // of the bytes given
    std::string_view content{};  // of them, what belongs to the body
  };

  /// Begins the body that follows `head`, at most `limit` bytes: TooLarge at once when it says that it has
  /// more.
  void start(const Head& head, uint64_t limit);
  /// The next piece. While the state is Open, a call with bytes uses some.
  Piece next(std::string_view bytes);
  /// The connection ended.
  void end();

  [[nodiscard]] State state() const { return state_; }
  /// Content known to be missing: the rest of the body, or of its current chunk.
  [[nodiscard]] uint64_t expected() const { return framing_ == Framing::UntilClose ? 0 : left_; }

 private:
  enum class Chunk : uint8_t {
    Size,
    Digits,
    Extension,
    SizeLf,
    Content,
    ContentCr,
    ContentLf,
    Trailer,
    TrailerLine,
    TrailerLf,
    EndLf
  };

  Piece content(std::string_view bytes);
  void chunk_byte(char c);
  void chunk_begins();

  State state_ = State::Done;
  Framing framing_ = Framing::Length;
  Chunk chunk_ = Chunk::Size;
  uint64_t left_ = 0;   // of the body or of the current chunk
  uint64_t total_ = 0;  // content so far, current chunk included
  uint64_t limit_ = 0;
  size_t aside_ = 0;  // bytes in a row that are no content
};

}  // namespace catalyst::http
