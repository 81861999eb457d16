#include "compiler/codegen/jit.h"

#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/Pass.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/Process.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>

#include "compiler/codegen/host_symbols.h"

namespace catalyst::codegen {
namespace {

Error from_llvm(llvm::Error failure, const char* doing) {
  return error(std::string(doing) + ": " + llvm::toString(std::move(failure)));
}

/// Runs behind the code generator's own passes, which take one function after the other: when nobody wants
/// the code any more, the functions that are left lose their bodies, and the generator has nothing to do for
/// them. The object is then incomplete and must not be linked.
class Abandon final : public llvm::FunctionPass {
 public:
  explicit Abandon(std::stop_token stop) : FunctionPass(id), stop_(std::move(stop)) {}
  bool runOnFunction(llvm::Function& done) override {
    if (stop_.stop_requested()) {
      for (auto left = std::next(done.getIterator()); left != done.getParent()->end(); ++left) {
        left->deleteBody();
      }
    }
    return false;
  }
  void getAnalysisUsage(llvm::AnalysisUsage& usage) const override { usage.setPreservesAll(); }

  static char id;

 private:
  std::stop_token stop_;
};
char Abandon::id = 0;

}  // namespace

Result<std::string> emit_object(llvm::Module& module, llvm::TargetMachine& machine, size_t code_bytes_max,
                                const std::stop_token& stop) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile)) {
    return error("LLVM cannot emit object code for this processor");
  }
  passes.add(new Abandon(stop));
  if (!stop.stop_requested()) {
    passes.run(module);
  }
  if (stop.stop_requested()) {
    return error("stopped");
  }
  if (bytes.size() > code_bytes_max) {
    return error("native code takes " + std::to_string(bytes.size()) + " bytes, more than the limit of " +
                 std::to_string(code_bytes_max));
  }
  return std::string(bytes.data(), bytes.size());
}

/// An ORC session of its own for each unit: ending it frees everything that belongs to the unit, and units
/// cannot see each other. The process control is the one that supports nothing: no symbol of the process can
/// be searched for, and no library loaded.
struct MachineCode::Session {
  llvm::orc::ExecutionSession session;
  llvm::orc::ObjectLinkingLayer layer;

  Session()
      : session(std::make_unique<llvm::orc::UnsupportedExecutorProcessControl>(
            nullptr, nullptr, llvm::sys::getProcessTriple(), llvm::sys::Process::getPageSizeEstimate())),
        layer(session, std::make_unique<llvm::jitlink::InProcessMemoryManager>(
                           llvm::sys::Process::getPageSizeEstimate())) {
    // Failures are reported through the results of the calls; nothing goes to stderr.
    session.setErrorReporter([](llvm::Error failure) { llvm::consumeError(std::move(failure)); });
  }
  ~Session() { llvm::consumeError(session.endSession()); }
};

MachineCode::MachineCode(std::unique_ptr<Session> session) : session_(std::move(session)) {}
MachineCode::~MachineCode() = default;

Result<std::unique_ptr<MachineCode>> MachineCode::link(const std::string& object, const std::string& table,
                                                       std::span<const void* const> places) {
  std::unique_ptr<MachineCode> code(new MachineCode(std::make_unique<Session>()));
  llvm::orc::ExecutionSession& session = code->session_->session;
  llvm::orc::JITDylib& unit = session.createBareJITDylib("unit");
  llvm::orc::SymbolMap known;
  for (const HostSymbol& host : host_symbols()) {
    known[session.intern(host.name)] = {llvm::orc::ExecutorAddr::fromPtr(host.address),
                                        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  }
  for (size_t i = 0; i < places.size(); i++) {
    known[session.intern(kPlaceSymbols[i])] = {llvm::orc::ExecutorAddr::fromPtr(places[i]),
                                               llvm::JITSymbolFlags::Exported};
  }
  if (auto failure = unit.define(llvm::orc::absoluteSymbols(std::move(known)))) {
    return from_llvm(std::move(failure), "defining host functions");
  }
  // The buffer is a view: linking ends within the lookup below, and the linker copies what it keeps.
  auto buffer = llvm::MemoryBuffer::getMemBuffer(object, "unit.o", /*RequiresNullTerminator=*/false);
  if (auto failure = code->session_->layer.add(unit, std::move(buffer))) {
    return from_llvm(std::move(failure), "adding object code");
  }
  auto found = session.lookup(llvm::ArrayRef<llvm::orc::JITDylib*>{&unit}, session.intern(table));
  if (!found) {
    return from_llvm(found.takeError(), "linking native code");
  }
  code->table_ = found->getAddress().toPtr<const void* const*>();
  code->object_bytes_ = object.size();
  return code;
}

}  // namespace catalyst::codegen
