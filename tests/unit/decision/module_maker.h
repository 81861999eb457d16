#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/ir/unit_builder.h"
#include "runtime/decision/engine.h"

namespace catalyst::test {

/// Writes ir::Module by hand, so that the engine is tested without parser and checker.
class ModuleMaker {
 public:
  using E = ir::ExprId;
  using T = types::TypeTable;

  ModuleMaker() : module_(std::make_shared<ir::Module>()) {
    module_->pack_name = "test";
    module_->pack_version = "1.0.0";
    module_->targets.emplace_back();  // everything
  }

  ir::Module& module() { return *module_; }
  [[nodiscard]] std::shared_ptr<const ir::Module> shared() const { return module_; }

  E op(ir::Op op, types::TypeId type, std::vector<E> operands, uint32_t payload = 0) {
    ir::Expr e{op, type, payload, static_cast<uint32_t>(module_->operands.size()),
               static_cast<uint32_t>(operands.size())};
    module_->operands.insert(module_->operands.end(), operands.begin(), operands.end());
    module_->exprs.push_back(e);
    module_->expr_spans.emplace_back();
    return E{module_->exprs.size() - 1};
  }

  E constant(const value::Value& v, types::TypeId type) {
    module_->consts.push_back(v);
    module_->const_types.push_back(type);
    return op(ir::Op::Const, type, {}, static_cast<uint32_t>(module_->consts.size() - 1));
  }
  E text(std::string_view s) { return constant(text_value(s), T::kString); }
  E integer(int64_t x) { return constant(value::Value::of_int(x), T::kInt); }
  E texts(const std::vector<std::string>& list) {
    auto* items = module_->const_arena.alloc_array<value::Value>(list.size());
    for (size_t i = 0; i < list.size(); ++i) {
      items[i] = text_value(list[i]);
    }
    return constant(value::Value::of_list(items, static_cast<uint32_t>(list.size())),
                    module_->types.list_of(T::kString));
  }

  E slot(abi::InputRoot root, std::vector<std::string> path, types::TypeId type) {
    for (uint32_t i = 0; i < module_->slots.size(); ++i) {
      if (module_->slots[i].root == root && module_->slots[i].path == path &&
          module_->slots[i].type == type) {
        return op(ir::Op::Slot, type, {}, i);
      }
    }
    module_->slots.push_back({root, std::move(path), type});
    return op(ir::Op::Slot, type, {}, static_cast<uint32_t>(module_->slots.size() - 1));
  }
  E arg(std::vector<std::string> path, types::TypeId type) {
    return slot(abi::InputRoot::CallArgs, std::move(path), type);
  }
  E optional_arg(std::vector<std::string> path, types::TypeId type) {
    return arg(std::move(path), module_->types.optional_of(type));
  }
  E principal_id() { return slot(abi::InputRoot::PrincipalId, {}, T::kString); }
  E tenant() { return slot(abi::InputRoot::PrincipalTenant, {}, T::kString); }
  E risk() { return slot(abi::InputRoot::PrincipalRisk, {}, T::kInt); }
  E mfa() { return slot(abi::InputRoot::PrincipalMfa, {}, T::kBool); }
  E roles() { return slot(abi::InputRoot::PrincipalRoles, {}, module_->types.set_of(T::kString)); }

  E boolean(ir::Op o, std::vector<E> operands) { return op(o, T::kBool, std::move(operands)); }
  E both(E a, E b) { return boolean(ir::Op::And, {a, b}); }
  /// `slot is present and test(unwrapped slot)`
  template <class Test>
  E guarded(E optional, Test test) {
    const types::TypeId inner = module_->types.strip_optional(module_->expr(optional).type);
    const E present = boolean(ir::Op::IsPresent, {optional});
    return both(present, test(op(ir::Op::Unwrap, inner, {optional})));
  }

  ir::TargetId target(std::vector<ir::TargetPattern> patterns) {
    for (uint32_t i = 0; i < module_->targets.size(); ++i) {
      if (module_->targets[i].patterns == patterns) {
        return ir::TargetId{i};
      }
    }
    module_->targets.push_back({std::move(patterns)});
    return ir::TargetId{module_->targets.size() - 1};
  }

  ir::Rule& rule(std::string name, abi::Hook hook, ir::TargetId target, E condition,
                 ir::VerdictKind verdict) {
    ir::Rule& r = module_->rules.emplace_back();
    r.name = std::move(name);
    r.hook = hook;
    r.target = target;
    r.condition = condition;
    r.verdict = verdict;
    return r;
  }
  ir::Rule& deny(std::string name, E condition, std::vector<ir::TargetPattern> patterns = {}) {
    return rule(std::move(name), abi::Hook::Call, target(std::move(patterns)), condition,
                ir::VerdictKind::Deny);
  }
  ir::Rule& allow(std::string name, E condition, std::vector<ir::TargetPattern> patterns = {}) {
    return rule(std::move(name), abi::Hook::Call, target(std::move(patterns)), condition,
                ir::VerdictKind::Allow);
  }
  ir::Rule& effect(std::string name, abi::Hook hook, E condition, ir::Effect e) {
    ir::Rule& r = rule(std::move(name), hook, ir::TargetId{0u}, condition, ir::VerdictKind::None);
    r.effects.push_back(std::move(e));
    return r;
  }

  /// Ends the making: nothing may be added afterwards.
  std::shared_ptr<abi::Unit> unit() { return ir::build_unit(module_, source::SourceMap{}); }
  std::shared_ptr<const decision::Pack> pack() { return std::make_shared<const decision::Pack>(unit()); }

 private:
  value::Value text_value(std::string_view s) {
    return value::Value::of_string(s.empty() ? std::string_view("") : module_->const_arena.copy(s));
  }

  std::shared_ptr<ir::Module> module_;
};

}  // namespace catalyst::test
