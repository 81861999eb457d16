#include "compiler/driver/worker_bounds.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <new>

#include "compiler/codegen/native.h"

namespace catalyst::driver {
namespace {

void limit(__rlimit_resource_t what, uint64_t amount, uint64_t at_most) {
  const rlimit both{amount, at_most};
  ::setrlimit(what, &both);
}
void limit(__rlimit_resource_t what, uint64_t amount) { limit(what, amount, amount); }

/// Address space that this process has: the program, its libraries, what it allocated so far.
uint64_t mapped_bytes() {
  unsigned long long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re"); file != nullptr) {
    if (std::fscanf(file, "%llu", &pages) != 1) {
      pages = 0;
    }
    std::fclose(file);
  }
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// When the machine itself runs out of memory, a worker is the first to go.
void be_first_to_go() {
  if (const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); file >= 0) {
    [[maybe_unused]] const ssize_t written = ::write(file, "1000", 4);
    ::close(file);
  }
}

void leave_root() {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() == 0 && ::setgroups(0, nullptr) == 0 && ::setresgid(kNobody, kNobody, kNobody) == 0) {
    [[maybe_unused]] const int left = ::setresuid(kNobody, kNobody, kNobody);
  }
}

#if !defined(CATALYST_SANITIZED)

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kArchitecture = 0;
#endif

constexpr uint32_t kAllowedCalls[] = {
    SYS_read,        SYS_write,         SYS_close,        SYS_fstat,          SYS_lseek,
    SYS_mmap,        SYS_munmap,        SYS_mremap,       SYS_mprotect,       SYS_madvise,
    SYS_brk,         SYS_exit,          SYS_exit_group,   SYS_futex,          SYS_getrandom,
    SYS_sched_yield, SYS_clock_gettime, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_rt_sigaction,
    SYS_getpid,      SYS_gettid,        SYS_tgkill,       SYS_getrusage,      SYS_prctl,
    SYS_uname,       SYS_sigaltstack,   SYS_prlimit64};

/// Everything else fails with EPERM. Without effect where the kernel has no filters.
void allow_few_calls() {
  constexpr size_t kCalls = std::size(kAllowedCalls);
  constexpr auto kDeny = static_cast<uint32_t>(SECCOMP_RET_ERRNO | EPERM);
  std::array<sock_filter, kCalls + 6> program{};
  size_t at = 0;
  const auto add = [&](sock_filter step) { program[at++] = step; };
  add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0));
  add(BPF_STMT(BPF_RET | BPF_K, kDeny));
  add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (size_t i = 0; i < kCalls; ++i) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kAllowedCalls[i], static_cast<uint8_t>(kCalls - i), 0));
  }
  add(BPF_STMT(BPF_RET | BPF_K, kDeny));
  add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<unsigned short>(at), program.data()};
  if (kArchitecture != 0) {
    ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
  }
}

#endif

[[noreturn]] void out_of_memory() { ::_exit(kOutOfMemory); }

/// Who gets no memory may abort, or use the null that it got: that is so when not even this much can be had,
/// which allocators ask the system for at once. Otherwise the signal does what it does.
void died(int /*signal*/) {
  constexpr size_t kAtOnce = size_t{32} << 20;
  void* const some = ::mmap(nullptr, kAtOnce, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (some == MAP_FAILED) {
    out_of_memory();
  }
  ::munmap(some, kAtOnce);
}

void tell_why_it_died() {
  static std::array<char, 16 * 1024> room;  // the stack may be what could not grow
  const stack_t stack{room.data(), 0, room.size()};
  ::sigaltstack(&stack, nullptr);
  struct sigaction act{};
  act.sa_handler = died;
  act.sa_flags = static_cast<int>(SA_ONSTACK | SA_RESETHAND);
  ::sigaction(SIGABRT, &act, nullptr);
  ::sigaction(SIGSEGV, &act, nullptr);
}

}  // namespace

bool bind_worker(int parent, uint64_t memory_bytes, uint64_t cpu_seconds) {
  be_first_to_go();
  leave_root();
  // Behind the change of user, which forgets it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) {
    return false;
  }
  ::prctl(PR_SET_DUMPABLE, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, cpu_seconds, cpu_seconds + 1);  // at the second one SIGKILL comes
  std::set_new_handler(out_of_memory);
  codegen::when_out_of_memory(out_of_memory);
#if defined(CATALYST_SANITIZED)
  (void)memory_bytes;  // and reports of a sanitizer need files, symbols and a process that reads them
  (void)mapped_bytes;
  (void)tell_why_it_died;
#else
  tell_why_it_died();
  limit(RLIMIT_AS, mapped_bytes() + memory_bytes);
  limit(RLIMIT_NOFILE, 3);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NPROC, 0);
  allow_few_calls();
#endif
  return true;
}

}  // namespace catalyst::driver
