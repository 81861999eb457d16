#pragma once

#include <string>

#include "compiler/ast/ast.h"
#include "compiler/frontend/layout.h"

namespace catalyst::frontend {

/// `NAME(a: int) -> int`, of a function or a decision.
std::string flat_signature(const ast::FnDecl& decl);
/// What an expectation says in front of its value and `by`: `set call.args.x`, `deny`; "" when it is a value
/// alone.
std::string expectation_head(const ast::TestExpectation& expectation);

/// A decision without its last line end; the columns of its rules and tables stand one below the other.
void format_decision(Layout& layout, const ast::DecisionDecl& decl);
/// `cases { ... }`, columns aligned.
void format_cases(Layout& layout, const ast::TestDecl& test);

}  // namespace catalyst::frontend
