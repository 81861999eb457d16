#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/analysis/solver.h"
#include "compiler/analysis/symbolic.h"
#include "compiler/analysis/witness.h"
#include "compiler/ir/ir.h"

namespace catalyst::analysis {

/// The rules of one module as formulas, made when asked for. Several of these may share a World.
class Rules {
 public:
  Rules(World& world, const ir::Module& module)
      : world_(world), symbolic_(world, module), cached_(module.rules.size()) {}

  struct Meaning {
    FormulaId target;   // over call.server and call.tool
    FormulaId holds;    // the condition is true
    FormulaId refuses;  // the condition is false: not even an error
  };
  const Meaning& meaning(uint32_t rule);
  /// The rule has its effect: its target matches and the condition holds, or fails where failing counts.
  FormulaId applies(uint32_t rule);
  FormulaId target(ir::TargetId target);

  /// The parts of an `and` chain (or of an `or` chain), left to right, looking through facts.
  void parts(ir::ExprId condition, ir::Op op, std::vector<ir::ExprId>& out) const;
  /// A request with a tool that the target matches, literal where it can be.
  [[nodiscard]] Witness base(abi::Hook hook, ir::TargetId target) const;

  [[nodiscard]] const ir::Module& module() const { return symbolic_.module(); }
  Symbolic& symbolic() { return symbolic_; }
  World& world() { return world_; }

 private:
  World& world_;
  Symbolic symbolic_;
  std::vector<std::optional<Meaning>> cached_;
};

/// Is the text a pattern without `*` and `?`?
bool is_literal(std::string_view pattern);

}  // namespace catalyst::analysis
