#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace catalyst::decision {

/// Reads JSON text in one pass without a tape and without padding: strict about structure, strings, numbers
/// and literals, so that what rules see is what every other strict reader sees. Never reads outside the text.
/// Any failure is final: `failed()` stays true.
class JsonScanner {
 public:
  JsonScanner(std::string_view text, uint32_t depth_limit)
      : p_(text.data()), end_(text.data() + text.size()), depth_left_(depth_limit) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const char* position() const { return p_; }

  /// The next byte that is not white space, without taking it; 0 at the end.
  char peek() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t')) {
      ++p_;
    }
    return p_ < end_ ? *p_ : '\0';
  }

  /// True when nothing but white space is left.
  bool at_end() { return peek() == '\0' && p_ == end_; }

  /// Takes `c` after white space.
  bool take(char c) {
    if (peek() == c) [[likely]] {
      ++p_;
      return true;
    }
    return fail();
  }

  struct Text {
    std::string_view raw;  // between the quotes
    bool escaped = false;
  };

  /// A string; peek() was '"'.
  bool string(Text* out) {
    ++p_;
    const char* begin = p_;
    bool escaped = false;
    for (;;) {
      p_ = find_stop(p_, end_);
      if (p_ == end_) {
        return fail();
      }
      if (*p_ == '"') {
        break;
      }
      if (*p_ != '\\' || !skip_escape()) {
        return fail();
      }
      escaped = true;
    }
    *out = Text{{begin, static_cast<size_t>(p_ - begin)}, escaped};
    ++p_;
    return true;
  }

  /// A number; `*text` are its bytes, `*integral` is true without fraction and exponent.
  bool number(std::string_view* text, bool* integral);

  /// One of the three literals.
  bool literal(std::string_view word) {
    if (static_cast<size_t>(end_ - p_) < word.size() || std::memcmp(p_, word.data(), word.size()) != 0) {
      return fail();
    }
    p_ += word.size();
    return true;
  }

  /// Any value, unread.
  bool skip();

  /// An object or list (peek() said so), looked through only for where it ends: for text that is handed on to
  /// someone who reads it strictly.
  bool skip_unread();

  /// Brackets are counted by whoever takes them.
  bool enter() {
    if (depth_left_ == 0) {
      return fail();
    }
    --depth_left_;
    ++p_;
    return true;
  }
  void leave() {
    ++depth_left_;
    ++p_;
  }

  bool fail() {
    failed_ = true;
    p_ = end_;
    return false;
  }

 private:
  /// The first quote, backslash or control byte at or after p.
  static const char* find_stop(const char* p, const char* end) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    while (end - p >= 16) {
      const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
      const __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)),
                                       _mm_cmpeq_epi8(_mm_max_epu8(v, control), control));
      const int mask = _mm_movemask_epi8(hit);
      if (mask != 0) {
        return p + __builtin_ctz(static_cast<unsigned>(mask));
      }
      p += 16;
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && static_cast<unsigned char>(*p) > 0x1f) {
      ++p;
    }
    return p;
  }

  bool skip_escape();

  const char* p_;
  const char* end_;
  uint32_t depth_left_;
  bool failed_ = false;
};

/// Writes the text of a JSON string's inside to `out` (room for raw.size() bytes) and answers its length.
/// `raw` came from JsonScanner, so its escapes are well formed; lone surrogates become U+FFFD.
size_t unescape(std::string_view raw, char* out);

}  // namespace catalyst::decision
