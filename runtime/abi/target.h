#pragma once

#include <string>

namespace catalyst::abi {

/// What object code was made for. It runs where the processor can do what it needs, in a program that has
/// LLVM's relocations, our structures and our host functions as they were when it was made.
struct Target {
  std::string triple;    // as LLVM writes it: x86_64-pc-linux-gnu
  std::string cpu;       // LLVM's name of the processor
  std::string features;  // beside those that the name implies: "+avx2,-avx512f"
  std::string llvm;      // version
  std::string program;   // build id of the program, hexadecimal

  bool operator==(const Target&) const = default;
};

}  // namespace catalyst::abi
