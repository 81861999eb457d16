#pragma once

#include <cstdint>

namespace catalyst::driver {

/// How a worker says by its exit code that it ran out of memory.
inline constexpr int kOutOfMemory = 77;

/// Takes from this process, which has one thread and reads nothing but descriptor 0, what a worker has no
/// need for: files and sockets, further processes, debuggers, other users' privileges, most system calls, and
/// memory beyond `memory_bytes` on top of what it has now. Seconds of processor time end it by SIGXCPU. The
/// process dies with `parent`. False when the parent is gone already.
///
/// Sanitizers map terabytes, so under them memory has no bound.
bool bind_worker(int parent, uint64_t memory_bytes, uint64_t cpu_seconds);

}  // namespace catalyst::driver
