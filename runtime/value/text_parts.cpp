#include "runtime/value/text_parts.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "runtime/value/find_text.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace catalyst::value {
namespace {

constexpr size_t kFewParts = 2;  // are found sooner one by one
constexpr size_t kBlockBytes = 32;

/// How common a byte is in what people and programs write, more or less.
int commonness(char c) {
  constexpr std::string_view kByFrequency = "zqjxkvbywgpfmucdlhrsnioate ";
  const size_t at = kByFrequency.find(c);
  if (at != std::string_view::npos) {
    return 10 + static_cast<int>(at);
  }
  return c >= '0' && c <= '9' ? 8 : 4;
}

void set(uint64_t* found, uint32_t bit) { found[bit >> 6] |= uint64_t{1} << (bit & 63); }
bool is_set(const uint64_t* found, uint32_t bit) { return (found[bit >> 6] >> (bit & 63) & 1) != 0; }

#if defined(__x86_64__)
const bool kHasAvx2 = __builtin_cpu_supports("avx2") != 0;

__attribute__((target("avx2"))) __m256i both_lanes(const std::array<uint8_t, 16>& halves) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves.data())));
}

/// The groups of which a part has the byte of each place at this place of its window.
__attribute__((target("avx2"))) __m256i groups_of(const char* p, __m256i low, __m256i high) {
  const __m256i half = _mm256_set1_epi8(15);
  const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(text, half)),
                          _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(text, 4), half)));
}
#endif

}  // namespace

TextParts::TextParts(std::span<const std::string> parts) {
  for (const std::string& part : parts) {
    parts_.push_back({part, 0, static_cast<uint32_t>(parts_.size())});
  }
  choose_windows();
  fill_halves();
}

void TextParts::choose_windows() {
  for (Part& part : parts_) {
    const size_t width = std::min(part.text.size(), kWindow);
    int best = INT32_MAX;
    for (size_t i = 0; i + width <= part.text.size(); ++i) {
      int sum = 0;
      for (size_t j = 0; j < width; ++j) {
        sum += commonness(part.text[i + j]);
      }
      if (sum < best) {
        best = sum;
        part.window = static_cast<uint32_t>(i);
      }
    }
  }
  // Parts whose windows are alike share a group: it then stands for few bytes.
  std::sort(parts_.begin(), parts_.end(), [](const Part& a, const Part& b) {
    const int order = a.text.compare(a.window, kWindow, b.text, b.window, kWindow);
    return order != 0 ? order < 0 : a.bit < b.bit;
  });
}

void TextParts::fill_halves() {
  for (size_t group = 0; group < kGroups; ++group) {
    group_begin_[group + 1] = static_cast<uint32_t>(parts_.size() * (group + 1) / kGroups);
    const auto bit = static_cast<uint8_t>(1U << group);
    for (size_t i = group_begin_[group]; i < group_begin_[group + 1]; ++i) {
      const Part& part = parts_[i];
      for (size_t k = 0; k < kWindow; ++k) {
        if (part.window + k < part.text.size()) {
          const auto byte = static_cast<uint8_t>(part.text[part.window + k]);
          low_[k][byte & 15] |= bit;
          high_[k][byte >> 4] |= bit;
        } else {  // a part of one or two bytes: anything may follow
          std::for_each(low_[k].begin(), low_[k].end(), [&](uint8_t& half) { half |= bit; });
          std::for_each(high_[k].begin(), high_[k].end(), [&](uint8_t& half) { half |= bit; });
        }
      }
    }
  }
}

void TextParts::find(std::string_view text, uint64_t* found) const noexcept {
  std::fill_n(found, words(), 0);
#if defined(__x86_64__)
  if (kHasAvx2 && parts_.size() > kFewParts && text.size() >= kWindow && find_wide(text, found)) {
    return;
  }
#endif
  find_each(text, found);
}

void TextParts::find_all(uint64_t* found) const noexcept {
  std::fill_n(found, words(), 0);
  for (const Part& part : parts_) {
    set(found, part.bit);
  }
}

void TextParts::find_each(std::string_view text, uint64_t* found) const noexcept {
  for (const Part& part : parts_) {
    if (!is_set(found, part.bit) && find_text(text, part.text) != std::string_view::npos) {
      set(found, part.bit);
    }
  }
}

#if defined(__x86_64__)

/// False when it gave up: what was found until then is there.
bool TextParts::find_wide(std::string_view text, uint64_t* found) const noexcept {
  size_t left = 4 * text.size();  // bytes to compare before it is better to go part by part
  // The last blocks are read from a copy with zeros behind it.
  const size_t whole = (text.size() - (kWindow - 1)) / kBlockBytes * kBlockBytes;
  if (!scan(text.data(), whole, 0, text, found, left)) {
    return false;
  }
  char end[3 * kBlockBytes] = {};
  std::memcpy(end, text.data() + whole, text.size() - whole);
  return scan(end, 2 * kBlockBytes, whole, text, found, left);
}

/// Looks at `places` places from `from` on, a multiple of a block, the first of which is `at` in the text.
__attribute__((target("avx2"))) bool TextParts::scan(const char* from, size_t places, size_t at,
                                                     std::string_view text, uint64_t* found,
                                                     size_t& left) const noexcept {
  const __m256i low0 = both_lanes(low_[0]);
  const __m256i low1 = both_lanes(low_[1]);
  const __m256i low2 = both_lanes(low_[2]);
  const __m256i high0 = both_lanes(high_[0]);
  const __m256i high1 = both_lanes(high_[1]);
  const __m256i high2 = both_lanes(high_[2]);
  for (size_t block = 0; block < places; block += kBlockBytes) {
    const char* const p = from + block;
    __m256i groups = _mm256_and_si256(groups_of(p, low0, high0), groups_of(p + 1, low1, high1));
    if (_mm256_testz_si256(groups, groups) != 0) [[likely]] {
      continue;
    }
    groups = _mm256_and_si256(groups, groups_of(p + 2, low2, high2));
    if (_mm256_testz_si256(groups, groups) != 0) {
      continue;
    }
    alignas(kBlockBytes) uint8_t by_place[kBlockBytes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(by_place), groups);
    uint32_t some =
        ~static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(groups, _mm256_setzero_si256())));
    for (; some != 0; some &= some - 1) {
      const auto place = static_cast<size_t>(__builtin_ctz(some));
      verify(by_place[place], at + block + place, text, found, left);
      if (left == 0) {
        return false;
      }
    }
  }
  return true;
}

/// Compares the parts of `groups` whose windows may begin at `place`.
void TextParts::verify(uint8_t groups, size_t place, std::string_view text, uint64_t* found,
                       size_t& left) const noexcept {
  for (unsigned some = groups; some != 0; some &= some - 1) {
    const auto group = static_cast<size_t>(__builtin_ctz(some));
    for (size_t i = group_begin_[group]; i < group_begin_[group + 1]; ++i) {
      const Part& part = parts_[i];
      left -= std::min(left, part.text.size());
      if (place >= part.window && place - part.window + part.text.size() <= text.size() &&
          std::memcmp(text.data() + place - part.window, part.text.data(), part.text.size()) == 0) {
        set(found, part.bit);
      }
    }
  }
}

#endif

}  // namespace catalyst::value
