#include "runtime/decision/scan.h"

namespace catalyst::decision {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_digit(char c) {
  if (is_digit(c)) {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

uint32_t hex4(const char* p) {
  uint32_t v = 0;
  for (int i = 0; i < 4; ++i) {
    v = v << 4 | static_cast<uint32_t>(hex_digit(p[i]));
  }
  return v;
}

char* put_utf8(char* out, uint32_t c) {
  if (c < 0x80) {
    *out++ = static_cast<char>(c);
  } else if (c < 0x800) {
    *out++ = static_cast<char>(0xc0 | c >> 6);
    *out++ = static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    *out++ = static_cast<char>(0xe0 | c >> 12);
    *out++ = static_cast<char>(0x80 | (c >> 6 & 0x3f));
    *out++ = static_cast<char>(0x80 | (c & 0x3f));
  } else {
    *out++ = static_cast<char>(0xf0 | c >> 18);
    *out++ = static_cast<char>(0x80 | (c >> 12 & 0x3f));
    *out++ = static_cast<char>(0x80 | (c >> 6 & 0x3f));
    *out++ = static_cast<char>(0x80 | (c & 0x3f));
  }
  return out;
}

}  // namespace

bool JsonScanner::skip_escape() {
  if (end_ - p_ < 2) {
    return false;
  }
  switch (p_[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      p_ += 2;
      return true;
    case 'u':
      if (end_ - p_ < 6) {
        return false;
      }
      for (int i = 2; i < 6; ++i) {
        if (hex_digit(p_[i]) < 0) {
          return false;
        }
      }
      p_ += 6;
      return true;
    default:
      return false;
  }
}

bool JsonScanner::number(std::string_view* text, bool* integral) {
  const char* begin = p_;
  *integral = true;
  if (p_ < end_ && *p_ == '-') {
    ++p_;
  }
  if (p_ == end_ || !is_digit(*p_)) {
    return fail();
  }
  if (*p_ == '0') {
    ++p_;
  } else {
    while (p_ < end_ && is_digit(*p_)) {
      ++p_;
    }
  }
  if (p_ < end_ && *p_ == '.') {
    *integral = false;
    ++p_;
    if (p_ == end_ || !is_digit(*p_)) {
      return fail();
    }
    while (p_ < end_ && is_digit(*p_)) {
      ++p_;
    }
  }
  if (p_ < end_ && (*p_ == 'e' || *p_ == 'E')) {
    *integral = false;
    ++p_;
    if (p_ < end_ && (*p_ == '+' || *p_ == '-')) {
      ++p_;
    }
    if (p_ == end_ || !is_digit(*p_)) {
      return fail();
    }
    while (p_ < end_ && is_digit(*p_)) {
      ++p_;
    }
  }
  *text = {begin, static_cast<size_t>(p_ - begin)};
  return true;
}

bool JsonScanner::skip() {
  Text text;
  std::string_view digits;
  bool integral = false;
  switch (peek()) {
    case '"':
      return string(&text);
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    case '{': {
      if (!enter()) {
        return false;
      }
      if (peek() == '}') {
        leave();
        return true;
      }
      for (;;) {
        if (peek() != '"' || !string(&text) || !take(':') || !skip()) {
          return fail();
        }
        const char c = peek();
        if (c == '}') {
          leave();
          return true;
        }
        if (c != ',') {
          return fail();
        }
        ++p_;
      }
    }
    case '[': {
      if (!enter()) {
        return false;
      }
      if (peek() == ']') {
        leave();
        return true;
      }
      for (;;) {
        if (!skip()) {
          return false;
        }
        const char c = peek();
        if (c == ']') {
          leave();
          return true;
        }
        if (c != ',') {
          return fail();
        }
        ++p_;
      }
    }
    default:
      return number(&digits, &integral);
  }
}

#if defined(__SSE2__)

namespace {

constexpr int kBlock = 64;

/// Bit i: byte i of the 64 at `p`, or'ed with `fold`, is `c`.
uint64_t find_in_block(const char* p, char fold, char c) {
  uint64_t mask = 0;
  for (int i = 0; i < 4; ++i) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i * 16));
    const __m128i hit = _mm_cmpeq_epi8(_mm_or_si128(v, _mm_set1_epi8(fold)), _mm_set1_epi8(c));
    mask |= static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(hit))) << (i * 16);
  }
  return mask;
}

/// Bit i: an odd number of bits of `x` up to i are set.
uint64_t parity_up_to(uint64_t x) {
  for (int shift = 1; shift < kBlock; shift *= 2) {
    x ^= x << shift;
  }
  return x;
}

}  // namespace

bool JsonScanner::skip_unread() {
  const char* p = p_;
  uint64_t inside = 0;  // all ones while a string is open across blocks
  int64_t depth = 0;
  for (; end_ - p >= kBlock; p += kBlock) {
    if (find_in_block(p, 0, '\\') != 0) {
      break;  // escapes are rare: the careful way, from the start
    }
    const uint64_t text = parity_up_to(find_in_block(p, 0, '"')) ^ inside;
    inside = static_cast<uint64_t>(static_cast<int64_t>(text) >> 63);
    // '[' and '{', ']' and '}' differ in one bit.
    const uint64_t open = find_in_block(p, 0x20, '{') & ~text;
    const uint64_t close = find_in_block(p, 0x20, '}') & ~text;
    if (__builtin_popcountll(close) < depth) {
      depth += __builtin_popcountll(open) - __builtin_popcountll(close);
      continue;
    }
    for (uint64_t both = open | close; both != 0; both &= both - 1) {
      const int at = __builtin_ctzll(both);
      depth += (open >> at & 1) != 0 ? 1 : -1;
      if (depth == 0) {
        p_ = p + at + 1;
        return true;
      }
    }
  }
  return skip();
}

#else

bool JsonScanner::skip_unread() { return skip(); }

#endif

size_t unescape(std::string_view raw, char* out) {
  char* const begin = out;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      *out++ = raw[i];
      continue;
    }
    ++i;
    switch (raw[i]) {
      case 'b':
        *out++ = '\b';
        break;
      case 'f':
        *out++ = '\f';
        break;
      case 'n':
        *out++ = '\n';
        break;
      case 'r':
        *out++ = '\r';
        break;
      case 't':
        *out++ = '\t';
        break;
      case 'u': {
        uint32_t c = hex4(raw.data() + i + 1);
        i += 4;
        if (c >= 0xd800 && c < 0xdc00 && i + 6 < raw.size() && raw[i + 1] == '\\' && raw[i + 2] == 'u') {
          const uint32_t low = hex4(raw.data() + i + 3);
          if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i += 6;
          }
        }
        out = put_utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
        break;
      }
      default:
        *out++ = raw[i];
    }
  }
  return static_cast<size_t>(out - begin);
}

}  // namespace catalyst::decision
