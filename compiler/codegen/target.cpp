#include "compiler/codegen/target.h"

#include <elf.h>
#include <link.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "compiler/codegen/native.h"

namespace catalyst::codegen {
namespace {

std::string host_features() {
  std::vector<std::string> all;
  for (const auto& feature : llvm::sys::getHostCPUFeatures()) {
    all.push_back((feature.second ? "+" : "-") + feature.first().str());
  }
  std::sort(all.begin(), all.end());
  std::string text;
  for (const std::string& feature : all) {
    text += (text.empty() ? "" : ",") + feature;
  }
  return text;
}

/// The note that the linker wrote into this program: a digest of all of it. Empty when it wrote none.
std::string build_id() {
  std::string out;
  const auto visit = [](dl_phdr_info* info, size_t, void* result) {
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
      const auto& header = info->dlpi_phdr[i];
      if (header.p_type != PT_NOTE) {
        continue;
      }
      const auto* at = reinterpret_cast<const char*>(info->dlpi_addr + header.p_vaddr);
      const char* const end = at + header.p_memsz;
      while (at + sizeof(ElfW(Nhdr)) <= end) {
        ElfW(Nhdr) note;
        std::memcpy(&note, at, sizeof(note));
        const auto padded = [](size_t bytes) { return (bytes + 3) / 4 * 4; };
        const char* const name = at + sizeof(note);
        const char* const content = name + padded(note.n_namesz);
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
          for (size_t j = 0; j < note.n_descsz; j++) {
            constexpr const char* kDigits = "0123456789abcdef";
            const auto byte = static_cast<uint8_t>(content[j]);
            static_cast<std::string*>(result)->append({kDigits[byte >> 4], kDigits[byte & 15]});
          }
          return 1;
        }
        at = content + padded(note.n_descsz);
      }
    }
    return 1;  // the program itself comes first; libraries do not count
  };
  ::dl_iterate_phdr(visit, &out);
  return out;
}

bool initialise() {
  static const bool good = !llvm::InitializeNativeTarget() && !llvm::InitializeNativeTargetAsmPrinter();
  return good;
}

Result<const llvm::Target*> find_target(const std::string& triple) {
  if (!initialise()) {
    return error("LLVM has no code generator for this processor");
  }
  std::string problem;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, problem);
  if (target == nullptr) {
    return error("LLVM does not know the target: " + problem);
  }
  return target;
}

/// What LLVM knows of a processor; an error when it does not know it.
Result<std::unique_ptr<llvm::MCSubtargetInfo>> processor(const abi::Target& target) {
  auto found = find_target(target.triple);
  if (found.has_error()) {
    return found.error();
  }
  const auto make = [&](const std::string& cpu, const std::string& features) {
    return std::unique_ptr<llvm::MCSubtargetInfo>(
        (*found)->createMCSubtargetInfo(target.triple, cpu, features));
  };
  // A name that it does not know makes LLVM write to standard error.
  const auto any = make("", "");
  if (any == nullptr) {
    return error("LLVM knows no processors of " + target.triple);
  }
  if (!any->isCPUStringValid(target.cpu)) {
    std::string names;
    for (const llvm::SubtargetSubTypeKV& known : any->getAllProcessorDescriptions()) {
      names += (names.empty() ? "" : ", ") + std::string(known.Key);
    }
    return error("there is no processor `" + target.cpu + "`; known are " + names);
  }
  return make(target.cpu, target.features);
}

/// What code for `target` needs and this processor lacks; empty when nothing.
std::string missing_feature(const abi::Target& target) {
  const abi::Target& host = host_target();
  if (target.cpu == host.cpu && target.features == host.features) {
    return {};
  }
  const std::string other = "it was made for the processor " + target.cpu + ", this is " + host.cpu;
  const auto wanted = processor(target);
  // Elsewhere than on x86 the system does not list what a processor lacks.
  if (wanted.has_error() || !llvm::Triple(host.triple).isX86()) {
    return other;
  }
  for (const auto& feature : llvm::sys::getHostCPUFeatures()) {
    if (!feature.second && (*wanted)->checkFeatures("+" + feature.first().str())) {
      return other + ", which lacks " + feature.first().str();
    }
  }
  return {};
}

}  // namespace

const abi::Target& host_target() {
  static const abi::Target target{llvm::sys::getProcessTriple(), llvm::sys::getHostCPUName().str(),
                                  host_features(), LLVM_VERSION_STRING, build_id()};
  return target;
}

Result<abi::Target> named_target(const std::string& cpu) {
  abi::Target out = host_target();
  out.cpu = cpu;
  out.features.clear();
  if (const auto known = processor(out); known.has_error()) {
    return known.error();
  }
  return out;
}

std::string mismatch(const abi::Target& target) {
  const abi::Target& host = host_target();
  if (host.program.empty()) {
    return "this program has no build id to know its own code by";
  }
  if (target.triple != host.triple) {
    return "it was made for " + target.triple + ", this is " + host.triple;
  }
  if (target.llvm != host.llvm) {
    return "it was made by LLVM " + target.llvm + ", this is " + host.llvm;
  }
  if (target.program != host.program) {
    return "it was made by another build of Catalyst";
  }
  return missing_feature(target);
}

Result<std::unique_ptr<llvm::TargetMachine>> make_target_machine(const abi::Target& target, int opt_level) {
  auto found = find_target(target.triple);
  if (found.has_error()) {
    return found.error();
  }
  const auto level = opt_level == 0 ? llvm::CodeGenOptLevel::None : llvm::CodeGenOptLevel::Less;
  std::unique_ptr<llvm::TargetMachine> machine(
      (*found)->createTargetMachine(target.triple, target.cpu, target.features, llvm::TargetOptions(),
                                    llvm::Reloc::PIC_, llvm::CodeModel::Small, level, /*JIT=*/true));
  if (machine == nullptr) {
    return error("LLVM cannot generate code for " + target.triple);
  }
  return machine;
}

}  // namespace catalyst::codegen
