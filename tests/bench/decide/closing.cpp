#include "tests/bench/decide/closing.h"

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace catalyst::bench {

#if defined(__x86_64__)

namespace {

constexpr int kBlockBytes = 64;

const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 &&
                      __builtin_cpu_supports("popcnt") != 0 && __builtin_cpu_supports("pclmul") != 0;

__attribute__((target("avx2"))) uint64_t mask_of(__m256i low, __m256i high) {
  return static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(low))) |
         static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(high))) << 32;
}

__attribute__((target("avx2"))) uint64_t equal(__m256i low, __m256i high, char c) {
  const __m256i wanted = _mm256_set1_epi8(c);
  return mask_of(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted));
}

__attribute__((target("avx2,bmi,popcnt,pclmul"))) const char* find_wide(const char* p, const char* end) {
  const __m256i lower = _mm256_set1_epi8(0x20);  // '[' and '{', ']' and '}' differ in one bit
  uint64_t inside = 0;                           // all ones while a string is open across blocks
  int64_t depth = 0;
  for (; p < end; p += kBlockBytes) {
    const uint64_t within = end - p >= kBlockBytes ? ~uint64_t{0} : (uint64_t{1} << (end - p)) - 1;
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 32));
    if ((equal(a, b, '\\') & within) != 0) {
      return nullptr;
    }
    const uint64_t quotes = equal(a, b, '"') & within;
    // Bit i: an odd number of quotes up to i.
    const __m128i parity =
        _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<int64_t>(quotes)), _mm_set1_epi8(-1), 0);
    const uint64_t text = static_cast<uint64_t>(_mm_cvtsi128_si64(parity)) ^ inside;
    inside = static_cast<uint64_t>(static_cast<int64_t>(text) >> 63);
    const __m256i la = _mm256_or_si256(a, lower);
    const __m256i lb = _mm256_or_si256(b, lower);
    const uint64_t opens = equal(la, lb, '{') & ~text & within;
    const uint64_t closes = equal(la, lb, '}') & ~text & within;
    const auto closing = static_cast<int64_t>(__builtin_popcountll(closes));
    if (closing >= depth) {
      for (uint64_t left = closes; left != 0; left &= left - 1) {
        const uint64_t before = left ^ (left - 1);  // up to this bracket
        const auto at = static_cast<int64_t>(__builtin_popcountll(opens & before)) -
                        static_cast<int64_t>(__builtin_popcountll(closes & before));
        if (depth + at == 0) {
          return p + __builtin_ctzll(left) + 1;
        }
      }
    }
    depth += static_cast<int64_t>(__builtin_popcountll(opens)) - closing;
  }
  return nullptr;
}

}  // namespace

const char* find_closing(const char* p, const char* end) { return kHasAvx2 ? find_wide(p, end) : nullptr; }

#else

const char* find_closing(const char*, const char*) { return nullptr; }

#endif

}  // namespace catalyst::bench
