#pragma once

#include <cstdint>
#include <vector>

namespace catalyst::abi {

/// How the rules of one hook are decided (see runtime/decision/README.md). Filled by compiler/ir/passes/plan.
struct HookPlan {
  std::vector<uint32_t> ranked;  // rule indexes, strongest first: denies, allows, the rest; declaration order inside
};

}  // namespace catalyst::abi
