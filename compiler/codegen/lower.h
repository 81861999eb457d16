#pragma once

#include <llvm/ADT/STLFunctionalExtras.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/IR/Module.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "compiler/codegen/host_symbols.h"
#include "compiler/codegen/layout.h"
#include "compiler/ir/ir.h"
#include "runtime/abi/frame.h"

// From IR to LLVM, private to this folder. One UnitLowering a unit, one FunctionLowering a root, fact or
// function; the handlers of instruction families stand in handle_*.cpp.

namespace catalyst::codegen {

/// How compiled code holds a value of a type. What is not a scalar or a text is a pointer to a value::Value.
enum class Rep : uint8_t {
  Bool,   // i1
  Int,    // i64: int, time, duration
  Float,  // double
  Text,   // pointer and i32 length: string, bytes, enum
  Boxed,  // pointer to a Value that outlives the expression
};

struct Operand {
  Rep rep = Rep::Boxed;
  llvm::Value* first = nullptr;
  llvm::Value* second = nullptr;          // Text: length
  llvm::Value* boxed = nullptr;           // where the same value already lies in memory, if it does
  const value::Value* literal = nullptr;  // of a constant
};

/// Where failures inside an expression go: a block with the status and the failing expression as phis.
struct ErrorSink {
  llvm::BasicBlock* block = nullptr;
  llvm::PHINode* status = nullptr;
  llvm::PHINode* expr = nullptr;
};

class UnitLowering {
 public:
  UnitLowering(llvm::Module& out, const ir::Module& module, bool trace);

  /// Code for a root; queues what it uses.
  llvm::Function* lower_root(ir::ExprId expr, RootKind kind);
  /// Code for every fact and function that was queued.
  void lower_queued();

  llvm::Function* fact(uint32_t index);
  llvm::Function* function(uint32_t index);
  llvm::FunctionCallee host(Host host);
  /// The address, `offset` bytes into the place, that linking puts in.
  llvm::Constant* place(Place place, uint64_t offset = 0);
  /// Where a constant of the module stands.
  llvm::Constant* constant(uint32_t index) {
    return place(Place::Consts, uint64_t{index} * sizeof(value::Value));
  }
  /// An absent value.
  llvm::Constant* absent();

  [[nodiscard]] Rep rep_of(ir::TypeId type) const;
  [[nodiscard]] types::TypeKind kind_of(ir::TypeId type) const { return module.types.kind(type); }

  llvm::Module& out;
  llvm::LLVMContext& context;
  const ir::Module& module;
  const bool trace;
  /// Set when the module uses a local outside its scope, which verify refuses: nothing of it may run.
  bool malformed = false;

 private:
  llvm::Function* declare(llvm::ArrayRef<llvm::Type*> parameters);
  void lower_fact(uint32_t index);
  void lower_function(uint32_t index);

  std::vector<llvm::Function*> facts_;
  std::vector<llvm::Function*> functions_;
  std::vector<llvm::Function*> hosts_;
  std::vector<llvm::GlobalVariable*> places_;
  llvm::GlobalVariable* absent_ = nullptr;
  std::vector<std::pair<bool, uint32_t>> queue_;  // is a fact; index
};

class FunctionLowering {
 public:
  FunctionLowering(UnitLowering& unit, llvm::Function* function);

  /// The value of `id` at the insertion point; failures branch to the current sink. Operands have the
  /// representation of their type.
  Operand lower(ir::ExprId id);

  // ---- values ----
  llvm::Value* box(const Operand& operand, ir::TypeId type);
  Operand unbox(llvm::Value* value, ir::TypeId type);
  /// `operand` of type `from` in the representation of type `to`.
  Operand coerce(Operand operand, ir::TypeId from, ir::TypeId to);
  llvm::Value* temporary(uint32_t count = 1);
  void store_value(llvm::Value* place, const Operand& operand, ir::TypeId type);
  llvm::Value* load_kind(llvm::Value* value);
  llvm::Value* load_length(llvm::Value* value);
  llvm::Value* load_payload(llvm::Value* value, llvm::Type* type);
  llvm::Value* is_absent(llvm::Value* value);
  llvm::Value* frame_field(size_t offset, llvm::Type* type);
  llvm::Value* frame_address(size_t offset);

  // ---- control ----
  ErrorSink open_sink();
  /// Puts the insertion point behind the sink; false (and the sink is gone) when nothing can fail into it.
  bool enter_sink(const ErrorSink& sink);
  void fail(llvm::Value* status, llvm::Value* expr);
  void fail_if(llvm::Value* condition, value::Status status, ir::ExprId expr);
  /// Fails with a status that a call answered, unless it is Ok.
  void check_status(llvm::Value* status, ir::ExprId expr);
  /// The same for callees that name the failing expression in the frame.
  void check_inner_status(llvm::Value* status);
  /// A truth that a call answered: its bool.
  llvm::Value* check_truth(llvm::Value* truth, ir::ExprId expr);
  void charge(llvm::Value* steps, ir::ExprId expr);
  llvm::BasicBlock* block();
  llvm::Value* call(Host host, llvm::ArrayRef<llvm::Value*> arguments);
  llvm::Value* id_of(ir::ExprId expr) { return builder.getInt32(expr.index); }

  llvm::IRBuilder<> builder;
  UnitLowering& unit;
  llvm::Value* frame = nullptr;
  ErrorSink sink;
  std::vector<Operand> locals;

 private:
  const ir::Expr& expr(ir::ExprId id) const { return unit.module.expr(id); }
  ir::ExprId operand_id(const ir::Expr& e, uint32_t i) const { return unit.module.operand(e, i); }
  ir::TypeId operand_type(const ir::Expr& e, uint32_t i) const { return expr(operand_id(e, i)).type; }
  Operand operand(const ir::Expr& e, uint32_t i) { return lower(operand_id(e, i)); }
  llvm::Value* boxed_operand(const ir::Expr& e, uint32_t i);
  /// A bool operand as i1.
  llvm::Value* condition(const ir::Expr& e, uint32_t i);
  static Operand of_bool(llvm::Value* x) { return {Rep::Bool, x}; }

  Operand dispatch(ir::ExprId id);
  Operand traced(ir::ExprId id);

  // handle_read.cpp
  Operand handle_local(ir::ExprId id);
  Operand handle_const(ir::ExprId id);
  Operand handle_slot(ir::ExprId id);
  Operand handle_fact(ir::ExprId id);
  Operand handle_call(ir::ExprId id);
  // handle_truth.cpp
  Operand handle_connective(ir::ExprId id, bool decisive);
  Operand handle_if(ir::ExprId id);
  Operand handle_coalesce(ir::ExprId id);
  Operand handle_is_present(ir::ExprId id);
  Operand handle_unwrap(ir::ExprId id);
  Operand join(ir::TypeId type, llvm::ArrayRef<std::pair<llvm::BasicBlock*, Operand>> ways);
  // handle_decision.cpp
  Operand handle_switch(ir::ExprId id);
  llvm::Value* constant_at(const ir::Expr& e, llvm::Value* which);
  Operand handle_first_true(ir::ExprId id);
  Operand handle_lookup(ir::ExprId id);
  // handle_arithmetic.cpp
  Operand handle_negate(ir::ExprId id);
  Operand handle_arithmetic(ir::ExprId id);
  Operand handle_int_arithmetic(ir::ExprId id, llvm::Value* a, llvm::Value* b);
  Operand handle_float_arithmetic(ir::ExprId id, llvm::Value* a, llvm::Value* b);
  Operand handle_widen(ir::ExprId id);
  // handle_compare.cpp
  Operand handle_equality(ir::ExprId id);
  /// `test` and, when it holds, what `more` answers.
  llvm::Value* and_then(llvm::Value* test, llvm::function_ref<llvm::Value*()> more);
  Operand handle_order(ir::ExprId id);
  llvm::Value* equal_text(const Operand& a, const Operand& b);
  llvm::Value* equal_memory(llvm::Value* a, llvm::Value* b, llvm::Value* length);
  llvm::Value* equal_literal(llvm::Value* text, std::string_view literal);
  // handle_text.cpp
  Operand handle_affix(ir::ExprId id);
  Operand handle_contains_text(ir::ExprId id);
  Operand handle_glob(ir::ExprId id);
  Operand handle_regex(ir::ExprId id);
  // handle_collection.cpp
  Operand handle_test(ir::ExprId id, Host host);
  Operand handle_has(ir::ExprId id);
  static bool has_inline(const value::Value& list, const Operand& element);
  llvm::Value* any_of(const value::Value& list, const Operand& element);
  Operand handle_combine(ir::ExprId id, Host host);
  Operand handle_field(ir::ExprId id);
  Operand handle_index(ir::ExprId id);
  Operand handle_cast(ir::ExprId id);
  Operand handle_variadic(ir::ExprId id);
  // handle_quantifier.cpp
  struct Loop;
  Operand handle_quantifier(ir::ExprId id, bool decisive);
  Operand handle_comprehend(ir::ExprId id);
  Loop open_loop(llvm::Value* collection);
  void start_turn(const Loop& loop, llvm::Value* length);
  void bind_element(const ir::Expr& e, const Loop& loop);
  void unbind_element(const ir::Expr& e);

  llvm::Instruction* allocas_end_ = nullptr;  // temporaries go in front of it, in the entry block
};

}  // namespace catalyst::codegen
