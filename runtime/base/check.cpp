#include "runtime/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace catalyst::detail {

void check_failed(const char* condition, const char* message, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: internal error: %s (%s)\n", file, line, message, condition);
  std::abort();
}

}  // namespace catalyst::detail
