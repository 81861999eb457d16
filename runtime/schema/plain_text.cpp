#include "runtime/schema/plain_text.h"

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace catalyst::schema {
namespace {

/// Of a string: the quote that ends it, or what is not plain.
bool is_stop(char c) { return c == '"' || c == '\\' || static_cast<signed char>(c) < 0x20; }

const char* quote_or_nothing(const char* stop) { return *stop == '"' ? stop : nullptr; }

#if defined(__x86_64__)

constexpr ptrdiff_t kSmall = 16;
constexpr ptrdiff_t kWide = 64;

const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;

/// Bits of the stops in 16 bytes. Compared as signed: bytes above ASCII are below the space, too.
uint32_t stops_in(const char* p) {
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  const __m128i special =
      _mm_or_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8('"')), _mm_cmpeq_epi8(text, _mm_set1_epi8('\\')));
  return static_cast<uint32_t>(
      _mm_movemask_epi8(_mm_or_si128(special, _mm_cmpgt_epi8(_mm_set1_epi8(0x20), text))));
}

__attribute__((target("avx2"))) __m256i wide_stops(__m256i text) {
  const __m256i special = _mm256_or_si256(_mm256_cmpeq_epi8(text, _mm256_set1_epi8('"')),
                                          _mm256_cmpeq_epi8(text, _mm256_set1_epi8('\\')));
  return _mm256_or_si256(special, _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), text));
}

/// Skips blocks of 64 bytes without a stop.
__attribute__((target("avx2"))) const char* behind_plain_blocks(const char* p, const char* end) {
  for (; end - p >= kWide; p += kWide) {
    const __m256i low = wide_stops(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    const __m256i high = wide_stops(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + kWide / 2)));
    const __m256i any = _mm256_or_si256(low, high);
    if (_mm256_testz_si256(any, any) == 0) {
      break;
    }
  }
  return p;
}

#endif

}  // namespace

const char* end_of_plain_text(const char* p, const char* end) noexcept {
#if defined(__x86_64__)
  for (bool is_first = true; end - p >= kSmall; is_first = false) {
    if (const uint32_t stops = stops_in(p); stops != 0) {
      return quote_or_nothing(p + __builtin_ctz(stops));
    }
    p += kSmall;
    if (is_first && kHasAvx2) {
      p = behind_plain_blocks(p, end);
    }
  }
#endif
  for (; p < end; ++p) {
    if (is_stop(*p)) {
      return quote_or_nothing(p);
    }
  }
  return nullptr;
}

}  // namespace catalyst::schema
