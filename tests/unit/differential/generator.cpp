#include "tests/unit/differential/generator.h"

#include <string>
#include <vector>

#include "tests/unit/differential/expr_generator.h"

namespace catalyst::differential {
namespace {

class Generator : ExprGenerator {
 public:
  explicit Generator(uint64_t seed) : ExprGenerator(seed) {}

  std::shared_ptr<const ir::Module> run() {
    m_.pack_name = "generated";
    m_.pack_version = "1.0.0";
    for (const TypeId type : all_) {
      m_.slots.push_back({abi::InputRoot::CallArgs, {"s" + std::to_string(m_.slots.size())}, type});
      m_.slots.push_back(
          {abi::InputRoot::CallArgs, {"s" + std::to_string(m_.slots.size())}, m_.types.optional_of(type)});
    }
    for (const std::string& pattern : {"a+b", "^x", "[0-9]{2,3}", "(é|z)$"}) {
      m_.regexes.push_back(pattern);
    }
    make_functions();
    make_decisions();
    make_facts();
    m_.targets.push_back({});
    for (int i = 0; i < 10; i++) {
      make_rule(i);
    }
    return module_;
  }

 private:
  void make_functions() {
    in_function_ = true;
    for (int n = 0; n < 3; n++) {
      ir::Function f;
      f.name = "f" + std::to_string(n);
      f.parameters = {pick(scalars_), pick(all_)};
      f.result = n == 0 ? TypeTable::kBool : pick(scalars_);
      locals_ = {{0, f.parameters[0]}, {1, f.parameters[1]}};
      next_local_ = 2;
      f.body = gen(f.result, 2);
      f.local_count = ir::kMaxLocals;
      m_.functions.push_back(f);
    }
    locals_.clear();
    next_local_ = 0;
    in_function_ = false;
  }

  /// Functions whose bodies are what decisions become: rules in order, a table that answers one row, one that
  /// answers all.
  void make_decisions() {
    in_function_ = true;
    for (const Op chooser : {Op::FirstTrue, Op::Lookup, Op::LookupAll}) {
      const TypeId value_type = pick(scalars_);
      ir::Function f;
      f.name = "d" + std::to_string(m_.decisions.size());
      f.parameters = {TypeTable::kString, m_.types.optional_of(pick(scalars_)), pick(scalars_)};
      f.result = chooser == Op::LookupAll ? m_.types.list_of(value_type) : value_type;
      for (uint32_t i = 0; i < f.parameters.size(); i++) {
        locals_.emplace_back(i, f.parameters[i]);
      }
      next_local_ = static_cast<uint32_t>(f.parameters.size());
      ir::Decision decision;
      decision.name = f.name;
      f.body = decision_body(chooser, f, value_type, decision);
      f.local_count = ir::kMaxLocals;
      locals_.clear();
      next_local_ = 0;
      decision.function = ir::FnId(m_.functions.size());
      m_.functions.push_back(f);
      std::vector<ExprId> arguments;
      for (const TypeId parameter : f.parameters) {
        const auto slot = static_cast<uint32_t>(m_.slots.size());
        m_.slots.push_back({abi::InputRoot::Argument, {"s" + std::to_string(slot)}, parameter});
        decision.parameters.push_back(m_.slots.back().path[0]);
        arguments.push_back(add(Op::Slot, parameter, {}, slot));
      }
      decision.call = add(Op::CallFn, f.result, arguments, decision.function.index);
      m_.decisions.push_back(std::move(decision));
    }
    in_function_ = false;
  }

  ExprId decision_body(Op chooser, const ir::Function& f, TypeId value_type, ir::Decision& decision) {
    const uint32_t rows = below(9) + 1;
    for (uint32_t row = 0; row < rows; row++) {
      decision.rows.push_back({"row " + std::to_string(row), {}});
    }
    std::vector<ExprId> inputs;
    if (chooser == Op::FirstTrue) {
      for (uint32_t row = 0; row < rows; row++) {
        inputs.push_back(gen(TypeTable::kBool, 3));
      }
    } else {
      m_.tables.push_back(table(f.parameters, rows));
      for (uint32_t i = 0; i < f.parameters.size(); i++) {
        inputs.push_back(one_in(4) ? gen(f.parameters[i], 3) : add(Op::Local, f.parameters[i], {}, i));
      }
    }
    const uint32_t payload =
        static_cast<uint32_t>(chooser == Op::FirstTrue ? m_.decisions.size() : m_.tables.size() - 1);
    const TypeId indexes = chooser == Op::LookupAll ? m_.types.list_of(TypeTable::kInt) : TypeTable::kInt;
    decision.chooser = add(chooser, indexes, inputs, payload);
    const bool constants = one_in(2);
    const bool otherwise = chooser != Op::LookupAll && !one_in(4);
    const auto choose = [&](ExprId which) {
      std::vector<ExprId> operands = {which};
      for (uint32_t row = 0; row < rows + (otherwise ? 1 : 0); row++) {
        operands.push_back(constants ? literal(value_type) : gen(value_type, 3));
      }
      return add(Op::Switch, value_type, operands);
    };
    if (chooser != Op::LookupAll) {
      return choose(decision.chooser);
    }
    return with_variable(indexes, [&](uint32_t local) {
      const ExprId value = choose(add(Op::Local, TypeTable::kInt, {}, local));
      return add(Op::Comprehend, f.result, {decision.chooser, value, gen(TypeTable::kBool, 4)}, local);
    });
  }

  ir::Table table(const std::vector<TypeId>& columns, uint32_t rows) {
    ir::Table out;
    out.row_count = rows;
    for (const TypeId type : columns) {
      ir::TableColumn& column = out.columns.emplace_back();
      column.type = type;
      for (uint32_t i = below(4) + 1; i > 0; i--) {
        column.cells.push_back(cell(m_.types.strip_optional(type)));
      }
      for (uint32_t row = 0; row < rows; row++) {
        column.rows.push_back(below(static_cast<uint32_t>(column.cells.size())));
      }
    }
    return out;
  }

  ir::TableCell cell(TypeId type) {
    ir::TableCell out;
    out.absent = one_in(3);
    out.negated = one_in(3);
    const auto bound = [&] { return ir::ConstId(m_.expr(literal(type)).payload); };
    for (uint32_t i = below(3); i > 0; i--) {
      ir::TableTest& test = out.tests.emplace_back();
      if (type == TypeTable::kString && one_in(3)) {
        static constexpr ir::TableTest::Kind kKinds[] = {
            ir::TableTest::Kind::Prefix, ir::TableTest::Kind::Suffix, ir::TableTest::Kind::Contains,
            ir::TableTest::Kind::Glob};
        test.kind = kKinds[below(4)];
        test.low = bound();
        continue;
      }
      test.low = one_in(4) ? ir::ConstId() : bound();
      test.high = one_in(3) ? bound() : one_in(3) ? ir::ConstId() : test.low;
      test.low_included = !one_in(3);
      test.high_included = !one_in(3);
    }
    return out;
  }

  void make_facts() {
    for (const TypeId type : {TypeTable::kBool, TypeTable::kInt, TypeTable::kString, TypeTable::kBool,
                              m_.types.list_of(TypeTable::kInt)}) {
      const ExprId value = gen(type, 2);
      m_.facts.push_back({"fact" + std::to_string(m_.facts.size()), value, ir::kMaxLocals});
    }
  }

  void make_rule(int n) {
    ir::Rule rule;
    rule.name = "r" + std::to_string(n);
    rule.hook = abi::Hook::Call;
    rule.target = ir::TargetId(0u);
    rule.condition = gen(TypeTable::kBool, 0);
    rule.local_count = ir::kMaxLocals;
    rule.verdict = ir::VerdictKind::Deny;
    rule.message = gen(TypeTable::kString, 1);
    ir::Effect effect;
    effect.kind = ir::EffectKind::Set;
    effect.path = {"x"};
    effect.value = gen(pick(all_), 0);
    rule.effects.push_back(effect);
    m_.rules.push_back(rule);
  }
};

}  // namespace

std::shared_ptr<const ir::Module> generate_module(uint64_t seed) { return Generator(seed).run(); }

}  // namespace catalyst::differential
