#include "compiler/ir/partial.h"

#include <utility>

namespace catalyst::ir {

using abi::kFalse;
using abi::kTrue;
using abi::kUnknown;
using abi::Truth;

namespace {

/// Labels come and go with the conversation, and windows with time: what is listed should not.
bool is_content(abi::InputRoot root) {
  return root == abi::InputRoot::CallArgs || root == abi::InputRoot::Params ||
         root == abi::InputRoot::Labels || root == abi::InputRoot::Window;
}

bool is_error(Truth truth) { return truth >= abi::kTruthError; }

Truth negate(Truth truth) { return truth == kTrue ? kFalse : truth == kFalse ? kTrue : truth; }

/// Kleene's `and` with a third party: an error beside something unknown may still become false.
Truth both(Truth left, Truth right) {
  if (left == kFalse || right == kFalse) {
    return kFalse;
  }
  if (left == kUnknown || right == kUnknown) {
    return kUnknown;
  }
  return is_error(left) ? left : right;
}

}  // namespace

Partial::Partial(const Module& module) : module_(module), forms_(module.exprs.size()) {
  // Operands stand before their users; a fact may stand behind one, so this is repeated until nothing
  // changes.
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < module_.exprs.size(); ++i) {
      const Form form = form_of(module_.exprs[i]);
      changed = changed || form.depends != forms_[i].depends || form.can_be_true != forms_[i].can_be_true ||
                form.can_be_false != forms_[i].can_be_false;
      forms_[i] = form;
    }
  }
}

Partial::Form Partial::form_of(const Expr& e) const {
  bool depends = e.op == Op::Slot && is_content(module_.slots[e.payload].root);
  if (e.op == Op::Fact) {
    depends = forms_[module_.facts[e.payload].value.index].depends;
  }
  for (uint32_t i = 0; i < e.operand_count && !depends; ++i) {
    depends = operand(e, i).depends;
  }
  return depends ? form_of_dependent(e) : Form{};
}

Partial::Form Partial::form_of_dependent(const Expr& e) const {
  Form out{true, false, false};
  if (e.op == Op::Not) {
    out.can_be_true = operand(e, 0).can_be_false;
    out.can_be_false = operand(e, 0).can_be_true;
  } else if (e.op == Op::And || e.op == Op::Or) {
    const Form& a = operand(e, 0);
    const Form& b = operand(e, 1);
    const bool all = e.op == Op::And;
    out.can_be_true = all ? a.can_be_true && b.can_be_true : a.can_be_true || b.can_be_true;
    out.can_be_false = all ? a.can_be_false || b.can_be_false : a.can_be_false && b.can_be_false;
  } else if (e.op == Op::If) {
    out.can_be_true = operand(e, 1).can_be_true || operand(e, 2).can_be_true;
    out.can_be_false = operand(e, 1).can_be_false || operand(e, 2).can_be_false;
  } else if (e.op == Op::Fact) {
    const Form& value = forms_[module_.facts[e.payload].value.index];
    out.can_be_true = value.can_be_true;
    out.can_be_false = value.can_be_false;
  }
  return out;
}

bool Partial::can_hold(ExprId condition) const {
  return !condition.valid() || !forms_[condition.index].depends || forms_[condition.index].can_be_true;
}

Truth Partial::evaluate(const abi::ExprEvaluator& interpreter, abi::Frame& frame, ExprId condition) const {
  const Form& form = forms_[condition.index];
  if (!form.depends) {
    return interpreter.condition(interpreter.self, &frame, condition.index);
  }
  if (!form.can_be_true && !form.can_be_false) {
    return kUnknown;
  }
  const Expr& e = module_.expr(condition);
  const auto part = [&](uint32_t i) { return evaluate(interpreter, frame, module_.operand(e, i)); };
  if (e.op == Op::Not) {
    return negate(part(0));
  }
  if (e.op == Op::And) {
    const Truth left = part(0);
    return left == kFalse ? kFalse : both(left, part(1));
  }
  if (e.op == Op::Or) {
    const Truth left = part(0);
    return left == kTrue ? kTrue : negate(both(negate(left), negate(part(1))));
  }
  if (e.op == Op::If) {
    // Both sides may agree and it may fail all the same: what is unknown can be of a wrong type.
    const Truth chosen = part(0);
    return chosen == kUnknown || is_error(chosen) ? chosen : part(chosen == kTrue ? 1 : 2);
  }
  return e.op == Op::Fact ? fact(interpreter, frame, e) : kUnknown;
}

Truth Partial::fact(const abi::ExprEvaluator& interpreter, abi::Frame& frame, const Expr& e) const {
  int32_t& state = frame.fact_status[e.payload];
  if (state == abi::kFactUnset) {
    const int64_t fuel = std::exchange(frame.fuel, frame.fuel_limit);
    const Truth truth = evaluate(interpreter, frame, module_.facts[e.payload].value);
    frame.fuel = fuel;
    state = truth == kUnknown ? abi::kFactUnknown : is_error(truth) ? truth - abi::kTruthError : 0;
    frame.facts[e.payload] = value::Value::of_bool(truth == kTrue);
    frame.fact_error[e.payload] = frame.error_expr;
  }
  if (state == abi::kFactUnknown) {
    return kUnknown;
  }
  if (state != 0) {
    frame.error_expr = frame.fact_error[e.payload];
    return abi::kTruthError + state;
  }
  return frame.facts[e.payload].a.integer != 0 ? kTrue : kFalse;
}

}  // namespace catalyst::ir
