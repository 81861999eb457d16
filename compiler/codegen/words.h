#pragma once

#include <llvm/IR/IRBuilder.h>

#include <string_view>

namespace catalyst::codegen {

/// Are the bytes at `text`, known to be enough, those of `literal`? Words with immediates for short literals,
/// `compare` (memcmp) for long ones.
llvm::Value* equal_bytes(llvm::IRBuilder<>& builder, llvm::Value* text, std::string_view literal,
                         llvm::FunctionCallee compare);

}  // namespace catalyst::codegen
