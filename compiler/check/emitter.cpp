#include "compiler/check/emitter.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace catalyst::check {
namespace {

using types::TypeKind;
using types::TypeTable;
using value::Kind;
using value::Value;

void append_number(std::string& key, uint64_t number) {
  for (int i = 0; i < 8; ++i) {
    key += static_cast<char>(number >> (8 * i));
  }
}

void append_text(std::string& key, std::string_view text) {
  append_number(key, text.size());
  key += text;
}

uint32_t intern(std::unordered_map<std::string, uint32_t>& table, std::string key, size_t next) {
  return table.try_emplace(std::move(key), static_cast<uint32_t>(next)).first->second;
}

/// A text that is equal for equal values of one type. Collections inside a collection are constants of the
/// module, where equal ones share their memory: their address stands for them, so that a key never grows with
/// what is nested.
void append_value_key(std::string& key, const Value& value, bool nested) {
  key += static_cast<char>(value.kind);
  key += static_cast<char>(value.scale);
  switch (value.kind) {
    case Kind::Absent:
    case Kind::Invalid:
      return;
    case Kind::Bool:
    case Kind::Int:
    case Kind::Float:
    case Kind::Time:
    case Kind::Duration:
      append_number(key, value.a.low);
      return;
    case Kind::Decimal:
    case Kind::Ip:
      append_number(key, value.a.low);
      append_number(key, value.b.high);
      return;
    case Kind::String:
    case Kind::Bytes:
      append_text(key, value.text());
      return;
    case Kind::List:
    case Kind::Map:
      append_number(key, value.length);
      if (nested) {
        append_number(key, value.a.low);
        return;
      }
      for (uint32_t i = 0; i < value.length; ++i) {
        if (value.kind == Kind::Map) {
          append_text(key, value.a.entries[i].key);
        }
        append_value_key(key, value.kind == Kind::Map ? value.a.entries[i].value : value.a.items[i], true);
      }
      return;
  }
}

}  // namespace

Value Emitter::copy(const Value& value) {
  // The arena's limit is far above what sources within their limits can hold.
  const auto owned = [](const void* memory) {
    CHECK(memory != nullptr, "constants of a bounded source fit into the arena");
  };
  Value out = value;
  if (value.length == 0) {
    return out;
  }
  if (value.kind == Kind::String || value.kind == Kind::Bytes) {
    out.a.text = module_.const_arena.copy(value.text()).data();
    owned(out.a.text);
  } else if (value.kind == Kind::List) {
    auto* items = module_.const_arena.alloc_array<Value>(value.length);
    owned(items);
    std::copy_n(value.a.items, value.length, items);
    out.a.items = items;
  } else if (value.kind == Kind::Map) {
    auto* entries = module_.const_arena.alloc_array<value::Entry>(value.length);
    owned(entries);
    std::copy_n(value.a.entries, value.length, entries);
    out.a.entries = entries;
  }
  return out;
}

ir::ConstId Emitter::constant_id(const Value& value, TypeId type) {
  std::string key;
  append_number(key, type.index);
  append_value_key(key, value, false);
  const uint32_t id = intern(constants_, std::move(key), module_.consts.size());
  if (id == module_.consts.size()) {
    module_.consts.push_back(copy(value));
    module_.const_types.push_back(type);
  }
  return ir::ConstId(id);
}

ExprId Emitter::constant(const Value& value, TypeId type, Span span) {
  return append(Op::Const, type, span, {}, constant_id(value, type).index);
}

ExprId Emitter::constant(ir::ConstId id, Span span) {
  return append(Op::Const, module_.const_types[id.index], span, {}, id.index);
}

ExprId Emitter::slot(abi::InputRoot root, std::vector<std::string> path, TypeId type, Span span) {
  std::string key(1, static_cast<char>(root));
  append_number(key, type.index);
  for (const std::string& step : path) {
    append_text(key, step);
  }
  const uint32_t id = intern(slots_, std::move(key), module_.slots.size());
  if (id == module_.slots.size()) {
    module_.slots.push_back({root, std::move(path), type});
  }
  return append(Op::Slot, type, span, {}, id);
}

uint32_t Emitter::regex(const std::string& pattern) {
  const uint32_t id = intern(regexes_, pattern, module_.regexes.size());
  if (id == module_.regexes.size()) {
    module_.regexes.push_back(pattern);
  }
  return id;
}

uint32_t Emitter::redaction(const ir::Redaction& redaction) {
  const uint32_t id = intern(redactions_, redaction.name, module_.redactions.size());
  if (id == module_.redactions.size()) {
    module_.redactions.push_back(redaction);
  }
  return id;
}

ir::TargetId Emitter::target(std::vector<ir::TargetPattern> patterns) {
  std::string key;
  for (const ir::TargetPattern& pattern : patterns) {
    append_text(key, pattern.server);
    append_text(key, pattern.tool);
  }
  const uint32_t id = intern(targets_, std::move(key), module_.targets.size());
  if (id == module_.targets.size()) {
    module_.targets.push_back({std::move(patterns)});
  }
  return ir::TargetId(id);
}

const Value* Emitter::constant_value(ExprId id) const {
  const ir::Expr& expr = module_.expr(id);
  return expr.op == Op::Const ? &module_.consts[expr.payload] : nullptr;
}

ExprId Emitter::append(Op op, TypeId type, Span span, std::span<const ExprId> operands, uint32_t payload) {
  ir::Expr expr;
  expr.op = op;
  expr.type = type;
  expr.payload = payload;
  expr.operands_begin = static_cast<uint32_t>(module_.operands.size());
  expr.operand_count = static_cast<uint32_t>(operands.size());
  module_.operands.insert(module_.operands.end(), operands.begin(), operands.end());
  module_.exprs.push_back(expr);
  module_.expr_spans.push_back(span);
  return ExprId(module_.exprs.size() - 1);
}

ExprId Emitter::emit(Op op, TypeId type, Span span, std::span<const ExprId> operands, uint32_t payload) {
  const bool makes = op == Op::MakeList || op == Op::MakeMap;
  if ((makes || !operands.empty()) && type != TypeTable::kError) {
    const ExprId folded = fold(op, type, span, operands);
    if (folded.valid()) {
      return folded;
    }
  }
  return append(op, type, span, operands, payload);
}

ExprId Emitter::fold(Op op, TypeId type, Span span, std::span<const ExprId> operands) {
  if (op == Op::Not || op == Op::And || op == Op::Or || op == Op::If) {
    return fold_truth(op, type, span, operands);
  }
  if (op == Op::MakeList || op == Op::MakeMap) {
    return fold_collection(op, type, span, operands);
  }
  const Value* first = constant_value(operands[0]);
  if (first == nullptr) {
    return {};
  }
  if (op == Op::Some || (op == Op::Unwrap && !first->is_absent())) {
    return constant(*first, type, span);
  }
  if (op == Op::IsPresent) {
    return boolean(!first->is_absent(), span);
  }
  return fold_values(op, type, span, operands);
}

ExprId Emitter::fold_truth(Op op, TypeId type, Span span, std::span<const ExprId> operands) {
  const Value* left = constant_value(operands[0]);
  if (op == Op::Not) {
    return left == nullptr ? ExprId() : boolean(!left->a.boolean, span);
  }
  if (op == Op::If) {
    return left == nullptr ? ExprId() : operands[left->a.boolean ? 1 : 2];
  }
  // Kleene: the deciding constant decides on either side, whatever the other side would do; the neutral one
  // falls away.
  const bool deciding = op == Op::Or;
  const Value* right = constant_value(operands[1]);
  if ((left != nullptr && left->a.boolean == deciding) ||
      (right != nullptr && right->a.boolean == deciding)) {
    return boolean(deciding, span);
  }
  if (left != nullptr) {
    return operands[1];
  }
  return right != nullptr ? operands[0] : ExprId();
}

ExprId Emitter::fold_collection(Op op, TypeId type, Span span, std::span<const ExprId> operands) {
  std::vector<Value> values;
  for (const ExprId operand : operands) {
    const Value* value = constant_value(operand);
    if (value == nullptr) {
      return {};
    }
    values.push_back(*value);
  }
  if (op == Op::MakeMap) {
    std::vector<value::Entry> entries;
    for (size_t i = 0; i + 1 < values.size(); i += 2) {
      entries.push_back({values[i].text(), values[i + 1]});
    }
    return constant(Value::of_map(entries.data(), static_cast<uint32_t>(entries.size())), type, span);
  }
  if (module_.types.kind(type) == TypeKind::Set) {
    // One static type: equal values have equal texts.
    std::unordered_map<std::string, bool> seen;
    std::erase_if(values, [&](const Value& value) {
      std::string key;
      append_value_key(key, value, true);
      return !seen.try_emplace(std::move(key), true).second;
    });
  }
  return constant(Value::of_list(values.data(), static_cast<uint32_t>(values.size())), type, span);
}

}  // namespace catalyst::check
