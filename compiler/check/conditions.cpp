#include "compiler/check/conditions.h"

#include <utility>

#include "compiler/check/decisions.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify_decisions.h"

namespace catalyst::check {

using types::TypeKind;
using types::TypeTable;
using Kind = ir::TableTest::Kind;

namespace {

Op mirrored(Op op) {
  switch (op) {
    case Op::Lt:
      return Op::Gt;
    case Op::Le:
      return Op::Ge;
    case Op::Gt:
      return Op::Lt;
    case Op::Ge:
      return Op::Le;
    default:
      return op;
  }
}

ir::TableTest half_line(Op op, ir::ConstId bound) {
  ir::TableTest out;
  if (op == Op::Lt || op == Op::Le) {
    out.high = bound;
    out.high_included = op == Op::Le;
  } else {
    out.low = bound;
    out.low_included = op == Op::Ge;
  }
  return out;
}

}  // namespace

uint32_t Conditions::subject(ExprId id) {
  const auto [found, added] =
      known_.try_emplace(ir::print(pack_.module, id), static_cast<uint32_t>(types_.size()));
  if (added) {
    types_.push_back(pack_.module.expr(id).type);
    texts_.push_back(pack_.quote(pack_.module.expr_spans[id.index]));
  }
  return found->second;
}

/// Comparison of something with a constant.
bool Conditions::compare(const ir::Expr& e, ir::TableCell& cell, ExprId& subject) {
  Op op = e.op;
  subject = pack_.module.operand(e, 0);
  const value::Value* bound = pack_.emitter.constant_value(pack_.module.operand(e, 1));
  if (bound == nullptr) {
    op = mirrored(op);
    subject = pack_.module.operand(e, 1);
    bound = pack_.emitter.constant_value(pack_.module.operand(e, 0));
  }
  const TypeId type = pack_.module.expr(subject).type;
  if (bound == nullptr || !ir::is_column(pack_.types.kind(type))) {
    return false;
  }
  const bool equality = op == Op::Eq || op == Op::Ne;
  cell.negated = op == Op::Ne;
  cell.tests.push_back(equality ? is_test(pack_, *bound, type)
                                : half_line(op, pack_.emitter.constant_id(*bound, type)));
  return true;
}

/// What one test says about its subject; false when it is none of these forms.
bool Conditions::test(const ir::Expr& e, ir::TableCell& cell, ExprId& subject) {
  const auto text_test = [&](Kind kind) {
    subject = pack_.module.operand(e, 0);
    const value::Value* text = pack_.emitter.constant_value(pack_.module.operand(e, 1));
    if (text == nullptr || pack_.module.expr(subject).type != TypeTable::kString) {
      return false;
    }
    cell.tests.push_back({kind, pack_.emitter.constant_id(*text, TypeTable::kString), {}, true, true});
    return true;
  };
  switch (e.op) {
    case Op::Eq:
    case Op::Ne:
    case Op::Lt:
    case Op::Le:
    case Op::Gt:
    case Op::Ge:
      return compare(e, cell, subject);
    case Op::StartsWith:
      return text_test(Kind::Prefix);
    case Op::EndsWith:
      return text_test(Kind::Suffix);
    case Op::StringContains:
      return text_test(Kind::Contains);
    case Op::Glob:
      subject = pack_.module.operand(e, 0);
      cell.tests.push_back({Kind::Glob, ir::ConstId(e.payload), {}, true, true});
      return pack_.module.expr(subject).type == TypeTable::kString;
    case Op::Has: {
      const value::Value* list = pack_.emitter.constant_value(pack_.module.operand(e, 0));
      subject = pack_.module.operand(e, 1);
      const TypeId type = pack_.module.expr(subject).type;
      if (list == nullptr || list->kind != value::Kind::List || type == TypeTable::kIp ||
          !ir::is_column(pack_.types.kind(type))) {
        return false;
      }
      for (uint32_t i = 0; i < list->length; ++i) {
        cell.tests.push_back(is_test(pack_, list->a.items[i], type));
      }
      return true;
    }
    default:
      return false;
  }
}

bool Conditions::both(ExprId a, bool a_truth, ExprId b, bool b_truth, std::vector<Box>& out) {
  std::vector<Box> left;
  std::vector<Box> right;
  if (!expand(a, a_truth, left) || !expand(b, b_truth, right) ||
      out.size() + left.size() * right.size() > kMaxBoxesOfOne) {
    return false;
  }
  for (const Box& x : left) {
    for (const Box& y : right) {
      Box& joined = out.emplace_back(x);
      for (const auto& [column, cells] : y) {
        joined[column].insert(joined[column].end(), cells.begin(), cells.end());
      }
    }
  }
  return true;
}

/// Recursion is bounded by the depth of checked expressions.
bool Conditions::expand(ExprId id, bool truth, std::vector<Box>& out) {
  const ir::Expr e = pack_.module.expr(id);
  const auto operand = [&](uint32_t i) { return pack_.module.operand(e, i); };
  switch (e.op) {
    case Op::Not:
      return expand(operand(0), !truth, out);
    case Op::And:
    case Op::Or:
      if ((e.op == Op::And) == truth) {
        return both(operand(0), truth, operand(1), truth, out);
      }
      return expand(operand(0), truth, out) && expand(operand(1), truth, out);
    case Op::If:
      return both(operand(0), true, operand(1), truth, out) &&
             both(operand(0), false, operand(2), truth, out);
    case Op::Const:
      if ((pack_.emitter.constant_value(id)->a.integer != 0) == truth) {
        out.emplace_back();
      }
      return out.size() <= kMaxBoxesOfOne;
    default:
      break;
  }
  ir::TableCell cell;
  ExprId about;
  if (e.op == Op::IsPresent &&
      ir::is_column(pack_.types.kind(pack_.types.strip_optional(pack_.module.expr(operand(0)).type)))) {
    about = operand(0);
    cell.absent = !truth;
    cell.negated = truth;
  } else if (test(e, cell, about)) {
    cell.negated = cell.negated != !truth;
    if (pack_.module.expr(about).op == Op::Unwrap) {
      about = pack_.module.operand(pack_.module.expr(about), 0);
    }
  } else {
    about = id;
    cell = {};
    cell.tests.push_back(is_test(pack_, value::Value::of_bool(truth), TypeTable::kBool));
  }
  out.emplace_back()[subject(about)].push_back(std::move(cell));
  return out.size() <= kMaxBoxesOfOne;
}

bool Conditions::add(ExprId condition) {
  std::vector<Box> boxes;
  const bool fits = expand(condition, true, boxes) && boxes_.size() + boxes.size() <= kMaxBoxes;
  std::vector<size_t>& indexes = conditions_.emplace_back();
  if (!fits) {
    return false;
  }
  for (Box& box : boxes) {
    indexes.push_back(boxes_.size());
    boxes_.push_back(std::move(box));
  }
  return true;
}

std::optional<Cover> Conditions::cover() const {
  std::vector<Cover::Column> columns(types_.size());
  for (uint32_t i = 0; i < types_.size(); ++i) {
    Cover::Column& column = columns[i];
    column.type = types_[i];
    column.sets.emplace_back();  // nothing asked
    for (const Box& box : boxes_) {
      const auto asked = box.find(i);
      column.boxes.push_back(asked == box.end() ? 0 : static_cast<uint32_t>(column.sets.size()));
      if (asked != box.end()) {
        auto& set = column.sets.emplace_back();
        for (const ir::TableCell& cell : asked->second) {
          set.push_back(&cell);
        }
      }
    }
  }
  return Cover::make(pack_.module, columns, boxes_.size());
}

}  // namespace catalyst::check
