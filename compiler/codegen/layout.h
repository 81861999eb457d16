#pragma once

#include <cstdint>
#include <vector>

#include "compiler/codegen/native.h"
#include "compiler/ir/ir.h"
#include "runtime/abi/plan.h"
#include "runtime/abi/unit.h"

namespace catalyst::codegen {

enum class RootKind : uint8_t { Condition, Value };

struct Root {
  ir::ExprId expr;
  RootKind kind;
};

/// Which functions the code of a unit has for others to call, in the order of its table: one for each root,
/// then one for each bucket that has one. Follows from module, options and plans alone, so that code which
/// was kept is read as it was written.
struct Layout {
  std::vector<Root> roots;
  std::vector<bool> buckets;  // in the order of for_each_bucket
  uint64_t fingerprint = 0;   // of the above and of what the buckets are made from
};

/// An error when a limit of `options` is met.
Result<Layout> lay_out(const ir::Module& module, const Options& options, const abi::Unit* plans);

/// Cells of a bucket, heads included.
size_t cells_of(const abi::Index& index, const abi::BucketRef& bucket);

/// `visit(index, bucket)` for every deciding bucket of a unit, empty ones included.
template <class Unit, class Visit>
void for_each_bucket(Unit& unit, Visit visit) {
  for (auto& plan : unit.plans) {
    visit(plan.decide, plan.decide.always);
    for (auto& anchor : plan.decide.anchors) {
      for (auto& bucket : anchor.buckets) {
        visit(plan.decide, bucket);
      }
    }
  }
}

}  // namespace catalyst::codegen
