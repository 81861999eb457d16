#pragma once

namespace catalyst::bench {

/// Where the object at `p` ends, by brackets outside strings alone: what is handed on is read strictly there.
/// nullptr when a backslash is in the way, it does not end, or the processor lacks AVX2. 64 bytes behind
/// `end` can be read.
const char* find_closing(const char* p, const char* end);

}  // namespace catalyst::bench
