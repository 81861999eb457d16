#pragma once

namespace catalyst::detail {
[[noreturn]] void check_failed(const char* condition, const char* message, const char* file,
                               int line) noexcept;
}  // namespace catalyst::detail

/// Our own invariant: aborts with file and line when it does not hold. Never reachable from outside input.
#define CHECK(condition, message)                                                \
  do {                                                                           \
    if (!(condition)) [[unlikely]] {                                             \
      ::catalyst::detail::check_failed(#condition, message, __FILE__, __LINE__); \
    }                                                                            \
  } while (false)

#ifdef NDEBUG
#define DCHECK(condition, message) ((void)sizeof(!(condition)))
#else
#define DCHECK(condition, message) CHECK(condition, message)
#endif
