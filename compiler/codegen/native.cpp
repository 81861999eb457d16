#include "compiler/codegen/native.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include <string>
#include <utility>
#include <vector>

#include "compiler/codegen/bucket.h"
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
  std::vector<abi::BucketFunction> buckets;  // in the order of for_each_bucket; nullptr: packed
  size_t native_buckets = 0;
};

namespace {

/// Every deciding bucket of a unit, empty ones included.
template <class Visit>
void for_each_bucket(abi::Unit& unit, Visit visit) {
  for (abi::HookPlan& plan : unit.plans) {
    visit(plan.decide.always);
    for (abi::Anchor& anchor : plan.decide.anchors) {
      for (abi::BucketRef& bucket : anchor.buckets) {
        visit(bucket);
      }
    }
  }
}

/// Rules that some bucket cannot decide by its atoms alone.
std::vector<bool> asked_rules(const abi::Unit& unit) {
  std::vector<bool> asked(unit.rules.size());
  for (const abi::HookPlan& plan : unit.plans) {
    for (const abi::Index* index : {&plan.decide, &plan.collect}) {
      for (size_t i = 0; i < index->code.size();) {
        const abi::RuleHead& head = index->code[i].head;
        if (head.rank == abi::kNoRank) {
          i++;
          continue;
        }
        if (head.residual != 0) {
          asked[head.rule] = true;
        }
        i += 1 + size_t{head.atoms};
      }
    }
  }
  return asked;
}

struct Wanted {
  ir::ExprId expr;
  RootKind kind;
};

/// Each root once for each way it is called.
std::vector<Wanted> wanted_roots(const ir::Module& module, const abi::Unit* plans) {
  const std::vector<bool> asked =
      plans == nullptr ? std::vector<bool>(module.rules.size(), true) : asked_rules(*plans);
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
  for (size_t i = 0; i < module.rules.size(); i++) {
    const ir::Rule& rule = module.rules[i];
    if (asked[i]) {
      add(rule.condition, true);
    }
    add(rule.message, false);
    for (const ir::Effect& effect : rule.effects) {
      add(effect.value, false);
    }
  }
  for (const ir::Window& window : module.windows) {
    add(window.key, false);
    add(window.value, false);
  }
  for (const ir::WindowRead& read : module.window_reads) {
    add(read.key, false);
  }
  if (plans == nullptr) {  // whoever compiles without a plan compares; a pack in force has no use for tests
    for (const ir::Test& test : module.tests) {
      for (const ir::TestClaim& claim : test.claims) {
        add(claim.condition, true);
      }
    }
  }
  for (const ir::Decision& decision : module.decisions) {
    add(decision.call, false);
  }
  for (const ir::Route& route : module.routes) {
    for (const ir::RoutePrefer& prefer : route.prefers) {
      add(prefer.condition, true);
    }
    add(route.hash, false);
    for (const ir::ExprId part : route.key) {
      add(part, false);
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

/// A function or nullptr for each bucket, in the order of for_each_bucket.
std::vector<llvm::Function*> lower_buckets(UnitLowering& lowering, const abi::Unit& unit, size_t cells) {
  std::vector<llvm::Function*> functions;
  for (const abi::HookPlan& plan : unit.plans) {
    BucketLowering buckets(lowering, plan.decide);
    functions.push_back(buckets.lower_within(plan.decide.always, cells));
    for (const abi::Anchor& anchor : plan.decide.anchors) {
      for (const abi::BucketRef& bucket : anchor.buckets) {
        functions.push_back(buckets.lower_within(bucket, cells));
      }
    }
  }
  return functions;
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
size_t NativeCode::native_buckets() const { return impl_->native_buckets; }
size_t NativeCode::object_bytes() const { return impl_->code->object_bytes(); }

void NativeCode::install(std::shared_ptr<const NativeCode> code, abi::Unit& unit) {
  unit.evaluator = code->evaluator();
  const auto& buckets = code->impl_->buckets;
  size_t next = 0;
  for_each_bucket(unit, [&](abi::BucketRef& bucket) {
    bucket.native = next < buckets.size() ? buckets[next++] : nullptr;
  });
  unit.tier = "native";
  unit.keep_alive = std::make_shared<std::pair<std::shared_ptr<const void>, std::shared_ptr<const void>>>(
      std::move(unit.keep_alive), std::move(code));
}

namespace {

/// One compilation: lowering, optimisation, linking, and the tables of the result.
class Compiler {
 public:
  Compiler(std::shared_ptr<const ir::Module> module, const Options& options, const abi::Unit* plans)
      : options_(options),
        module_(*module),
        plans_(plans),
        impl_(std::make_unique<NativeCode::Impl>(std::move(module))) {}

  Result<std::shared_ptr<const NativeCode>> run() {
    auto machine = make_target_machine(options_.opt_level);
    if (!machine) {
      return machine.error();
    }
    llvm::LLVMContext context;
    context.setDiscardValueNames(true);
    llvm::Module out("unit", context);
    out.setTargetTriple((*machine)->getTargetTriple().str());
    out.setDataLayout((*machine)->createDataLayout());
    if (std::string problem = lower(out); !problem.empty()) {
      return error(std::move(problem));
    }
    if (options_.opt_level > 0) {
      optimise(out, **machine, options_.stop);
    }
    auto code = MachineCode::link(out, **machine, kTable, options_.code_bytes_max, options_.stop);
    if (!code) {
      return code.error();
    }
    impl_->code = std::move(*code);
    take_addresses();
    return std::shared_ptr<const NativeCode>(std::make_shared<NativeCode>(std::move(impl_)));
  }

 private:
  /// What is wrong, or empty.
  std::string lower(llvm::Module& out) {
    Survey survey(module_, options_.exprs_per_root_max);
    UnitLowering lowering(out, impl_->interpreter, options_.trace);
    std::vector<llvm::Constant*> table;
    for (const Wanted& root : wanted_roots(module_, plans_)) {
      if (!survey.is_fit(root.expr)) {
        continue;
      }
      if (survey.total() > options_.exprs_max) {
        return "the pack has more than " + std::to_string(options_.exprs_max) + " expressions";
      }
      if (options_.stop.stop_requested()) {
        return "stopped";
      }
      roots_.push_back(root);
      table.push_back(lowering.lower_root(root.expr, root.kind));
    }
    lowering.lower_queued();
    if (plans_ != nullptr) {
      for (llvm::Function* bucket : lower_buckets(lowering, *plans_, options_.bucket_cells_max)) {
        has_bucket_.push_back(bucket != nullptr);
        if (bucket != nullptr) {
          table.push_back(bucket);
        }
      }
    }
    if (lowering.malformed) {
      return "the pack uses a local outside its scope";
    }
    define_table(out, table);
    return broken(out);
  }

  /// Code addresses arrive as data pointers, ORC's currency.
  void take_addresses() {
    size_t next = 0;
    const auto address = [&] { return const_cast<void*>(impl_->code->table()[next++]); };
    impl_->roots.resize(module_.exprs.size());
    for (const Wanted& wanted : roots_) {
      auto& root = impl_->roots[wanted.expr.index];
      if (wanted.kind == RootKind::Condition) {
        root.condition = reinterpret_cast<NativeCode::Impl::Condition>(address());
      } else {
        root.evaluate = reinterpret_cast<NativeCode::Impl::Evaluate>(address());
      }
    }
    impl_->native_roots = roots_.size();
    for (const bool has : has_bucket_) {
      impl_->buckets.push_back(has ? reinterpret_cast<abi::BucketFunction>(address()) : nullptr);
      impl_->native_buckets += has ? 1 : 0;
    }
  }

  const Options& options_;
  const ir::Module& module_;
  const abi::Unit* plans_;
  std::unique_ptr<NativeCode::Impl> impl_;
  std::vector<Wanted> roots_;  // as in the table; buckets follow
  std::vector<bool> has_bucket_;
};

}  // namespace

Result<std::shared_ptr<const NativeCode>> compile(std::shared_ptr<const ir::Module> module,
                                                  const Options& options, const abi::Unit* plans) {
  return Compiler(std::move(module), options, plans).run();
}

}  // namespace catalyst::codegen
