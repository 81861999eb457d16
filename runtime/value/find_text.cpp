#include "runtime/value/find_text.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace catalyst::value {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

size_t find_plainly(std::string_view text, std::string_view part, size_t from) {
  const void* at = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return at == nullptr ? kNowhere : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

#if defined(__x86_64__)

const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;
constexpr size_t kBlockBytes = 64;

/// The search for one part of at least two bytes. A place is looked at closely when the first and the last
/// byte of the part stand where they should.
class WideSearch {
 public:
  WideSearch(std::string_view text, std::string_view part) : text_(text), part_(part) {}

  /// The text has a block and the part at least.
  __attribute__((target("avx2"))) size_t run() {
    const size_t places = text_.size() - part_.size() + 1;
    const __m256i first = _mm256_set1_epi8(part_.front());
    const __m256i last = _mm256_set1_epi8(part_.back());
    for (size_t at = 0;; at += kBlockBytes) {
      if (at + kBlockBytes > places) {
        at = places - kBlockBytes;  // the last block overlaps the one before
      }
      const __m256i low = candidates(at, first, last);
      const __m256i high = candidates(at + kBlockBytes / 2, first, last);
      const __m256i any = _mm256_or_si256(low, high);
      if (_mm256_testz_si256(any, any) == 0) {
        const uint64_t set = static_cast<uint32_t>(_mm256_movemask_epi8(low)) |
                             uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(high))} << 32;
        const size_t found = verify(at, set);
        if (found != kNowhere) {
          return found;
        }
        if (compared_ > text_.size()) {
          return find_plainly(text_, part_, at);  // a text made to have many candidates
        }
      }
      if (at + kBlockBytes == places) {
        return kNowhere;
      }
    }
  }

 private:
  __attribute__((target("avx2"))) __m256i candidates(size_t at, __m256i first, __m256i last) const {
    const char* p = text_.data() + at;
    const __m256i begins = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i ends = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + part_.size() - 1));
    return _mm256_and_si256(_mm256_cmpeq_epi8(begins, first), _mm256_cmpeq_epi8(ends, last));
  }

  size_t verify(size_t at, uint64_t set) {
    for (; set != 0; set &= set - 1) {
      const size_t place = at + static_cast<size_t>(__builtin_ctzll(set));
      if (std::memcmp(text_.data() + place, part_.data(), part_.size()) == 0) {
        return place;
      }
      compared_ += part_.size();
    }
    return kNowhere;
  }

  std::string_view text_;
  std::string_view part_;
  size_t compared_ = 0;  // bytes, at most
};

#endif

}  // namespace

size_t find_text(std::string_view text, std::string_view part) noexcept {
  if (part.empty()) {
    return 0;
  }
  if (part.size() > text.size()) {
    return kNowhere;
  }
#if defined(__x86_64__)
  if (kHasAvx2 && part.size() > 1 && text.size() - part.size() >= kBlockBytes) {
    return WideSearch(text, part).run();
  }
#endif
  return find_plainly(text, part, 0);
}

}  // namespace catalyst::value
