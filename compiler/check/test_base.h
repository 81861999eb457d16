#pragma once

#include <optional>
#include <string>

#include "compiler/check/pack.h"
#include "compiler/check/scope.h"

namespace catalyst::check {

/// One run of a test block: all of it, or with one row of its cases. Everything in it is constant, so its
/// data leave as JSON texts. What tests of hooks and of decisions share.
class TestBase {
 public:
  TestBase(Pack& pack, const ast::TestDecl& test, const CaseNames& cases);

 protected:
  /// The cell that stands under a name of a case; nullptr when it is no such name.
  const ast::TestExpectation* cell(std::string_view name) const;
  /// `then outcome` and `by rule`, with what the case at hand says.
  ast::TestExpectation resolved(const ast::TestExpectation& expected) const;
  /// The value of a constant expression; nullptr after a diagnostic.
  const value::Value* constant(const ast::Expr& expr, TypeId type);
  std::optional<std::string> json(const ast::Expr& expr, TypeId type);
  bool text(const ast::Expr& expr, TypeId type, std::string& out);
  bool check_error(const ast::Name& name, ir::TestExpectation& out);

  Pack& pack_;
  const ast::TestDecl& test_;
  const CaseNames& cases_;
  Scope scope_;
  ir::Test out_;
};

}  // namespace catalyst::check
