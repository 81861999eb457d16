#pragma once

#include "compiler/check/pack.h"

namespace catalyst::check {

/// Reads the annotations of a rule into `out`.
void check_annotations(Pack& pack, const ast::RuleDecl& rule, ir::Rule& out);

/// Of what is no rule: `@deprecated` alone, where others can use it.
void check_annotations(Pack& pack, const ast::Decl& decl);

/// The condition of `rule` with what `@expires` and `@rollout` add: true only before the date, and for the
/// share of keys. `scope` is the rule's.
ir::ExprId annotated_condition(Pack& pack, const ast::RuleDecl& rule, Scope& scope, ir::ExprId condition);

}  // namespace catalyst::check
