#include "compiler/codegen/native.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/codegen/jit.h"
#include "compiler/codegen/lower.h"
#include "compiler/codegen/survey.h"
#include "compiler/ir/interpreter.h"

namespace catalyst::codegen {

using abi::Frame;
using abi::Truth;
using value::Status;
using value::Value;

struct NativeCode::Impl {
  using Condition = Truth (*)(Frame*);
  using Evaluate = int32_t (*)(Frame*, Value*);
  struct Root {
    Condition condition = nullptr;
    Evaluate evaluate = nullptr;
  };

  explicit Impl(std::shared_ptr<const ir::Module> module) : interpreter(std::move(module)) {
    interpreted = interpreter.evaluator();
  }

  ir::Interpreter interpreter;  // owns the module and the regular expressions that the code points to
  abi::ExprEvaluator interpreted;
  std::unique_ptr<MachineCode> code;
  std::vector<Root> roots;  // indexed by expression
  size_t native_roots = 0;
};

namespace {

struct Wanted {
  ir::ExprId expr;
  RootKind kind;
};

/// Each root once for each way it is called.
std::vector<Wanted> wanted_roots(const ir::Module& module) {
  std::vector<Wanted> wanted;
  std::vector<uint8_t> seen(module.exprs.size());
  const auto add = [&](ir::ExprId id, bool as_condition) {
    if (!id.valid()) {
      return;
    }
    const bool is_bool = module.types.kind(module.expr(id).type) == types::TypeKind::Bool;
    const RootKind kind = as_condition && is_bool ? RootKind::Condition : RootKind::Value;
    const uint8_t bit = kind == RootKind::Condition ? 1 : 2;
    if ((seen[id.index] & bit) == 0) {
      seen[id.index] |= bit;
      wanted.push_back({id, kind});
    }
  };
  for (const ir::Rule& rule : module.rules) {
    add(rule.condition, true);
    add(rule.message, false);
    for (const ir::Effect& effect : rule.effects) {
      add(effect.value, false);
    }
  }
  return wanted;
}

Status evaluate(const void* self, Frame* frame, uint32_t expr, Value* out) noexcept {
  const auto& impl = *static_cast<const NativeCode::Impl*>(self);
  const auto& root = impl.roots[expr];
  if (root.evaluate != nullptr) {
    return static_cast<Status>(root.evaluate(frame, out));
  }
  if (root.condition == nullptr) {
    return impl.interpreted.evaluate(impl.interpreted.self, frame, expr, out);
  }
  const Truth truth = root.condition(frame);
  *out = truth < abi::kTruthError ? Value::of_bool(truth == abi::kTrue) : Value::absent();
  return truth < abi::kTruthError ? Status::Ok : static_cast<Status>(truth - abi::kTruthError);
}

Truth condition(const void* self, Frame* frame, uint32_t expr) noexcept {
  const auto& impl = *static_cast<const NativeCode::Impl*>(self);
  const auto& root = impl.roots[expr];
  if (root.condition != nullptr) {
    return root.condition(frame);
  }
  if (root.evaluate == nullptr) {
    return impl.interpreted.condition(impl.interpreted.self, frame, expr);
  }
  Value truth;
  const int32_t status = root.evaluate(frame, &truth);
  return status == 0 ? Truth{truth.a.integer != 0} : abi::kTruthError + status;
}

constexpr const char* kTable = "catalyst_roots";

/// The array of all roots' functions: one lookup instead of one a root.
void define_table(llvm::Module& out, const std::vector<llvm::Constant*>& functions) {
  auto* type = llvm::ArrayType::get(llvm::PointerType::getUnqual(out.getContext()), functions.size());
  new llvm::GlobalVariable(out, type, /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage,
                           llvm::ConstantArray::get(type, functions), kTable);
}

/// What is wrong with the module, empty when nothing is. A finding is a bug of ours; the pack stays with the
/// interpreter.
std::string broken(const llvm::Module& module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  return llvm::verifyModule(module, &stream) ? "lowering made invalid code: " + text : std::string();
}

}  // namespace

NativeCode::NativeCode(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
NativeCode::~NativeCode() = default;
abi::ExprEvaluator NativeCode::evaluator() const { return {impl_.get(), &condition, &codegen::evaluate}; }
size_t NativeCode::native_roots() const { return impl_->native_roots; }
size_t NativeCode::object_bytes() const { return impl_->code->object_bytes(); }

Result<std::shared_ptr<const NativeCode>> compile(std::shared_ptr<const ir::Module> source,
                                                  const Options& options) {
  const ir::Module& module = *source;
  auto impl = std::make_unique<NativeCode::Impl>(std::move(source));
  impl->roots.resize(module.exprs.size());
  auto machine = make_target_machine(options.opt_level);
  if (!machine) {
    return machine.error();
  }
  llvm::LLVMContext context;
  context.setDiscardValueNames(true);
  llvm::Module out("unit", context);
  out.setTargetTriple((*machine)->getTargetTriple().str());
  out.setDataLayout((*machine)->createDataLayout());

  Survey survey(module, options.exprs_per_root_max);
  UnitLowering lowering(out, module, impl->interpreter.regexes(), options.trace);
  std::vector<Wanted> compiled;
  std::vector<llvm::Constant*> functions;
  for (const Wanted& root : wanted_roots(module)) {
    if (!survey.is_fit(root.expr)) {
      continue;
    }
    if (survey.total() > options.exprs_max) {
      return error("the pack has more than " + std::to_string(options.exprs_max) + " expressions");
    }
    compiled.push_back(root);
    functions.push_back(lowering.lower_root(root.expr, root.kind));
  }
  lowering.lower_queued();
  if (lowering.malformed) {
    return error("the pack uses a local outside its scope");
  }
  define_table(out, functions);
  if (std::string problem = broken(out); !problem.empty()) {
    return error(std::move(problem));
  }
  if (options.opt_level > 0) {
    optimise(out, **machine);
  }
  auto code = MachineCode::link(out, **machine, kTable, options.code_bytes_max);
  if (!code) {
    return code.error();
  }
  impl->code = std::move(*code);
  impl->native_roots = compiled.size();
  for (size_t i = 0; i < compiled.size(); i++) {
    auto& root = impl->roots[compiled[i].expr.index];
    // Code addresses arrive as data pointers: ORC's currency.
    void* address = const_cast<void*>(impl->code->table()[i]);
    if (compiled[i].kind == RootKind::Condition) {
      root.condition = reinterpret_cast<NativeCode::Impl::Condition>(address);
    } else {
      root.evaluate = reinterpret_cast<NativeCode::Impl::Evaluate>(address);
    }
  }
  return std::shared_ptr<const NativeCode>(std::make_shared<NativeCode>(std::move(impl)));
}

}  // namespace catalyst::codegen
