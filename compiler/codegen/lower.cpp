#include "compiler/codegen/lower.h"

#include <cstddef>

namespace catalyst::codegen {

using ir::ExprId;
using ir::TypeId;
using types::TypeKind;
using value::Status;

namespace {

llvm::Type* type_of(llvm::LLVMContext& context, char letter) {
  switch (letter) {
    case 'v':
      return llvm::Type::getVoidTy(context);
    case 'i':
      return llvm::Type::getInt32Ty(context);
    case 'l':
      return llvm::Type::getInt64Ty(context);
    case 'd':
      return llvm::Type::getDoubleTy(context);
    default:
      return llvm::PointerType::getUnqual(context);
  }
}

}  // namespace

UnitLowering::UnitLowering(llvm::Module& target, const ir::Module& source, bool tracing)
    : out(target),
      context(target.getContext()),
      module(source),
      trace(tracing),
      facts_(module.facts.size()),
      functions_(module.functions.size()),
      hosts_(host_symbols().size()),
      places_(std::size(kPlaceSymbols)) {}

Rep UnitLowering::rep_of(TypeId type) const {
  switch (kind_of(type)) {
    case TypeKind::Bool:
      return Rep::Bool;
    case TypeKind::Int:
    case TypeKind::Time:
    case TypeKind::Duration:
      return Rep::Int;
    case TypeKind::Float:
      return Rep::Float;
    case TypeKind::String:
    case TypeKind::Bytes:
    case TypeKind::Enum:
      return Rep::Text;
    case TypeKind::Error:
    case TypeKind::Decimal:
    case TypeKind::Ip:
    case TypeKind::Json:
    case TypeKind::Record:
    case TypeKind::List:
    case TypeKind::Set:
    case TypeKind::Map:
    case TypeKind::Optional:
      return Rep::Boxed;
  }
  return Rep::Boxed;
}

llvm::FunctionCallee UnitLowering::host(Host host) {
  const auto index = static_cast<size_t>(host);
  if (hosts_[index] == nullptr) {
    const HostSymbol& symbol = host_symbols()[index];
    llvm::SmallVector<llvm::Type*, 6> parameters;
    for (const char letter : symbol.signature.substr(1)) {
      parameters.push_back(type_of(context, letter));
    }
    auto* type = llvm::FunctionType::get(type_of(context, symbol.signature[0]), parameters, false);
    auto* function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, symbol.name, out);
    function->setDoesNotThrow();
    function->addFnAttr(llvm::Attribute::WillReturn);
    if (symbol.effect == HostEffect::ReadsOnly) {
      function->setOnlyReadsMemory();
    }
    hosts_[index] = function;
  }
  return hosts_[index];
}

llvm::Constant* UnitLowering::place(Place place, uint64_t offset) {
  const auto index = static_cast<size_t>(place);
  auto* byte = llvm::Type::getInt8Ty(context);
  if (places_[index] == nullptr) {
    auto* of_any_size = llvm::ArrayType::get(byte, 0);
    places_[index] =
        new llvm::GlobalVariable(out, of_any_size, /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage,
                                 nullptr, kPlaceSymbols[index]);
  }
  return llvm::ConstantExpr::getGetElementPtr(
      byte, places_[index], llvm::ConstantInt::get(llvm::Type::getInt64Ty(context), offset));
}

llvm::Constant* UnitLowering::absent() {
  if (absent_ == nullptr) {
    static_assert(static_cast<int>(value::Kind::Absent) == 0);
    auto* type = llvm::ArrayType::get(llvm::Type::getInt64Ty(context), 3);
    absent_ = new llvm::GlobalVariable(out, type, /*isConstant=*/true, llvm::GlobalValue::PrivateLinkage,
                                       llvm::Constant::getNullValue(type));
  }
  return absent_;
}

/// All functions of a unit answer a status or truth, take the frame first, and are seen by nobody but the
/// unit's own table.
llvm::Function* UnitLowering::declare(llvm::ArrayRef<llvm::Type*> parameters) {
  auto* type = llvm::FunctionType::get(llvm::Type::getInt32Ty(context), parameters, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, "f", out);
  function->setDoesNotThrow();
  function->getArg(0)->addAttr(llvm::Attribute::NonNull);
  return function;
}

llvm::Function* UnitLowering::fact(uint32_t index) {
  if (facts_[index] == nullptr) {
    facts_[index] = declare({type_of(context, 'p')});
    queue_.emplace_back(true, index);
  }
  return facts_[index];
}

llvm::Function* UnitLowering::function(uint32_t index) {
  if (functions_[index] == nullptr) {
    llvm::SmallVector<llvm::Type*, 8> parameters{type_of(context, 'p')};
    for (const TypeId type : module.functions[index].parameters) {
      switch (rep_of(type)) {
        case Rep::Bool:
          parameters.push_back(llvm::Type::getInt1Ty(context));
          break;
        case Rep::Int:
          parameters.push_back(type_of(context, 'l'));
          break;
        case Rep::Float:
          parameters.push_back(type_of(context, 'd'));
          break;
        case Rep::Text:
          parameters.push_back(type_of(context, 'p'));
          parameters.push_back(type_of(context, 'i'));
          break;
        case Rep::Boxed:
          parameters.push_back(type_of(context, 'p'));
          break;
      }
    }
    parameters.push_back(type_of(context, 'p'));
    functions_[index] = declare(parameters);
    queue_.emplace_back(false, index);
  }
  return functions_[index];
}

void UnitLowering::lower_queued() {
  while (!queue_.empty()) {
    const auto [is_fact, index] = queue_.back();
    queue_.pop_back();
    is_fact ? lower_fact(index) : lower_function(index);
  }
}

llvm::Function* UnitLowering::lower_root(ExprId expr, RootKind kind) {
  auto* pointer = type_of(context, 'p');
  auto* function = kind == RootKind::Condition ? declare({pointer}) : declare({pointer, pointer});
  FunctionLowering f(*this, function);
  f.sink = f.open_sink();
  const ErrorSink sink = f.sink;
  const TypeId type = module.expr(expr).type;
  const Operand result = f.lower(expr);
  if (kind == RootKind::Condition) {
    f.builder.CreateRet(f.builder.CreateZExt(result.first, f.builder.getInt32Ty()));
  } else {
    f.store_value(function->getArg(1), result, type);
    f.builder.CreateRet(f.builder.getInt32(0));
  }
  if (f.enter_sink(sink)) {
    f.builder.CreateStore(sink.expr, f.frame_address(offsetof(abi::Frame, error_expr)));
    llvm::Value* answer = sink.status;
    if (kind == RootKind::Condition) {
      answer = f.builder.CreateAdd(answer, f.builder.getInt32(abi::kTruthError));
    } else {
      f.builder.CreateStore(llvm::Constant::getNullValue(llvm::ArrayType::get(f.builder.getInt64Ty(), 3)),
                            function->getArg(1));
    }
    f.builder.CreateRet(answer);
  }
  return function;
}

/// A fact evaluates into the frame's memo, with a budget of its own. Called when it is unset; answers its
/// status.
void UnitLowering::lower_fact(uint32_t index) {
  llvm::Function* function = facts_[index];
  const ir::Fact& fact = module.facts[index];
  FunctionLowering f(*this, function);
  auto& b = f.builder;
  auto* place = b.CreateConstGEP1_64(b.getInt8Ty(), f.frame_field(offsetof(abi::Frame, facts), b.getPtrTy()),
                                     index * sizeof(value::Value));
  auto* state = b.CreateConstGEP1_64(b.getInt32Ty(),
                                     f.frame_field(offsetof(abi::Frame, fact_status), b.getPtrTy()), index);
  auto* fuel_address = f.frame_address(offsetof(abi::Frame, fuel));
  auto* fuel = b.CreateLoad(b.getInt64Ty(), fuel_address);
  b.CreateStore(b.CreateZExt(f.frame_field(offsetof(abi::Frame, fuel_limit), b.getInt32Ty()), b.getInt64Ty()),
                fuel_address);
  f.sink = f.open_sink();
  const ErrorSink sink = f.sink;
  const Operand result = f.lower(fact.value);
  f.store_value(place, result, module.expr(fact.value).type);
  b.CreateStore(fuel, fuel_address);
  b.CreateStore(b.getInt32(0), state);
  b.CreateRet(b.getInt32(0));
  if (f.enter_sink(sink)) {
    b.CreateStore(llvm::Constant::getNullValue(llvm::ArrayType::get(b.getInt64Ty(), 3)), place);
    b.CreateStore(fuel, fuel_address);
    auto* error = f.frame_field(offsetof(abi::Frame, fact_error), b.getPtrTy());
    b.CreateStore(sink.expr, b.CreateConstGEP1_64(b.getInt32Ty(), error, index));
    b.CreateStore(sink.status, state);
    b.CreateRet(sink.status);
  }
}

void UnitLowering::lower_function(uint32_t index) {
  llvm::Function* function = functions_[index];
  const ir::Function& source = module.functions[index];
  FunctionLowering f(*this, function);
  unsigned argument = 1;
  for (size_t i = 0; i < source.parameters.size(); i++) {
    Operand& local = f.locals[i];
    local.rep = rep_of(source.parameters[i]);
    local.first = function->getArg(argument++);
    if (local.rep == Rep::Text) {
      local.second = function->getArg(argument++);
    }
  }
  f.sink = f.open_sink();
  const ErrorSink sink = f.sink;
  const Operand result = f.lower(source.body);
  f.store_value(function->getArg(argument), f.coerce(result, module.expr(source.body).type, source.result),
                source.result);
  f.builder.CreateRet(f.builder.getInt32(0));
  if (f.enter_sink(sink)) {
    f.builder.CreateStore(sink.expr, f.frame_address(offsetof(abi::Frame, error_expr)));
    f.builder.CreateRet(sink.status);
  }
}

FunctionLowering::FunctionLowering(UnitLowering& u, llvm::Function* function)
    : builder(u.context), unit(u), frame(function->getArg(0)), locals(ir::kMaxLocals + 1) {
  builder.SetInsertPoint(llvm::BasicBlock::Create(u.context, "", function));
  // A marker in front of which temporaries are put, so that each is allocated once a call whatever loop it is
  // used in.
  allocas_end_ = builder.CreateAlloca(builder.getInt8Ty());
}

Operand FunctionLowering::lower(ExprId id) {
  return unit.trace && ir::is_traced(expr(id).op) ? traced(id) : dispatch(id);
}

/// The expression with its record for explanations, whether it answers or fails.
Operand FunctionLowering::traced(ExprId id) {
  const ErrorSink outer = sink;
  sink = open_sink();
  const ErrorSink inner = sink;
  const Operand result = dispatch(id);
  sink = outer;
  call(Host::Trace, {frame, id_of(id), builder.getInt32(0), box(result, expr(id).type)});
  auto* done = builder.GetInsertBlock();
  if (enter_sink(inner)) {
    call(Host::Trace, {frame, id_of(id), inner.status, unit.absent()});
    fail(inner.status, inner.expr);
  }
  builder.SetInsertPoint(done);
  return result;
}

llvm::Value* FunctionLowering::boxed_operand(const ir::Expr& e, uint32_t i) {
  return box(operand(e, i), operand_type(e, i));
}

llvm::Value* FunctionLowering::condition(const ir::Expr& e, uint32_t i) { return operand(e, i).first; }

Operand FunctionLowering::dispatch(ExprId id) {
  using ir::Op;
  const ir::Expr& e = expr(id);
  switch (e.op) {
    case Op::Const:
      return handle_const(id);
    case Op::Slot:
      return handle_slot(id);
    case Op::Local:
      return handle_local(id);
    case Op::Fact:
      return handle_fact(id);
    case Op::CallFn:
      return handle_call(id);
    case Op::Not:
      return of_bool(builder.CreateNot(condition(e, 0)));
    case Op::And:
      return handle_connective(id, false);
    case Op::Or:
      return handle_connective(id, true);
    case Op::If:
      return handle_if(id);
    case Op::Switch:
      return handle_switch(id);
    case Op::FirstTrue:
      return handle_first_true(id);
    case Op::Lookup:
    case Op::LookupAll:
      return handle_lookup(id);
    case Op::Coalesce:
      return handle_coalesce(id);
    case Op::IsPresent:
      return handle_is_present(id);
    case Op::Some:
      return coerce(operand(e, 0), operand_type(e, 0), e.type);
    case Op::Unwrap:
      return handle_unwrap(id);
    case Op::Neg:
      return handle_negate(id);
    case Op::Add:
    case Op::Sub:
    case Op::Mul:
    case Op::Div:
    case Op::Rem:
      return handle_arithmetic(id);
    case Op::IntToDecimal:
    case Op::IntToFloat:
    case Op::DecimalToFloat:
      return handle_widen(id);
    case Op::Eq:
    case Op::Ne:
      return handle_equality(id);
    case Op::Lt:
    case Op::Le:
    case Op::Gt:
    case Op::Ge:
      return handle_order(id);
    case Op::StartsWith:
    case Op::EndsWith:
      return handle_affix(id);
    case Op::StringContains:
      return handle_contains_text(id);
    case Op::Glob:
      return handle_glob(id);
    case Op::Regex:
      return handle_regex(id);
    case Op::Has:
      return handle_has(id);
    case Op::IpInside:
      return handle_test(id, Host::IpInside);
    case Op::SubsetOf:
      return handle_test(id, Host::SubsetOf);
    case Op::Intersects:
      return handle_test(id, Host::Intersects);
    case Op::Union:
      return handle_combine(id, Host::Union);
    case Op::Intersect:
      return handle_combine(id, Host::Intersect);
    case Op::Except:
      return handle_combine(id, Host::Except);
    case Op::Field:
      return handle_field(id);
    case Op::Index:
      return handle_index(id);
    case Op::Cast:
      return handle_cast(id);
    case Op::Interpolate:
    case Op::MakeList:
    case Op::MakeMap:
    case Op::Builtin:
      return handle_variadic(id);
    case Op::Any:
      return handle_quantifier(id, true);
    case Op::All:
      return handle_quantifier(id, false);
    case Op::Comprehend:
      return handle_comprehend(id);
  }
  return {};
}

}  // namespace catalyst::codegen
