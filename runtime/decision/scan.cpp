#include "runtime/decision/scan.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "runtime/base/one_page.h"

namespace catalyst::decision {

namespace {

constexpr int kBlockBytes = 64;

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

/// 64 bytes that start as the text at `p` does: themselves, or a copy where that ends before and a page does,
/// too.
inline const char* readable_block(const char* p, const char* end, char* copy) {
  if (end - p >= kBlockBytes) [[likely]] {
    return p;
  }
  if (is_on_one_page(p, kBlockBytes)) {
    return without_bounds(p);
  }
  std::memset(copy, 0, kBlockBytes);
  std::memcpy(copy, p, static_cast<size_t>(end - p));
  return copy;
}

/// Bit i: byte i of 64 is a quote, a backslash or a control byte.
uint64_t find_stops_plainly(const char* p) {
  uint64_t stops = 0;
  for (int i = 0; i < kBlockBytes; ++i) {
    const bool stop = p[i] == '"' || p[i] == '\\' || static_cast<unsigned char>(p[i]) <= 0x1f;
    stops |= static_cast<uint64_t>(stop) << i;
  }
  return stops;
}

#if defined(__x86_64__)

const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;

__attribute__((target("avx2"))) uint64_t mask_of(__m256i low, __m256i high) {
  return static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(low))) |
         static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(high))) << 32;
}

__attribute__((target("avx2"))) __m256i stops_of(__m256i v) {
  const __m256i control = _mm256_set1_epi8(0x1f);
  return _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')),
                                         _mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'))),
                         _mm256_cmpeq_epi8(_mm256_max_epu8(v, control), control));
}

__attribute__((target("avx2"))) uint64_t find_stops_wide(const char* p) {
  return mask_of(stops_of(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))),
                 stops_of(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32))));
}

uint64_t find_stops(const char* p) { return kHasAvx2 ? find_stops_wide(p) : find_stops_plainly(p); }

/// `p` behind whole blocks without a stop.
__attribute__((target("avx2"))) const char* behind_plain_blocks(const char* p, const char* end) {
  for (; end - p >= kBlockBytes; p += kBlockBytes) {
    const __m256i any =
        _mm256_or_si256(stops_of(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))),
                        stops_of(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32))));
    if (_mm256_testz_si256(any, any) == 0) {
      break;
    }
  }
  return p;
}

const char* behind_plain(const char* p, const char* end) {
  return kHasAvx2 ? behind_plain_blocks(p, end) : p;
}

#else

const char* behind_plain(const char* p, const char*) { return p; }

uint64_t find_stops(const char* p) { return find_stops_plainly(p); }

#endif

}  // namespace

const char* JsonScanner::behind_space(const char* p, const char* end) {
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
    ++p;
  }
  return p;
}

uint64_t JsonScanner::stops_from(const char* p, const char* end) {
  char last[kBlockBytes];
  return find_stops(readable_block(p, end, last));
}

JsonScanner::Block JsonScanner::next_block(const char* p, const char* end) {
  while (end - p > kBlockBytes) {
    p = behind_plain(p + kBlockBytes, end);
    if (const uint64_t stops = p < end ? stops_from(p, end) : 0; stops != 0) {
      return {p, stops};
    }
  }
  return {end, 0};
}

const char* JsonScanner::behind_escape(const char* p, const char* end) {
  if (end - p < 2) {
    return end;
  }
  switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return p + 2;
    case 'u':
      if (end - p < 6) {
        return end;
      }
      for (int i = 2; i < 6; ++i) {
        if (hex_digit(p[i]) < 0) {
          return end;
        }
      }
      return p + 6;
    default:
      return end;
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
