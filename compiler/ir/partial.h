#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/ir.h"
#include "runtime/abi/frame.h"

namespace catalyst::ir {

/// What is true of a condition whatever the content of the request is: three-valued evaluation with every
/// input below CallArgs and Params, labels and windows unknown. Sound: an answer other than abi::kUnknown is
/// the interpreter's for every content (but for fuel, which counts for less here). Connectives, `if` and
/// facts are taken apart; anything else that depends on the content is unknown. Immutable and thread-safe.
class Partial {
 public:
  explicit Partial(const Module& module);

  /// Can a condition be true (or fail) for every content, as far as its form tells?
  [[nodiscard]] bool can_hold(ExprId condition) const;

  /// A boolean root. Facts are remembered in the frame, unknown ones as abi::kFactUnknown.
  abi::Truth evaluate(const abi::ExprEvaluator& interpreter, abi::Frame& frame, ExprId condition) const;

 private:
  struct Form {
    bool depends = false;  // on content
    bool can_be_true = true;
    bool can_be_false = true;
  };
  [[nodiscard]] Form form_of(const Expr& e) const;
  [[nodiscard]] Form form_of_dependent(const Expr& e) const;
  [[nodiscard]] const Form& operand(const Expr& e, uint32_t i) const {
    return forms_[module_.operand(e, i).index];
  }
  abi::Truth fact(const abi::ExprEvaluator& interpreter, abi::Frame& frame, const Expr& e) const;

  const Module& module_;
  std::vector<Form> forms_;  // by expression
};

}  // namespace catalyst::ir
