#include "compiler/frontend/syntax_errors.h"

#include <algorithm>
#include <string>
#include <vector>

#include "grammar/CatalystLexer.h"
#include "grammar/CatalystParser.h"

namespace catalyst::frontend {
namespace {

using P = grammar::CatalystParser;
using L = grammar::CatalystLexer;

/// A token as it is named in a message; `type` is never the end.
std::string token_name(size_t type) {
  switch (type) {
    case L::IDENTIFIER:
      return "a name";
    case L::NUMBER:
      return "a number";
    case L::VERSION:
      return "a version";
    case L::STRING_BEGIN:
      return "a string";
    case L::STRING_END:
      return "`\"`";
    case L::TARGET:
      return "a target such as `db.*`";
    case L::INTERPOLATION_END:
      return "`}`";
    case L::ROW_END:
      return "the end of the line";
    default:
      break;
  }
  static const auto words = [] {
    const antlr4::dfa::Vocabulary& vocabulary = L(nullptr).getVocabulary();
    std::vector<std::string> names;
    for (size_t i = 0; i <= vocabulary.getMaxTokenType(); ++i) {
      names.push_back(vocabulary.getLiteralName(i));
    }
    return names;
  }();
  if (type >= words.size() || words[type].size() < 2) {
    return "something else";
  }
  return "`" + words[type].substr(1, words[type].size() - 2) + "`";
}

bool has_condition(antlr4::RuleContext* context) {
  auto* rule = dynamic_cast<P::RuleDeclContext*>(context);
  return rule != nullptr && rule->condition() != nullptr;
}

/// What a rule of the grammar is called when it was expected and did not even begin; empty: look at the rule
/// around it.
std::string rule_name(antlr4::ParserRuleContext* context) {
  auto* parent = static_cast<antlr4::RuleContext*>(context->parent);
  const size_t around = parent == nullptr ? SIZE_MAX : parent->getRuleIndex();
  switch (context->getRuleIndex()) {
    case P::RuleDeclaration:
    case P::RuleDeclared:
      return "a declaration (`pack`, `import`, `export`, `default`, `server`, `agent`, `enum`, `record`, "
             "`list`, `fact`, `fn`, `rule`, `decision`, `route`, `fixture`, `property`, `test`)";
    case P::RuleExpression:
      return around == P::RuleCondition ? "a condition after `when`" : "an expression";
    case P::RuleOperand:
      return "an expression";
    case P::RuleEffect:
      return std::string(has_condition(parent) ? "an effect" : "`when` or an effect") +
             " (`allow`, `deny`, `hide`, `set`, `redact`, `audit`, `tag`, `limit`, `require`, ...)" +
             (has_condition(parent) ? " after the condition" : "");
    case P::RuleExpectation:
    case P::RuleVerdict:
      return "an expectation (`allow`, `deny`, `hidden`, `listed`, `set`, `redacted`, `audit`, `tag`, "
             "`limit`, `require`, `emit`, `start`, `route`, `label`, `error`, `message`, `describe`)";
    case P::RuleType:
      return "a type";
    case P::RuleHook:
      return "a hook (`call`, `result`, `list tools`, `read`, `prompt`, ...)";
    case P::RulePlace:
      return "a path such as `call.args.name`";
    case P::RuleAnnotationValue:
      return "a text, a date such as `2027-01-01`, or a share such as `5% by principal.id`";
    case P::RuleString:
      return "a string";
    case P::RuleName:
    case P::RuleAnyName:
      return "a name";
    case P::RuleKey:
      return "a name or a string";
    case P::RuleVersion:
      return "a version such as `1.0.0`";
    case P::RuleTargets:
    case P::RuleTarget:
      return around == P::RuleRouteDecl || around == P::RuleTargets ? "a target such as `db.*`" : "";
    case P::RuleRouteTarget:
      return "a server";
    case P::RuleRouteClause:
      return "a clause of the route (`to`, `prefer`, `balance`, `timeout`, `retry`, `breaker`, `hedge`, "
             "`cache`, `shadow`, `repeatable`)";
    case P::RuleTestWhen:
      return "`given`, `when` or `expect`";
    case P::RuleTestThen:
      return "`then`";
    case P::RuleDecisionRule:
      return "a rule or `otherwise`";
    case P::RuleDecisionRules:
      return "`{` and rules, or `= table`";
    case P::RuleTableRow:
      return "a row";
    case P::RuleCell:
    case P::RuleCellTest:
      return "a cell (a value, `>= 1`, `1..5`, `any` ...)";
    case P::RuleCellValue:
      return "a value";
    default:
      return {};
  }
}

/// What could have followed the whole declaration that was read.
std::string after_declaration(antlr4::ParserRuleContext* segment) {
  auto* context = dynamic_cast<P::SegmentContext*>(segment);
  P::DeclaredContext* declaration =
      context == nullptr || context->declaration() == nullptr ? nullptr : context->declaration()->declared();
  if (declaration == nullptr) {
    return "the next declaration";
  }
  if (declaration->ruleDecl() != nullptr) {
    return "another effect or the next declaration";
  }
  if (declaration->routeDecl() != nullptr) {
    return "a clause of the route (`to`, `prefer`, `balance`, `timeout`, `retry`, ...) or the next "
           "declaration";
  }
  if (declaration->factDecl() != nullptr || declaration->fnDecl() != nullptr ||
      declaration->listDecl() != nullptr) {
    return "an operator or the next declaration";
  }
  return "the next declaration";
}

/// In a list the closing bracket is one of two things that could have stood there.
std::string closing_of(size_t rule, const std::string& bracket) {
  switch (rule) {
    case P::RuleRecordLiteral:
    case P::RuleListLiteral:
    case P::RuleEnumDecl:
    case P::RuleFnDecl:
    case P::RuleDecisionDecl:
    case P::RulePostfix:
      return "`,` or " + bracket;
    case P::RuleRecordDecl:
      return "a field or " + bracket;
    case P::RuleDecisionRules:
      return "a rule, `otherwise` or " + bracket;
    case P::RuleTable:
    case P::RuleCases:
      return "a row or " + bracket;
    case P::RuleTestDecl:
      return "`then` or " + bracket;
    case P::RulePrimary:
    case P::RulePathStep:
      return "an operator or " + bracket;
    default:
      return bracket;
  }
}

std::string expected_tokens(const std::vector<size_t>& types, size_t rule) {
  constexpr size_t kMost = 6;
  const auto has = [&types](size_t type) {
    return std::find(types.begin(), types.end(), type) != types.end();
  };
  if (has(L::TRUE) && has(L::NUMBER)) {
    return "an expression";
  }
  if (has(L::IDENTIFIER) && has(L::PACK)) {
    return "a name";
  }
  if (types.size() == 1) {
    const std::string name = token_name(types[0]);
    const bool closes =
        types[0] == L::RIGHT_BRACE || types[0] == L::RIGHT_BRACKET || types[0] == L::RIGHT_PAREN;
    return closes ? closing_of(rule, name) : name;
  }
  std::string out;
  for (size_t i = 0; i < types.size() && i < kMost; ++i) {
    out += i == 0 ? "" : i + 1 == types.size() ? " or " : ", ";
    out += token_name(types[i]);
  }
  return out.empty() ? "something else" : out;
}

std::vector<size_t> expected_types(antlr4::Parser* parser) {
  std::vector<size_t> types;
  for (const ssize_t type : parser->getExpectedTokens().toList()) {
    if (type > 0) {
      types.push_back(static_cast<size_t>(type));
    }
  }
  return types;
}

/// Behind a comma that could be the last thing in a list.
std::string after_comma(size_t rule) {
  switch (rule) {
    case P::RuleRecordLiteral:
      return "a field or `}`";
    case P::RuleEnumDecl:
      return "a name or `}`";
    case P::RuleFnDecl:
    case P::RuleDecisionDecl:
      return "a parameter or `)`";
    case P::RulePostfix:
      return "an expression or `)`";
    default:
      return "an expression or `]`";
  }
}

/// `looked_ahead`: the token in front of the offending one, a comma, could not be placed without it.
std::string describe_expected(antlr4::ParserRuleContext* context, antlr4::Token* offending, bool looked_ahead,
                              const std::vector<size_t>& types) {
  if (looked_ahead &&
      (context->getRuleIndex() == P::RuleDeclaration || context->getRuleIndex() == P::RuleDeclared)) {
    return "what can be exported (`enum`, `record`, `list`, `fact`, `fn`, `decision`)";
  }
  if (looked_ahead) {
    return after_comma(context->getRuleIndex());
  }
  std::string expected;
  for (antlr4::ParserRuleContext* at = context; at != nullptr && at->start == offending;
       at = dynamic_cast<antlr4::ParserRuleContext*>(at->parent)) {
    const std::string name = rule_name(at);
    expected = name.empty() ? expected : name;
  }
  if (!expected.empty()) {
    return expected;
  }
  return context->getRuleIndex() == P::RuleSegment ? after_declaration(context)
                                                   : expected_tokens(types, context->getRuleIndex());
}

const std::vector<size_t> kRouteClauses = {L::TO,      L::PREFER, L::BALANCE, L::TIMEOUT, L::RETRY,
                                           L::BREAKER, L::HEDGE,  L::CACHE,   L::SHADOW,  L::REPEATABLE};

/// Whatever follows a whole route may be meant as its next clause.
bool ends_route(antlr4::ParserRuleContext* context) {
  auto* segment = dynamic_cast<P::SegmentContext*>(context);
  P::DeclarationContext* declaration = segment == nullptr ? nullptr : segment->declaration();
  return declaration != nullptr && declaration->declared() != nullptr &&
         declaration->declared()->routeDecl() != nullptr;
}

bool expects_name(antlr4::ParserRuleContext* context) {
  return context->getRuleIndex() == P::RuleName || context->getRuleIndex() == P::RuleAnyName;
}

}  // namespace

antlr4::Token* SyntaxErrors::recoverInline(antlr4::Parser* parser) {
  throw antlr4::InputMismatchException(parser);
}

void SyntaxErrors::reportError(antlr4::Parser* parser, const antlr4::RecognitionException& error) {
  if (failed_) {
    return;
  }
  failed_ = true;
  if (silent_) {
    return;
  }
  antlr4::Token* offending = error.getOffendingToken();
  antlr4::ParserRuleContext* context = parser->getContext();
  const std::vector<size_t> types = ends_route(context) ? kRouteClauses : expected_types(parser);

  const std::string expected = describe_expected(context, offending, offending != window_.LT(1), types);
  if (offending->getType() == antlr4::Token::EOF) {
    // Right behind the last token of the declaration: what is missing is missing there, not where the next
    // one begins.
    const uint32_t at = list_.tokens[window_.last() - 1].end();
    const bool more = window_.last() < list_.tokens.size();
    sink_.report(diagnostics::Kind::UnexpectedToken, {file_, at, at},
                 {expected, more ? "the next declaration" : "the end of the file"});
    return;
  }
  const auto* found_token = static_cast<const Token*>(offending);
  const source::Span span{file_, found_token->begin(), found_token->end()};
  const std::string word(sources_.text(span));
  const size_t type = offending->getType();
  const bool keyword = type >= L::PACK && type <= L::MAP;
  std::string found = "`" + word + "`";
  if (type == L::ROW_END) {
    found = "the end of the line";
  } else if (type == L::STRING_BEGIN || type == L::TEXT) {
    found = "a string";
  } else if (keyword && expects_name(context)) {
    found = "the keyword " + found;
  }
  diagnostics::Diagnostic& report = sink_.report(diagnostics::Kind::UnexpectedToken, span, {expected, found});
  if (type == L::ASSIGN && expected != "`:`") {
    report.fixes.push_back({span, "==", "to compare, write `==`"});
  }
  if (type != L::IDENTIFIER) {
    return;
  }
  std::vector<std::string> words;
  for (const size_t t : types) {
    if (t >= L::PACK && t <= L::MAP) {
      const std::string name = token_name(t);
      words.push_back(name.substr(1, name.size() - 2));
    }
  }
  const std::string_view near = diagnostics::did_you_mean(word, {words.begin(), words.end()});
  if (!near.empty()) {
    report.fixes.push_back({span, std::string(near), "did you mean `" + std::string(near) + "`?"});
  }
}

}  // namespace catalyst::frontend
