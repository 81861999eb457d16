#pragma once

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/value/builtin.h"
#include "tests/unit/differential/library_calls.h"
#include "tests/unit/differential/module_builder.h"

namespace catalyst::differential {

using ir::ExprId;
using ir::Op;
using types::TypeId;
using types::TypeKind;
using types::TypeTable;
using value::Kind;
using value::Value;

/// Random expressions of any type, over the slots, facts, functions and locals that are there.
class ExprGenerator : protected ModuleBuilder {
 protected:
  explicit ExprGenerator(uint64_t seed) : ModuleBuilder(seed) {}

  /// Something of the type without operands: a slot, a local in scope, a literal.
  ExprId leaf(TypeId type) {
    std::vector<uint32_t> slots;
    for (uint32_t i = 0; i < m_.slots.size(); i++) {
      if (m_.slots[i].type == type) {
        slots.push_back(i);
      }
    }
    std::vector<uint32_t> locals;
    for (const auto& [index, local_type] : locals_) {
      if (local_type == type) {
        locals.push_back(index);
      }
    }
    if (!locals.empty() && !one_in(3)) {
      return add(Op::Local, type, {}, pick(locals));
    }
    if (!slots.empty() && !in_function_ && !one_in(3)) {
      return add(Op::Slot, type, {}, pick(slots));
    }
    return literal(type);
  }

  ExprId gen(TypeId type, int depth) {
    if (depth >= kMaxDepth || one_in(6)) {
      return leaf(type);
    }
    depth++;
    switch (below(10)) {
      case 0:
        return add(Op::If, type, {gen(TypeTable::kBool, depth), gen(type, depth), gen(type, depth)});
      case 1:
        if (m_.types.is_optional(type)) {
          return add(Op::Coalesce, type, {gen(type, depth), gen(type, depth)});
        }
        return add(Op::Coalesce, type, {gen(m_.types.optional_of(type), depth), gen(type, depth)});
      case 2:
        if (!m_.types.is_optional(type)) {
          return add(Op::Unwrap, type, {gen(m_.types.optional_of(type), depth)});
        }
        break;
      case 3:
        if (const ExprId use = fact_or_call(type, depth); use.valid()) {
          return use;
        }
        break;
      case 4:
        if (const ExprId use = one_in(2) ? library(type, depth) : builtin(type, depth); use.valid()) {
          return use;
        }
        break;
      default:
        break;
    }
    return specific(type, depth);
  }

  ExprId specific(TypeId type, int depth) {
    switch (m_.types.kind(type)) {
      case TypeKind::Bool:
        return boolean(depth);
      case TypeKind::Int:
        return one_in(5) ? add(Op::Neg, type, {gen(type, depth)})
                         : add(arithmetic(5), type, {gen(type, depth), gen(type, depth)});
      case TypeKind::Decimal:
        if (one_in(4)) {
          return add(Op::IntToDecimal, type, {gen(TypeTable::kInt, depth)});
        }
        return one_in(6) ? add(Op::Neg, type, {gen(type, depth)})
                         : add(arithmetic(5), type, {gen(type, depth), gen(type, depth)});
      case TypeKind::Float:
        if (one_in(4)) {
          return one_in(2) ? add(Op::IntToFloat, type, {gen(TypeTable::kInt, depth)})
                           : add(Op::DecimalToFloat, type, {gen(TypeTable::kDecimal, depth)});
        }
        return one_in(6) ? add(Op::Neg, type, {gen(type, depth)})
                         : add(arithmetic(5), type, {gen(type, depth), gen(type, depth)});
      case TypeKind::Time:
        return add(arithmetic(2), type, {gen(type, depth), gen(TypeTable::kDuration, depth)});
      case TypeKind::Duration:
        return duration(depth);
      case TypeKind::String: {
        std::vector<ExprId> parts;
        for (uint32_t i = below(3) + 1; i > 0; i--) {
          parts.push_back(gen(pick(all_), depth + 1));
        }
        return add(Op::Interpolate, type, parts);
      }
      case TypeKind::Optional:
        return optional(type, depth);
      case TypeKind::List:
      case TypeKind::Set:
        return sequence(type, depth);
      default:
        return leaf(type);
    }
  }

  Op arithmetic(uint32_t count) {
    static constexpr Op kOps[] = {Op::Add, Op::Sub, Op::Mul, Op::Div, Op::Rem};
    return kOps[below(count)];
  }

  ExprId duration(int depth) {
    switch (below(4)) {
      case 0:
        return add(Op::Sub, TypeTable::kDuration,
                   {gen(TypeTable::kTime, depth), gen(TypeTable::kTime, depth)});
      case 1:
        return add(one_in(2) ? Op::Mul : Op::Div, TypeTable::kDuration,
                   {gen(TypeTable::kDuration, depth), gen(TypeTable::kInt, depth)});
      case 2:
        return add(Op::Neg, TypeTable::kDuration, {gen(TypeTable::kDuration, depth)});
      default:
        return add(arithmetic(2), TypeTable::kDuration,
                   {gen(TypeTable::kDuration, depth), gen(TypeTable::kDuration, depth)});
    }
  }

  ExprId optional(TypeId type, int depth) {
    const TypeId inner = m_.types.strip_optional(type);
    switch (below(4)) {
      case 0:
        return add(Op::Cast, type,
                   {gen(one_in(2) ? TypeTable::kJson : m_.types.optional_of(TypeTable::kJson), depth)});
      case 1:
        if (inner == TypeTable::kJson) {
          if (one_in(2)) {
            return add(Op::Field, type, {gen(TypeTable::kJson, depth)},
                       constant(text("a"), TypeTable::kString));
          }
          return add(
              Op::Index, type,
              {gen(TypeTable::kJson, depth), gen(one_in(2) ? TypeTable::kInt : TypeTable::kString, depth)});
        }
        if (inner == TypeTable::kString && one_in(2)) {
          return add(Op::Field, type, {gen(record_, depth)}, constant(text("b"), TypeTable::kString));
        }
        for (const TypeId composite : composites_) {
          const TypeKind kind = m_.types.kind(composite);
          if ((kind == TypeKind::List || kind == TypeKind::Map) && m_.types.get(composite).element == inner &&
              one_in(2)) {
            return add(Op::Index, type,
                       {gen(composite, depth),
                        gen(kind == TypeKind::List ? TypeTable::kInt : TypeTable::kString, depth)});
          }
        }
        break;
      case 2:
        return leaf(type);
      default:
        break;
    }
    return add(Op::Some, type, {gen(inner, depth)});
  }

  ExprId sequence(TypeId type, int depth) {
    const TypeId element = m_.types.get(type).element;
    if (m_.types.kind(type) == TypeKind::Set && one_in(2)) {
      static constexpr Op kOps[] = {Op::Union, Op::Intersect, Op::Except};
      return add(kOps[below(3)], type, {gen(type, depth), gen(type, depth)});
    }
    if (m_.types.kind(type) == TypeKind::List && one_in(2)) {
      const TypeId from = pick(iterables());
      const ExprId collection = gen(from, depth);
      return with_variable(from, [&](uint32_t local) {
        const ExprId item = gen(element, depth);
        const ExprId keep = gen(TypeTable::kBool, depth + 1);
        return add(Op::Comprehend, type, {collection, item, keep}, local);
      });
    }
    std::vector<ExprId> items;
    for (uint32_t i = below(4); i > 0; i--) {
      items.push_back(gen(element, depth + 1));
    }
    return add(Op::MakeList, type, items);
  }

  std::vector<TypeId> iterables() {
    std::vector<TypeId> out;
    for (const TypeId type : composites_) {
      const TypeKind kind = m_.types.kind(type);
      if (kind == TypeKind::List || kind == TypeKind::Set || kind == TypeKind::Map) {
        out.push_back(type);
      }
    }
    return out;
  }

  template <class Body>
  ExprId with_variable(TypeId collection, Body body) {
    const uint32_t local = next_local_;
    const bool map = m_.types.kind(collection) == TypeKind::Map;
    next_local_ += 2;
    const size_t before = locals_.size();
    locals_.emplace_back(local, map ? TypeTable::kString : m_.types.get(collection).element);
    if (map) {
      locals_.emplace_back(local + 1, m_.types.get(collection).element);
    }
    const ExprId result = body(local);
    locals_.resize(before);
    next_local_ = local;
    return result;
  }

  ExprId boolean(int depth) {
    const TypeId b = TypeTable::kBool;
    switch (below(14)) {
      case 0:
        return add(Op::Not, b, {gen(b, depth)});
      case 1:
      case 2:
        return add(Op::And, b, {gen(b, depth), gen(b, depth)});
      case 3:
      case 4:
        return add(Op::Or, b, {gen(b, depth), gen(b, depth)});
      case 5:
        return add(Op::IsPresent, b, {gen(m_.types.optional_of(pick(all_)), depth)});
      case 6: {
        const TypeId type = one_in(4) ? m_.types.optional_of(pick(all_)) : pick(all_);
        return add(one_in(2) ? Op::Eq : Op::Ne, b, {gen(type, depth), gen(type, depth)});
      }
      case 7:
      case 8: {
        static const std::vector<TypeId> kOrdered = {TypeTable::kInt,   TypeTable::kDecimal,
                                                     TypeTable::kFloat, TypeTable::kString,
                                                     TypeTable::kTime,  TypeTable::kDuration};
        static constexpr Op kOps[] = {Op::Lt, Op::Le, Op::Gt, Op::Ge};
        const TypeId type = pick(kOrdered);
        return add(kOps[below(4)], b, {gen(type, depth), gen(type, depth)});
      }
      case 9: {
        static constexpr Op kOps[] = {Op::StartsWith, Op::EndsWith, Op::StringContains};
        return add(kOps[below(3)], b, {gen(TypeTable::kString, depth), gen(TypeTable::kString, depth)});
      }
      case 10: {
        if (one_in(2)) {
          return add(Op::Regex, b, {gen(TypeTable::kString, depth)},
                     below(static_cast<uint32_t>(m_.regexes.size())));
        }
        static const std::vector<std::string> kGlobs = {"*", "a*b", "?", "x*", "*é", "*a*b*", ""};
        return add(Op::Glob, b, {gen(one_in(3) ? enum_ : TypeTable::kString, depth)},
                   constant(text(pick(kGlobs)), TypeTable::kString));
      }
      case 11: {
        const TypeId type = pick(iterables());
        const TypeId element =
            m_.types.kind(type) == TypeKind::Map ? TypeTable::kString : m_.types.get(type).element;
        return add(Op::Has, b, {gen(type, depth), gen(element, depth)});
      }
      case 12: {
        if (one_in(3)) {
          return add(Op::IpInside, b, {gen(TypeTable::kIp, depth), gen(TypeTable::kIp, depth)});
        }
        const TypeId type = m_.types.set_of(one_in(2) ? TypeTable::kString : TypeTable::kInt);
        return add(one_in(2) ? Op::SubsetOf : Op::Intersects, b, {gen(type, depth), gen(type, depth)});
      }
      default: {
        const TypeId from = pick(iterables());
        const ExprId collection = gen(from, depth);
        return with_variable(from, [&](uint32_t local) {
          const ExprId condition = gen(b, depth);
          return add(one_in(2) ? Op::Any : Op::All, b, {collection, condition}, local);
        });
      }
    }
  }

  ExprId fact_or_call(TypeId type, int depth) {
    if (one_in(2) && !in_function_) {
      for (uint32_t i = 0; i < m_.facts.size(); i++) {
        if (m_.expr(m_.facts[i].value).type == type && one_in(2)) {
          return add(Op::Fact, type, {}, i);
        }
      }
      return {};
    }
    for (uint32_t i = 0; i < m_.functions.size(); i++) {
      if (m_.functions[i].result == type) {
        std::vector<ExprId> arguments;
        for (size_t p = 0; p < m_.functions[i].parameters.size(); p++) {
          arguments.push_back(gen(m_.functions[i].parameters[p], depth));
        }
        return add(Op::CallFn, type, arguments, i);
      }
    }
    return {};
  }

  /// A call of a built-in function with this result, generic ones with their element bound by hand.
  ExprId builtin(TypeId type, int depth) {
    const auto call = [&](value::Builtin f, const std::vector<TypeId>& parameters) {
      std::vector<ExprId> arguments;
      for (const TypeId parameter : parameters) {
        arguments.push_back(gen(parameter, depth));
      }
      return add(Op::Builtin, type, arguments, static_cast<uint32_t>(f));
    };
    using value::Builtin;
    const TypeId s = TypeTable::kString;
    const TypeId i = TypeTable::kInt;
    const TypeId d = TypeTable::kDecimal;
    const TypeId strings = m_.types.list_of(s);
    if (type == s) {
      switch (below(5)) {
        case 0:
          return call(one_in(2) ? Builtin::Lower : Builtin::Upper, {s});
        case 1:
          return call(Builtin::Trim, {s});
        case 2:
          return call(Builtin::Join, {strings, s});
        case 3:
          return call(Builtin::Replace, {s, s, s});
        default:
          return call(Builtin::Substring, {s, i, i});
      }
    }
    if (type == i) {
      switch (below(7)) {
        case 0:
          return call(Builtin::LengthText, {s});
        case 1:
          return call(Builtin::LengthMap, {m_.types.map_of(i)});
        case 2:
          return call(Builtin::AbsInt, {i});
        case 3:
          return call(one_in(2) ? Builtin::MinInt : Builtin::MaxInt, {i, i});
        case 4:
          return call(Builtin::SumInt, {m_.types.list_of(i)});
        case 5:
          return call(one_in(2) ? Builtin::Floor : Builtin::Ceil, {d});
        default:
          return call(one_in(2) ? Builtin::Hour : Builtin::Year, {TypeTable::kTime});
      }
    }
    if (type == d) {
      return one_in(2) ? call(Builtin::Round, {d, i}) : call(Builtin::SumDecimal, {m_.types.list_of(d)});
    }
    if (type == strings) {
      return one_in(2) ? call(Builtin::Split, {s, s}) : call(Builtin::Keys, {m_.types.map_of(i)});
    }
    if (type == m_.types.list_of(i)) {
      return one_in(2) ? call(Builtin::Distinct, {type}) : call(Builtin::Values, {m_.types.map_of(i)});
    }
    if (type == m_.types.optional_of(i)) {
      return one_in(2) ? call(Builtin::ToInt, {s}) : call(Builtin::First, {m_.types.list_of(i)});
    }
    if (type == m_.types.optional_of(TypeTable::kTime)) {
      return call(Builtin::ToTime, {s});
    }
    return {};
  }

  /// A call of a random function of the library with this result.
  ExprId library(TypeId type, int depth) {
    auto [found, added] = library_calls_.try_emplace(type.index);
    if (added) {
      found->second = library_calls(m_.types, type);
    }
    if (found->second.empty()) {
      return {};
    }
    const LibraryCall call = pick(found->second);
    std::vector<ExprId> arguments;
    for (const LibraryCall::Parameter& parameter : call.parameters) {
      arguments.push_back(argument(parameter, depth));
    }
    return add(Op::Builtin, type, arguments, call.builtin);
  }

  ExprId argument(const LibraryCall::Parameter& parameter, int depth) {
    static const std::vector<std::string> kZones = {"UTC", "Europe/Berlin", "America/New_York",
                                                    "Nowhere/Land"};
    switch (parameter.form) {
      case LibraryCall::Form::Pattern: {
        const auto number = Value::of_int(below(static_cast<uint32_t>(m_.regexes.size())));
        return add(Op::Const, TypeTable::kInt, {}, constant(number, TypeTable::kInt));
      }
      case LibraryCall::Form::Zone:
        return key(pick(kZones));
      case LibraryCall::Form::Value: {
        const bool known = std::find(all_.begin(), all_.end(), parameter.type) != all_.end();
        // Most numbers that mean something here are small.
        return parameter.type == TypeTable::kInt && one_in(2)
                   ? add(Op::Const, TypeTable::kInt, {}, constant(Value::of_int(below(8)), TypeTable::kInt))
               : known ? gen(parameter.type, depth)
                       : literal(parameter.type);
      }
    }
    return {};
  }

  std::vector<std::pair<uint32_t, TypeId>> locals_;
  uint32_t next_local_ = 0;
  bool in_function_ = false;

 private:
  static constexpr int kMaxDepth = 5;
  std::unordered_map<uint32_t, std::vector<LibraryCall>> library_calls_;  // by type
};

}  // namespace catalyst::differential
