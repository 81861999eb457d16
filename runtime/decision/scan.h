#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace catalyst::decision {

/// Reads JSON text in one pass without a tape and without padding: strict about structure, strings, numbers
/// and literals, so that what rules see is what every other strict reader sees. Never reads outside the text.
/// Any failure is final: `failed()` stays true. What is small is always inlined, and nothing of it hands the
/// scanner on: a local one stays in registers.
class JsonScanner {
 public:
  JsonScanner(std::string_view text, uint32_t depth_limit)
      : p_(text.data()), end_(text.data() + text.size()), depth_left_(depth_limit) {}

  [[nodiscard]] bool failed() const { return failed_ != 0; }
  [[nodiscard]] const char* position() const { return p_; }

  /// The next byte that is not white space, without taking it; 0 at the end.
  [[gnu::always_inline]] char peek() {
    if (p_ < end_ && static_cast<unsigned char>(*p_) > ' ') [[likely]] {
      return *p_;
    }
    p_ = behind_space(p_, end_);
    return p_ < end_ ? *p_ : '\0';
  }

  /// True when nothing but white space is left.
  bool at_end() { return peek() == '\0' && p_ == end_; }

  /// Takes what peek() answered.
  [[gnu::always_inline]] void take_peeked() { ++p_; }

  /// Takes `c` after white space.
  [[gnu::always_inline]] bool take(char c) {
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
  [[gnu::always_inline]] bool string(Text* out) {
    ++p_;
    const char* begin = p_;
    bool escaped = false;
    for (;;) {
      if (!to_stop()) [[unlikely]] {
        return fail();
      }
      if (*p_ == '"') [[likely]] {
        break;
      }
      p_ = *p_ == '\\' ? behind_escape(p_, end_) : end_;
      escaped = true;
    }
    *out = Text{{begin, static_cast<size_t>(p_ - begin)}, escaped};
    ++p_;
    return true;
  }

  /// A number; `*text` are its bytes, `*integral` is true without fraction and exponent.
  bool number(std::string_view* text, bool* integral);

  /// A number without fraction, exponent and sign, and of at most 16 digits, takes no more than this; another
  /// is left where it is, and false the answer. peek() came before.
  [[gnu::always_inline]] bool short_integer(int64_t* out) {
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
  [[gnu::always_inline]] bool truth(bool* out) {
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

  /// Brackets are counted by whoever takes them.
  [[gnu::always_inline]] bool enter() {
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

  [[gnu::always_inline]] bool fail() {
    failed_ = 1;
    p_ = end_;
    return false;
  }

 private:
  static constexpr uintptr_t kBlock = 64;

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
  [[gnu::always_inline]] bool to_stop() {
    uintptr_t at = reinterpret_cast<uintptr_t>(p_) - reinterpret_cast<uintptr_t>(block_);
    if (at >= kBlock) {
      if (p_ >= end_) {
        return false;
      }
      at = 0;
      block_ = p_;
      stops_ = stops_from(p_, end_);
    }
    uint64_t stops = stops_ >> at;
    if (stops == 0) {
      const Block next = next_block(block_, end_);
      p_ = block_ = next.at;
      stops_ = stops = next.stops;
      if (stops == 0) {
        p_ = end_;
        return false;
      }
    }
    p_ += __builtin_ctzll(stops);
    return p_ < end_;
  }

  /// `p` behind the white space that starts there.
  static const char* behind_space(const char* p, const char* end);

  /// Of the block at `p`, which may be shorter than 64 bytes: bits behind `end` mean nothing.
  static uint64_t stops_from(const char* p, const char* end);

  struct Block {
    const char* at;
    uint64_t stops;
  };
  /// The first block with a stop behind the one at `p`; none when that has no stops.
  static Block next_block(const char* p, const char* end);

  /// Behind the escape that starts at `p`; `end` when it is none.
  static const char* behind_escape(const char* p, const char* end);

  const char* p_;
  const char* end_;
  const char* block_ = nullptr;  // whose stops are known
  uint64_t stops_ = 0;
  uint32_t depth_left_;
  uint32_t failed_ = 0;  // as wide as its neighbour: a copy has no odd bytes at its end
};

/// Writes the text of a JSON string's inside to `out` (room for raw.size() bytes) and answers its length.
/// `raw` came from JsonScanner, so its escapes are well formed; lone surrogates become U+FFFD.
size_t unescape(std::string_view raw, char* out);

}  // namespace catalyst::decision
