#include "compiler/ir/interpreter.h"

#include <utility>
#include <vector>

#include "compiler/ir/instructions.h"
#include "compiler/ir/lookup.h"
#include "runtime/base/check.h"
#include "runtime/value/builtin.h"
#include "runtime/value/ops.h"

namespace catalyst::ir {
namespace {

using types::TypeKind;
using value::Kind;
using value::Scratch;
using value::Status;
using value::Value;

constexpr uint32_t kOperandsOnStack = 16;

/// One evaluation: the frame, and the locals of the root or function at hand.
class Evaluation {
 public:
  Evaluation(const Interpreter& interpreter, abi::Frame& frame)
      : interpreter_(interpreter),
        module_(interpreter.module()),
        frame_(frame),
        scratch_{frame.arena, &frame.fuel, &interpreter.regexes()},
        instructions_(module_, interpreter.regexes(), scratch_) {}

  /// On anything but Ok, `*out` is Absent and Frame::error_expr is the innermost expression that failed.
  Status eval(ExprId id, Value* out) {
    const Expr& e = module_.expr(id);
    *out = Value::absent();
    const Status status = dispatch(id, e, out);
    if (status != Status::Ok) {
      *out = Value::absent();
    }
    if (frame_.trace != nullptr && is_traced(e.op)) {
      frame_.trace->record(frame_.trace, id.index, status, out);
    }
    return status;
  }

 private:
  [[nodiscard]] ExprId operand(const Expr& e, uint32_t i) const { return module_.operand(e, i); }
  [[nodiscard]] TypeKind kind(TypeId type) const { return module_.types.kind(type); }
  [[nodiscard]] TypeKind operand_kind(const Expr& e, uint32_t i) const {
    return kind(module_.expr(operand(e, i)).type);
  }

  Status fail(ExprId at, Status status) {
    frame_.error_expr = at.index;
    return status;
  }
  /// An operation's own status: a failure is this expression's.
  Status own(ExprId at, Status status) { return status == Status::Ok ? status : fail(at, status); }

  static Status set_bool(Value* out, bool x) {
    *out = Value::of_bool(x);
    return Status::Ok;
  }

  Status dispatch(ExprId id, const Expr& e, Value* out) {
    switch (e.op) {
      case Op::Const:
        *out = module_.consts[e.payload];
        return Status::Ok;
      case Op::Slot:
        return slot(id, e, out);
      case Op::Local:
        *out = locals_[e.payload];
        return Status::Ok;
      case Op::Fact:
        return fact(e, out);
      case Op::CallFn:
        return call(id, e, out);
      case Op::And:
        return connective(e, false, out);
      case Op::Or:
        return connective(e, true, out);
      case Op::If: {
        Value condition;
        const Status status = eval(operand(e, 0), &condition);
        return status == Status::Ok ? eval(operand(e, condition.a.integer != 0 ? 1 : 2), out) : status;
      }
      case Op::Switch:
        return choose(id, e, out);
      case Op::FirstTrue:
        return first_true(e, out);
      case Op::Lookup:
      case Op::LookupAll:
        return lookup(id, e, out);
      case Op::Coalesce: {
        const Status status = eval(operand(e, 0), out);
        return status == Status::Ok && out->is_absent() ? eval(operand(e, 1), out) : status;
      }
      case Op::Any:
        return quantifier(id, e, true, out);
      case Op::All:
        return quantifier(id, e, false, out);
      case Op::Comprehend:
        return comprehend(id, e, out);
      case Op::Interpolate:
      case Op::MakeList:
      case Op::MakeMap:
      case Op::Builtin:
        return variadic(id, e, out);
      case Op::Not:
      case Op::IsPresent:
      case Op::Some:
      case Op::Unwrap:
      case Op::Neg:
      case Op::IntToDecimal:
      case Op::IntToFloat:
      case Op::DecimalToFloat:
      case Op::Glob:
      case Op::Regex:
      case Op::Field:
      case Op::Cast: {
        Value x;
        const Status status = eval(operand(e, 0), &x);
        return status == Status::Ok ? own(id, instructions_.unary(e, x, out)) : status;
      }
      case Op::Add:
      case Op::Sub:
      case Op::Mul:
      case Op::Div:
      case Op::Rem:
      case Op::Eq:
      case Op::Ne:
      case Op::Lt:
      case Op::Le:
      case Op::Gt:
      case Op::Ge:
      case Op::StartsWith:
      case Op::EndsWith:
      case Op::StringContains:
      case Op::Has:
      case Op::IpInside:
      case Op::SubsetOf:
      case Op::Intersects:
      case Op::Union:
      case Op::Intersect:
      case Op::Except:
      case Op::Index: {
        Value x;
        Value y;
        Status status = eval(operand(e, 0), &x);
        status = status == Status::Ok ? eval(operand(e, 1), &y) : status;
        return status == Status::Ok ? own(id, instructions_.binary(e, x, y, out)) : status;
      }
    }
    CHECK(false, "verify lets no unknown instruction through");
  }

  Status slot(ExprId id, const Expr& e, Value* out) {
    const Value& v = frame_.slots[e.payload];
    if (v.kind == Kind::Invalid) {
      return fail(id, Status::BadType);
    }
    if (v.is_absent() && !module_.types.is_optional(e.type)) {
      return fail(id, Status::Missing);
    }
    *out = v;
    return Status::Ok;
  }

  /// Evaluated once per request, with a budget of its own, so that what a rule spends does not depend on who
  /// asked first.
  Status fact(const Expr& e, Value* out) {
    int32_t& state = frame_.fact_status[e.payload];
    if (state == abi::kFactUnset) {
      const int64_t fuel = std::exchange(frame_.fuel, frame_.fuel_limit);
      const Status status =
          with_locals([&] { return eval(module_.facts[e.payload].value, &frame_.facts[e.payload]); });
      frame_.fuel = fuel;
      frame_.fact_error[e.payload] = frame_.error_expr;
      state = static_cast<int32_t>(status);
    }
    const auto status = static_cast<Status>(state);
    if (status != Status::Ok) {
      frame_.error_expr = frame_.fact_error[e.payload];
      return status;
    }
    *out = frame_.facts[e.payload];
    return Status::Ok;
  }

  /// Costs a step, because functions that call functions twice would otherwise double the work with each.
  Status call(ExprId id, const Expr& e, Value* out) {
    const Function& function = module_.functions[e.payload];
    Value arguments[kMaxLocals];
    for (uint32_t i = 0; i < e.operand_count; i++) {
      if (const Status status = eval(operand(e, i), &arguments[i]); status != Status::Ok) {
        return status;
      }
    }
    if (const Status status = scratch_.charge(1); status != Status::Ok) {
      return fail(id, status);
    }
    Value* const caller = std::exchange(locals_, arguments);
    const Status status = eval(function.body, out);
    locals_ = caller;
    return status;
  }

  template <class Body>
  Status with_locals(Body body) {
    Value fresh[kMaxLocals];
    Value* const outer = std::exchange(locals_, fresh);
    const Status status = body();
    locals_ = outer;
    return status;
  }

  /// Kleene: `decisive` is true for or, false for and.
  Status connective(const Expr& e, bool decisive, Value* out) {
    const Status left = eval(operand(e, 0), out);
    if (left == Status::Ok && (out->a.integer != 0) == decisive) {
      return left;
    }
    const uint32_t left_error = frame_.error_expr;
    const Status right = eval(operand(e, 1), out);
    if (left == Status::Ok || (right == Status::Ok && (out->a.integer != 0) == decisive)) {
      return right;
    }
    frame_.error_expr = left_error;
    return left;
  }

  Status choose(ExprId id, const Expr& e, Value* out) {
    Value which;
    if (const Status status = eval(operand(e, 0), &which); status != Status::Ok) {
      return status;
    }
    const auto index = static_cast<uint64_t>(which.a.integer);
    return index + 1 < e.operand_count ? eval(operand(e, static_cast<uint32_t>(index) + 1), out)
                                       : fail(id, Status::Missing);
  }

  Status first_true(const Expr& e, Value* out) {
    uint32_t index = 0;
    for (; index < e.operand_count; index++) {
      Value truth;
      if (const Status status = eval(operand(e, index), &truth); status != Status::Ok) {
        return status;
      }
      if (truth.a.integer != 0) {
        break;
      }
    }
    *out = Value::of_int(index);
    return Status::Ok;
  }

  Status lookup(ExprId id, const Expr& e, Value* out) {
    Value columns[abi::LookupTable::kMaxColumns];
    for (uint32_t i = 0; i < e.operand_count; i++) {
      if (const Status status = eval(operand(e, i), &columns[i]); status != Status::Ok) {
        return status;
      }
    }
    const abi::LookupTable& table = interpreter_.tables()[e.payload];
    return own(id,
               e.op == Op::Lookup ? table.first(scratch_, columns, out) : table.all(scratch_, columns, out));
  }

  /// The elements of a list or the entries of a map, put into the local(s) one by one. `body` answers false
  /// to stop.
  template <class Body>
  void each(const Expr& e, const Value& collection, Body body) {
    for (uint32_t i = 0; i < collection.length; i++) {
      if (collection.kind == Kind::Map) {
        locals_[e.payload] = Value::of_string(collection.a.entries[i].key);
        locals_[e.payload + 1] = collection.a.entries[i].value;
      } else {
        locals_[e.payload] = collection.a.items[i];
      }
      if (!body()) {
        return;
      }
    }
  }

  /// Any is `or` over the elements, All is `and`; running out of fuel is an error that ends the loop.
  Status quantifier(ExprId id, const Expr& e, bool decisive, Value* out) {
    Value collection;
    if (const Status status = eval(operand(e, 0), &collection); status != Status::Ok) {
      return status;
    }
    bool decided = false;
    Status error = Status::Ok;
    uint32_t error_expr = 0;
    const auto remember = [&](Status status, uint32_t at) {
      if (error == Status::Ok) {
        error = status;
        error_expr = at;
      }
    };
    each(e, collection, [&] {
      if (const Status status = scratch_.charge(1); status != Status::Ok) {
        remember(status, id.index);
        return false;
      }
      Value truth;
      const Status status = eval(operand(e, 1), &truth);
      if (status != Status::Ok) {
        remember(status, frame_.error_expr);
        return true;
      }
      decided = (truth.a.integer != 0) == decisive;
      return !decided;
    });
    if (!decided && error != Status::Ok) {
      frame_.error_expr = error_expr;
      return error;
    }
    return set_bool(out, decided == decisive);
  }

  Status comprehend(ExprId id, const Expr& e, Value* out) {
    Value collection;
    Status status = eval(operand(e, 0), &collection);
    if (status != Status::Ok) {
      return status;
    }
    Value* items = frame_.arena->alloc_array<Value>(collection.length);
    if (items == nullptr) {
      return fail(id, Status::OutOfMemory);
    }
    uint32_t count = 0;
    each(e, collection, [&] {
      status = own(id, scratch_.charge(1));
      Value keep;
      if (status == Status::Ok) {
        status = eval(operand(e, 2), &keep);
      }
      if (status == Status::Ok && keep.a.integer != 0) {
        status = eval(operand(e, 1), &items[count]);
        count++;
      }
      return status == Status::Ok;
    });
    *out = Value::of_list(items, count);
    return status;
  }

  /// Few operands go on the stack, many do not: wide literals may be nested.
  Status variadic(ExprId id, const Expr& e, Value* out) {
    if (e.operand_count <= kOperandsOnStack) {
      Value values[kOperandsOnStack];
      return variadic(id, e, values, out);
    }
    std::vector<Value> values(e.operand_count);
    return variadic(id, e, values.data(), out);
  }

  Status variadic(ExprId id, const Expr& e, Value* values, Value* out) {
    for (uint32_t i = 0; i < e.operand_count; i++) {
      if (const Status status = eval(operand(e, i), &values[i]); status != Status::Ok) {
        return status;
      }
    }
    if (e.op == Op::Interpolate) {
      return own(id, value::interpolate(scratch_, values, e.operand_count, out));
    }
    if (e.op == Op::MakeList) {
      return own(id, value::make_list(scratch_, values, e.operand_count, kind(e.type) == TypeKind::Set, out));
    }
    if (e.op == Op::MakeMap) {
      return own(id, value::make_map(scratch_, values, e.operand_count, out));
    }
    return own(id, value::call_builtin(scratch_, static_cast<value::Builtin>(e.payload), values, out));
  }

  const Interpreter& interpreter_;
  const Module& module_;
  abi::Frame& frame_;
  Scratch scratch_;
  const Instructions instructions_;
  Value root_locals_[kMaxLocals];
  Value* locals_ = root_locals_;
};

Status evaluate(const void* self, abi::Frame* frame, uint32_t expr, Value* out) noexcept {
  return Evaluation(*static_cast<const Interpreter*>(self), *frame).eval(ExprId(expr), out);
}

abi::Truth condition(const void* self, abi::Frame* frame, uint32_t expr) noexcept {
  Value truth;
  const Status status = evaluate(self, frame, expr, &truth);
  if (status != Status::Ok) {
    return abi::kTruthError + static_cast<int32_t>(status);
  }
  return truth.a.integer != 0 ? abi::kTrue : abi::kFalse;
}

abi::Truth partial_truth(const void* self, abi::Frame* frame, uint32_t expr) noexcept {
  const auto& interpreter = *static_cast<const Interpreter*>(self);
  return interpreter.partial().evaluate({self, &condition, &evaluate, nullptr}, *frame, ExprId(expr));
}

}  // namespace

Interpreter::Interpreter(std::shared_ptr<const Module> module)
    : module_(std::move(module)), regexes_(module_->regexes), partial_(*module_) {
  for (const Table& table : module_->tables) {
    tables_.push_back(build_lookup(*module_, table));
  }
}

abi::ExprEvaluator Interpreter::evaluator() const { return {this, &condition, &evaluate, &partial_truth}; }

}  // namespace catalyst::ir
