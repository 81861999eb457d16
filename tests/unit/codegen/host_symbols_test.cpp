#include "compiler/codegen/host_symbols.h"

#include <gtest/gtest.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Target/TargetMachine.h>

#include "compiler/codegen/jit.h"
#include "compiler/codegen/native.h"
#include "compiler/codegen/target.h"

namespace catalyst::codegen {
namespace {

/// Links a module whose only function calls `symbol`.
Result<std::unique_ptr<MachineCode>> link_caller(const char* symbol) {
  auto machine = make_target_machine(host_target(), 0);
  EXPECT_TRUE(machine.has_value());
  llvm::LLVMContext context;
  llvm::Module module("unit", context);
  module.setTargetTriple((*machine)->getTargetTriple().str());
  module.setDataLayout((*machine)->createDataLayout());
  llvm::IRBuilder<> builder(context);
  auto* type = llvm::FunctionType::get(builder.getInt32Ty(), {builder.getPtrTy(), builder.getPtrTy()}, false);
  auto* callee = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, symbol, module);
  auto* caller = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, "caller", module);
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "", caller));
  builder.CreateRet(builder.CreateCall(callee, {caller->getArg(0), caller->getArg(1)}));
  auto* table = llvm::ArrayType::get(builder.getPtrTy(), 1);
  new llvm::GlobalVariable(module, table, true, llvm::GlobalValue::ExternalLinkage,
                           llvm::ConstantArray::get(table, {caller}), "table");
  const auto object = emit_object(module, **machine, 1 << 20, {});
  EXPECT_TRUE(object.has_value());
  return MachineCode::link(*object, "table", {});
}

TEST(HostSymbols, OnlyTheListResolves) {
  EXPECT_TRUE(link_caller("catalyst_order").has_value());
  for (const char* symbol :
       {"system", "execve", "getenv", "dlopen", "malloc", "environ", "catalyst_nothing"}) {
    EXPECT_FALSE(link_caller(symbol).has_value()) << symbol;
  }
}

TEST(HostSymbols, EverySignatureIsReadable) {
  for (const HostSymbol& host : host_symbols()) {
    EXPECT_NE(host.address, nullptr) << host.name;
    EXPECT_EQ(host.signature.find_first_not_of("vpild"), std::string_view::npos) << host.name;
    EXPECT_EQ(host.signature.substr(1).find('v'), std::string_view::npos) << host.name;
  }
}

}  // namespace
}  // namespace catalyst::codegen
