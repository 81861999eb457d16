#pragma once

namespace catalyst {

/// Gives back to the system what a large piece of work that is over leaves resident: what the calling thread
/// freed, and pages of program and libraries. Those hold nothing of ours and stay in the system's cache, so
/// what is still used comes back by itself, 64 KiB a page fault; the rest, such as start-up and compilers,
/// does not. Any thread, while others run.
void give_back_memory();

}  // namespace catalyst
