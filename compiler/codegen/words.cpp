#include "compiler/codegen/words.h"

#include <llvm/IR/Module.h>

#include <algorithm>
#include <cstring>

namespace catalyst::codegen {
namespace {

/// Texts up to this length are compared with immediate words, longer ones by memcmp.
constexpr size_t kInlineBytes = 64;

}  // namespace

llvm::Value* equal_bytes(llvm::IRBuilder<>& builder, llvm::Value* text, std::string_view literal,
                         llvm::FunctionCallee compare) {
  const size_t size = literal.size();
  if (size == 0) {
    return builder.getTrue();
  }
  if (size > kInlineBytes) {
    auto* bytes = llvm::ConstantDataArray::getString(builder.getContext(),
                                                     llvm::StringRef(literal.data(), size), false);
    auto* address = new llvm::GlobalVariable(*builder.GetInsertBlock()->getModule(), bytes->getType(),
                                             /*isConstant=*/true, llvm::GlobalValue::PrivateLinkage, bytes);
    auto* difference = builder.CreateCall(compare, {text, address, builder.getInt64(size)});
    return builder.CreateICmpEQ(difference, builder.getInt32(0));
  }
  const size_t width = size >= 8 ? 8 : (size >= 4 ? 4 : (size >= 2 ? 2 : 1));
  auto* type = builder.getIntNTy(static_cast<unsigned>(8 * width));
  llvm::Value* difference = nullptr;
  for (size_t at = 0; at < size; at += width) {
    const size_t place = std::min(at, size - width);  // the last word overlaps the one before
    uint64_t word = 0;
    std::memcpy(&word, literal.data() + place, width);  // the host's byte order is the target's
    auto* address = builder.CreateConstGEP1_64(builder.getInt8Ty(), text, place);
    auto* loaded = builder.CreateAlignedLoad(type, address, llvm::Align(1));
    auto* changed = builder.CreateXor(loaded, llvm::ConstantInt::get(type, word));
    difference = difference == nullptr ? changed : builder.CreateOr(difference, changed);
  }
  return builder.CreateICmpEQ(difference, llvm::ConstantInt::get(type, 0));
}

}  // namespace catalyst::codegen
