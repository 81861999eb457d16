#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "runtime/base/one_page.h"

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
    while (to_stop() && *p_ != '"') [[unlikely]] {
      p_ = *p_ == '\\' ? behind_escape(p_, end_) : end_;
      escaped = true;
    }
    if (p_ >= end_) [[unlikely]] {
      return fail();
    }
    *out = Text{{begin, static_cast<size_t>(p_ - begin)}, escaped};
    ++p_;
    return true;
  }

  /// A number; `*text` are its bytes, `*integral` is true without fraction and exponent.
  bool number(std::string_view* text, bool* integral);

  /// A number without fraction, exponent and sign, and of at most 16 digits, takes no more than this; another
  /// is left where it is, and false the answer. peek() came before.
  bool short_integer(int64_t* out) {
    if (end_ - p_ <= 16) [[unlikely]] {
      return false;
    }
    uint64_t low = load8(p_);
    unsigned digits = count_digits(low);
    if (digits == 0 || (digits > 1 && *p_ == '0')) {
      return false;
    }
    uint64_t number = digits_value(low, digits);
    if (digits == 8) {
      low = load8(p_ + 8);
      const unsigned more = count_digits(low);
      if (more != 0) {
        constexpr uint32_t kPowers[] = {1,       10,        100,        1000,       10'000,
                                        100'000, 1'000'000, 10'000'000, 100'000'000};
        number = number * kPowers[more] + digits_value(low, more);
        digits += more;
      }
    }
    const char next = p_[digits];
    if (next == '.' || (next | 0x20) == 'e' || (next >= '0' && next <= '9')) {
      return false;
    }
    p_ += digits;
    *out = static_cast<int64_t>(number);
    return true;
  }

  /// The same for true and false.
  bool truth(bool* out) {
    if (end_ - p_ < 5) [[unlikely]] {
      return false;
    }
    uint32_t word;
    std::memcpy(&word, p_, 4);
    constexpr uint32_t kTrue = 't' | 'r' << 8 | 'u' << 16 | 'e' << 24;
    constexpr uint32_t kFalse = 'f' | 'a' << 8 | 'l' << 16 | 's' << 24;
    const bool is_true = word == kTrue;
    const bool is_false = (word == kFalse) & (p_[4] == 'e');
    *out = is_true;
    const bool is_either = is_true | is_false;  // no branch: which of the two is chance
    p_ += is_either ? 4 + is_false : 0;
    return is_either;
  }

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
  static constexpr ptrdiff_t kBlock = 64;

  static uint64_t load8(const char* p) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    return v;
  }
  /// How many of eight characters are digits before the first that is none.
  static unsigned count_digits(uint64_t text) {
    const uint64_t high = text & 0xf0f0f0f0f0f0f0f0u;
    const uint64_t low = ((text & 0x0f0f0f0f0f0f0f0fu) + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u;
    const uint64_t other = (high ^ 0x3030303030303030u) | low;
    return other == 0 ? 8 : static_cast<unsigned>(__builtin_ctzll(other)) / 8;
  }
  /// The number that the first `digits` (1 to 8) of eight characters spell.
  static uint64_t digits_value(uint64_t text, unsigned digits) {
    text = (text & 0x0f0f0f0f0f0f0f0fu) << (64 - 8 * digits);
    text = (text * 10 + (text >> 8)) & 0x00ff00ff00ff00ffu;
    text = (text * 100 + (text >> 16)) & 0x0000ffff0000ffffu;
    return (text * 10'000 + (text >> 32)) & 0xffffffffu;
  }

  /// Moves to the first quote, backslash or control byte at or behind p_; false at the end. They are found
  /// for 64 bytes at once, so that what one string does not need serves the next.
  bool to_stop() {
    auto at = static_cast<size_t>(p_ - block_);
    if (block_ == nullptr || at >= kBlock) {
      if (p_ >= end_) {
        return false;
      }
      at = 0;
      load_block();
    }
    uint64_t stops = stops_ >> at;
    while (stops == 0) {
      p_ = block_ + kBlock;
      if (p_ >= end_) {
        p_ = end_;
        return false;
      }
      load_block();
      stops = stops_;
    }
    p_ += __builtin_ctzll(stops);
    return p_ < end_;
  }

  void load_block() {
    block_ = p_;
    stops_ = end_ - p_ >= kBlock ? find_stops(p_) : find_last_stops(p_, end_);
  }

  /// Bit i: byte i of 64 is a quote, a backslash or a control byte.
  static uint64_t find_stops(const char* p) {
    uint64_t stops = 0;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    for (int i = 0; i < 4; ++i) {
      const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i * 16));
      const __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash)),
                                       _mm_cmpeq_epi8(_mm_max_epu8(v, control), control));
      stops |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(hit))) << (i * 16);
    }
#else
    for (int i = 0; i < kBlock; ++i) {
      const bool stop = p[i] == '"' || p[i] == '\\' || static_cast<unsigned char>(p[i]) <= 0x1f;
      stops |= static_cast<uint64_t>(stop) << i;
    }
#endif
    return stops;
  }

  /// The same for fewer than 64 bytes; bits behind them mean nothing.
  static uint64_t find_last_stops(const char* p, const char* end) {
    if (is_on_one_page(p, kBlock)) [[likely]] {
      return find_stops(without_bounds(p));
    }
    char last[kBlock] = {};
    std::memcpy(last, p, static_cast<size_t>(end - p));
    return find_stops(last);
  }

  /// Behind the escape that starts at `p`; `end` when it is none.
  static const char* behind_escape(const char* p, const char* end);

  const char* p_;
  const char* end_;
  const char* block_ = nullptr;  // whose stops are known
  uint64_t stops_ = 0;
  uint32_t depth_left_;
  bool failed_ = false;
};

/// Writes the text of a JSON string's inside to `out` (room for raw.size() bytes) and answers its length.
/// `raw` came from JsonScanner, so its escapes are well formed; lone surrogates become U+FFFD.
size_t unescape(std::string_view raw, char* out);

}  // namespace catalyst::decision
