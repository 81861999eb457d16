#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/ir/ir.h"

namespace catalyst::check {

using ir::ExprId;
using ir::Op;
using source::Span;
using types::TypeId;

/// Writes expressions into a module: constants, slots, patterns and targets once each, operations on
/// constants computed. Not thread-safe; one per module while it is built.
class Emitter {
 public:
  /// A computation on constants that fails every time.
  struct Failure {
    Span span;
    value::Status status;
  };

  explicit Emitter(ir::Module& module) : module_(module) {}

  /// Appends an expression. Operands must have been emitted before; an operation whose operands are constants
  /// becomes its result.
  ExprId emit(Op op, TypeId type, Span span, std::span<const ExprId> operands, uint32_t payload = 0);
  ExprId emit(Op op, TypeId type, Span span, std::initializer_list<ExprId> operands = {},
              uint32_t payload = 0) {
    return emit(op, type, span, std::span(operands.begin(), operands.size()), payload);
  }

  ExprId constant(const value::Value& value, TypeId type, Span span);
  ExprId string(std::string_view text, TypeId type, Span span) {
    return constant(value::Value::of_string(text), type, span);
  }
  ExprId boolean(bool truth, Span span) {
    return constant(value::Value::of_bool(truth), types::TypeTable::kBool, span);
  }
  /// Copies `value` into the module; the elements of a collection must be constants of the module already.
  /// Equal constants of one type share an id.
  ir::ConstId constant_id(const value::Value& value, TypeId type);
  /// A constant that is in the module.
  ExprId constant(ir::ConstId id, Span span);
  ExprId slot(abi::InputRoot root, std::vector<std::string> path, TypeId type, Span span);
  uint32_t regex(const std::string& pattern);
  uint32_t redaction(const ir::Redaction& redaction);
  ir::TargetId target(std::vector<ir::TargetPattern> patterns);

  /// nullptr unless the expression is a constant.
  [[nodiscard]] const value::Value* constant_value(ExprId id) const;
  [[nodiscard]] const std::vector<Failure>& failures() const { return failures_; }

 private:
  ExprId append(Op op, TypeId type, Span span, std::span<const ExprId> operands, uint32_t payload);
  /// Invalid when the operation stays.
  ExprId fold(Op op, TypeId type, Span span, std::span<const ExprId> operands);
  ExprId fold_truth(Op op, TypeId type, Span span, std::span<const ExprId> operands);
  ExprId fold_collection(Op op, TypeId type, Span span, std::span<const ExprId> operands);
  ExprId fold_values(Op op, TypeId type, Span span, std::span<const ExprId> operands);
  value::Value copy(const value::Value& value);

  ir::Module& module_;
  std::unordered_map<std::string, uint32_t> constants_;
  std::unordered_map<std::string, uint32_t> slots_;
  std::unordered_map<std::string, uint32_t> regexes_;
  std::unordered_map<std::string, uint32_t> redactions_;
  std::unordered_map<std::string, uint32_t> targets_;
  std::vector<Failure> failures_;
  uint64_t folded_elements_ = 0;  // in results of set operations on constants
};

}  // namespace catalyst::check
