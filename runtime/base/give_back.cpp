#include "runtime/base/give_back.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

/// mimalloc's, where the program has it.
extern "C" [[gnu::weak]] void mi_collect(bool force);

namespace catalyst {
namespace {

/// A file whose code the loader had to write into has pages of its own there.
bool writes_into_code(const dl_phdr_info& info) {
  for (size_t i = 0; i < info.dlpi_phnum; ++i) {
    if (info.dlpi_phdr[i].p_type != PT_DYNAMIC) {
      continue;
    }
    const auto* each = reinterpret_cast<const ElfW(Dyn)*>(info.dlpi_addr + info.dlpi_phdr[i].p_vaddr);
    for (; each->d_tag != DT_NULL; ++each) {
      if (each->d_tag == DT_TEXTREL || (each->d_tag == DT_FLAGS && (each->d_un.d_val & DF_TEXTREL) != 0)) {
        return true;
      }
    }
  }
  return false;
}

/// Forgets the pages of segments that nobody may write: they are those of the file.
int forget(dl_phdr_info* info, size_t /*size*/, void* page_bytes) {
  const uintptr_t page = *static_cast<const uintptr_t*>(page_bytes);
  const bool is_file = info->dlpi_name != nullptr && info->dlpi_phnum > 0;
  if (!is_file || writes_into_code(*info)) {
    return 0;
  }
  for (size_t i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) == 0) {
      const uintptr_t begin = (info->dlpi_addr + segment.p_vaddr) & ~(page - 1);
      const uintptr_t end = (info->dlpi_addr + segment.p_vaddr + segment.p_filesz) & ~(page - 1);
      if (begin < end) {
        ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
      }
    }
  }
  return 0;
}

}  // namespace

void give_back_memory() {
  if (mi_collect != nullptr) {
    mi_collect(true);
  }
#if !defined(CATALYST_SANITIZED)
  auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  ::dl_iterate_phdr(forget, &page);
#endif
}

}  // namespace catalyst
