#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/ir.h"
#include "tests/unit/differential/generator.h"

namespace catalyst::differential {

/// The module under construction: its types, and random literals of each of them.
class ModuleBuilder {
 protected:
  explicit ModuleBuilder(uint64_t seed);

  uint32_t below(uint32_t n) { return differential::below(random_, n); }
  bool one_in(uint32_t n) { return differential::one_in(random_, n); }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(static_cast<uint32_t>(from.size()))];
  }

  ir::ExprId add(ir::Op op, types::TypeId type, const std::vector<ir::ExprId>& operands,
                 uint32_t payload = 0);
  uint32_t constant(const value::Value& v, types::TypeId type);
  value::Value text(std::string_view s);
  int64_t some_int();
  std::string some_text();
  ir::ExprId literal(types::TypeId type);
  ir::ExprId composite_literal(types::TypeId type);
  /// A constant string: the key of a map or record member.
  ir::ExprId key(const std::string& name);

  Random random_;
  std::shared_ptr<ir::Module> module_;
  ir::Module& m_;
  types::TypeId enum_;
  types::TypeId record_;
  std::vector<types::TypeId> scalars_;
  std::vector<types::TypeId> composites_;
  std::vector<types::TypeId> all_;

 private:
  void make_types();
};

}  // namespace catalyst::differential
