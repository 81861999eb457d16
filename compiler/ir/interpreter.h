#pragma once

#include <memory>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/ir/partial.h"
#include "runtime/abi/frame.h"
#include "runtime/value/regex_set.h"

namespace catalyst::ir {

/// The reference meaning of the IR: walks expression trees. Immutable and thread-safe; all state of an
/// evaluation is in the frame and on the stack. The module must have passed verify.
class Interpreter {
 public:
  explicit Interpreter(std::shared_ptr<const Module> module);

  /// Valid while this interpreter lives.
  [[nodiscard]] abi::ExprEvaluator evaluator() const;
  [[nodiscard]] const Module& module() const { return *module_; }
  [[nodiscard]] const value::RegexSet& regexes() const { return regexes_; }
  /// One for each Module::tables.
  [[nodiscard]] const std::vector<abi::LookupTable>& tables() const { return tables_; }
  [[nodiscard]] const Partial& partial() const { return partial_; }

 private:
  std::shared_ptr<const Module> module_;
  value::RegexSet regexes_;
  std::vector<abi::LookupTable> tables_;
  Partial partial_;
};

}  // namespace catalyst::ir
