#include "compiler/codegen/native.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/ErrorHandling.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include <algorithm>
#include <array>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/codegen/bucket.h"
#include "compiler/codegen/jit.h"
#include "compiler/codegen/layout.h"
#include "compiler/codegen/lower.h"
#include "compiler/codegen/target.h"
#include "compiler/ir/interpreter.h"

namespace catalyst::codegen {

using abi::Frame;
using abi::Truth;
using value::Status;
using value::Value;

struct NativeCode::Impl {
  using Condition = Truth (*)(Frame*);
  using Evaluate = int32_t (*)(Frame*, Value*);
  struct Entry {
    Condition condition = nullptr;
    Evaluate evaluate = nullptr;
  };

  explicit Impl(std::shared_ptr<const ir::Module> module) : interpreter(std::move(module)) {
    interpreted = interpreter.evaluator();
  }

  ir::Interpreter interpreter;  // owns the module and the regular expressions that the code points to
  abi::ExprEvaluator interpreted;
  std::unique_ptr<MachineCode> code;
  std::vector<Entry> roots;  // indexed by expression
  size_t native_roots = 0;
  std::vector<abi::BucketFunction> buckets;  // in the order of for_each_bucket; nullptr: packed
  size_t native_buckets = 0;
};

namespace {

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

constexpr const char* kTable = "catalyst_table";

/// The layout's fingerprint, then all functions: one lookup instead of one a function.
void define_table(llvm::Module& out, uint64_t fingerprint, const std::vector<llvm::Constant*>& functions) {
  auto* type = llvm::ArrayType::get(llvm::PointerType::getUnqual(out.getContext()), functions.size());
  auto* first = llvm::ConstantInt::get(llvm::Type::getInt64Ty(out.getContext()), fingerprint);
  auto* table = llvm::ConstantStruct::getAnon({first, llvm::ConstantArray::get(type, functions)});
  new llvm::GlobalVariable(out, table->getType(), /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage,
                           table, kTable);
}

/// What is wrong with the module, empty when nothing is. A finding is a bug of ours; the pack stays with the
/// interpreter.
std::string broken(const llvm::Module& module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  return llvm::verifyModule(module, &stream) ? "lowering made invalid code: " + text : std::string();
}

using BucketFunctions = std::unordered_map<const abi::BucketRef*, llvm::Function*>;

const abi::Anchor* anchor_over(const abi::Index& index, uint32_t feature) {
  const auto found = std::find_if(index.anchors.begin(), index.anchors.end(), [&](const abi::Anchor& anchor) {
    return anchor.kind == abi::Anchor::Kind::Symbol && anchor.feature == feature;
  });
  return found == index.anchors.end() ? nullptr : &*found;
}

/// What follows the buckets of tools: the bucket of their server, where it has code, see abi::BucketFunction.
std::unordered_map<const abi::BucketRef*, BucketLowering::Next> followers(const abi::Unit& plans,
                                                                          const BucketFunctions& functions) {
  std::unordered_map<const abi::BucketRef*, BucketLowering::Next> out;
  const abi::SymbolTable& names = plans.symbol_features[abi::SymbolFeature::kTool].table;
  const abi::SymbolTable& servers = plans.symbol_features[abi::SymbolFeature::kServer].table;
  for (const abi::HookPlan& plan : plans.plans) {
    const abi::Anchor* const tools = anchor_over(plan.decide, abi::SymbolFeature::kTool);
    const abi::Anchor* const by_server = anchor_over(plan.decide, abi::SymbolFeature::kServer);
    if (tools == nullptr || by_server == nullptr) {
      continue;
    }
    for (uint32_t i = 0; i < tools->buckets.size(); i++) {
      const std::string_view name = names.name(i);
      const int32_t server = servers.find(name.substr(0, name.find('\0')));
      if (server < 0) {
        continue;
      }
      const abi::BucketRef& next = by_server->buckets[static_cast<uint32_t>(server)];
      if (const auto found = functions.find(&next); found != functions.end()) {
        out[&tools->buckets[i]] = {found->second, next.first_rank};
      }
    }
  }
  return out;
}

void lower_buckets(UnitLowering& lowering, const abi::Unit& plans, const Layout& layout,
                   std::vector<llvm::Constant*>& table) {
  BucketFunctions functions;
  auto has = layout.buckets.begin();
  for_each_bucket(plans, [&](const abi::Index&, const abi::BucketRef& bucket) {
    if (*has++) {
      llvm::Function* const function = BucketLowering::declare(lowering);
      functions[&bucket] = function;
      table.push_back(function);
    }
  });
  const auto next = followers(plans, functions);
  for_each_bucket(plans, [&](const abi::Index& index, const abi::BucketRef& bucket) {
    if (const auto function = functions.find(&bucket); function != functions.end()) {
      const auto follower = next.find(&bucket);
      BucketLowering(lowering, index)
          .lower(bucket, function->second,
                 follower == next.end() ? BucketLowering::Next{} : follower->second);
    }
  });
}

/// What is wrong, or empty.
std::string lower(llvm::Module& out, const ir::Module& module, const Layout& layout, const Options& options,
                  const abi::Unit* plans) {
  UnitLowering lowering(out, module, options.trace);
  std::vector<llvm::Constant*> table;
  for (const Root& root : layout.roots) {
    if (options.stop.stop_requested()) {
      return "stopped";
    }
    table.push_back(lowering.lower_root(root.expr, root.kind));
  }
  lowering.lower_queued();
  if (plans != nullptr) {
    lower_buckets(lowering, *plans, layout, table);
  }
  if (lowering.malformed) {
    return "the pack uses a local outside its scope";
  }
  define_table(out, layout.fingerprint, table);
  return broken(out);
}

/// The addresses of code that was linked, where the layout says. They arrive as data pointers, ORC's
/// currency.
void take_addresses(const Layout& layout, NativeCode::Impl& impl) {
  const void* const* next = impl.code->table() + 1;
  const auto address = [&] { return const_cast<void*>(*next++); };
  impl.roots.resize(impl.interpreter.module().exprs.size());
  for (const Root& root : layout.roots) {
    auto& entry = impl.roots[root.expr.index];
    if (root.kind == RootKind::Condition) {
      entry.condition = reinterpret_cast<NativeCode::Impl::Condition>(address());
    } else {
      entry.evaluate = reinterpret_cast<NativeCode::Impl::Evaluate>(address());
    }
  }
  impl.native_roots = layout.roots.size();
  for (const bool has : layout.buckets) {
    impl.buckets.push_back(has ? reinterpret_cast<abi::BucketFunction>(address()) : nullptr);
    impl.native_buckets += has ? 1 : 0;
  }
}

/// Indexed by Place.
std::array<const void*, std::size(kPlaceSymbols)> places_of(const ir::Interpreter& interpreter) {
  std::array<const void*, std::size(kPlaceSymbols)> out{};
  const auto place = [&](Place which) -> const void*& { return out[static_cast<size_t>(which)]; };
  place(Place::Consts) = interpreter.module().consts.data();
  place(Place::Types) = &interpreter.module().types;
  place(Place::Regexes) = &interpreter.regexes();
  place(Place::Tables) = interpreter.tables().data();
  return out;
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
  for_each_bucket(unit, [&](const abi::Index&, abi::BucketRef& bucket) {
    bucket.native = next < buckets.size() ? buckets[next++] : nullptr;
  });
  unit.tier = "native";
  unit.keep_alive = std::make_shared<std::pair<std::shared_ptr<const void>, std::shared_ptr<const void>>>(
      std::move(unit.keep_alive), std::move(code));
}

Result<std::string> emit(const ir::Module& module, const Options& options, const abi::Unit* plans,
                         const abi::Target& target) {
  const auto layout = lay_out(module, options, plans);
  if (layout.has_error()) {
    return layout.error();
  }
  auto machine = make_target_machine(target, options.opt_level);
  if (machine.has_error()) {
    return machine.error();
  }
  llvm::LLVMContext context;
  context.setDiscardValueNames(true);
  llvm::Module out("unit", context);
  out.setTargetTriple((*machine)->getTargetTriple().str());
  out.setDataLayout((*machine)->createDataLayout());
  if (std::string problem = lower(out, module, *layout, options, plans); !problem.empty()) {
    return error(std::move(problem));
  }
  if (options.opt_level > 0) {
    optimise(out, **machine, options.stop);
  }
  return emit_object(out, **machine, options.code_bytes_max, options.stop);
}

Result<std::shared_ptr<const NativeCode>> link(std::shared_ptr<const ir::Module> module,
                                               const std::string& object, const Options& options,
                                               const abi::Unit* plans) {
  const auto layout = lay_out(*module, options, plans);
  if (layout.has_error()) {
    return layout.error();
  }
  auto impl = std::make_unique<NativeCode::Impl>(std::move(module));
  auto code = MachineCode::link(object, kTable, places_of(impl->interpreter));
  if (code.has_error()) {
    return code.error();
  }
  if (reinterpret_cast<uintptr_t>((*code)->table()[0]) != layout->fingerprint) {
    return error("the object code is that of other rules");
  }
  impl->code = std::move(*code);
  take_addresses(*layout, *impl);
  return std::shared_ptr<const NativeCode>(std::make_shared<NativeCode>(std::move(impl)));
}

void when_out_of_memory(void (*end)()) {
  llvm::install_bad_alloc_error_handler(
      [](void* called, const char*, bool) { reinterpret_cast<void (*)()>(called)(); },
      reinterpret_cast<void*>(end));
}

Result<std::shared_ptr<const NativeCode>> compile(std::shared_ptr<const ir::Module> module,
                                                  const Options& options, const abi::Unit* plans) {
  const auto object = emit(*module, options, plans, host_target());
  if (object.has_error()) {
    return object.error();
  }
  return link(std::move(module), *object, options, plans);
}

}  // namespace catalyst::codegen
