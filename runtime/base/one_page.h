#pragma once

#include <cstddef>
#include <cstdint>

namespace catalyst {

/// True when `bytes` bytes from `p` on lie on one page: where the first of them can be read, so can the
/// others, whatever object they belong to. For loads wider than a short text; what is behind the text must
/// not matter. Sanitizers would object, with reason: under them it is always false.
inline bool is_on_one_page(const char* p, size_t bytes) {
#if defined(CATALYST_SANITIZED)
  (void)p;
  (void)bytes;
  return false;
#else
  constexpr uintptr_t kPage = 4096;  // the smallest there is
  return (reinterpret_cast<uintptr_t>(p) & (kPage - 1)) + bytes <= kPage;
#endif
}

/// The same address, of which the compiler does not know what object it is in and where that ends.
inline const char* without_bounds(const char* p) {
  __asm__("" : "+r"(p));
  return p;
}

}  // namespace catalyst
