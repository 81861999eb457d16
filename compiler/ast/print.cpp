#include "compiler/ast/print.h"

#include <cstdio>

namespace catalyst::ast {
namespace {

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string optional(const Expr* expr) { return expr == nullptr ? "-" : print(*expr); }

std::string print_string(const StringExpr& s) {
  if (s.is_plain()) {
    return quote(s.plain());
  }
  std::string out = "(text";
  for (const StringPart& part : s.parts) {
    out += " " + (part.value == nullptr ? quote(part.text) : print(*part.value));
  }
  return out + ")";
}

std::string print_variables(const Name& a, const Name& b) {
  return b.text.empty() ? a.text : a.text + ", " + b.text;
}

std::string print_target(const TargetPattern& target) {
  return quote(target.server) + "." + quote(target.tool);
}

class Printer {
 public:
  void declaration(const Decl& decl);
  std::string take() { return std::move(out_); }

 private:
  void line(std::string text) { out_ += text + "\n"; }
  void rule(const RuleDecl& rule);
  void effect(const Effect& effect);
  void decision(const DecisionDecl& decision);
  void route(const RouteDecl& route);
  void table(const DecisionDecl& decision);
  void test(const TestDecl& test);
  void expectation(const TestExpectation& expectation);

  std::string out_;
};

void Printer::effect(const Effect& effect) {
  std::string text = "  " + std::string(effect_text(effect.kind));
  switch (effect.kind) {
    case EffectKind::Allow:
    case EffectKind::Deny:
      text += effect.message == nullptr ? "" : " " + print(*effect.message);
      break;
    case EffectKind::Hide:
      for (const TargetPattern& pattern : effect.patterns) {
        text += " " + print_target(pattern);
      }
      break;
    case EffectKind::Describe:
      text += " " + optional(effect.message);
      break;
    case EffectKind::Set:
      text += " " + optional(effect.path) + " = " + optional(effect.value);
      break;
    case EffectKind::Redact:
      for (const Expr* pattern : effect.redactions) {
        text += " " + print(*pattern);
      }
      text += " in " + optional(effect.path);
      break;
    case EffectKind::Audit:
      text += effect.level.text.empty() ? "" : " " + effect.level.text;
      break;
    case EffectKind::Tag:
      text += " " + quote(effect.tag.text) + (effect.value == nullptr ? "" : " = " + print(*effect.value));
      break;
    case EffectKind::Limit:
      text += " " + optional(effect.count) + " per " + optional(effect.duration) + " by " +
              optional(effect.value) + " burst " + optional(effect.burst);
      break;
    case EffectKind::Require:
      text +=
          " " + effect.tag.text + " role " + quote(effect.role.text) + " within " + optional(effect.duration);
      break;
    case EffectKind::Emit:
      text += " " + quote(effect.tag.text) + " " + optional(effect.value);
      break;
    case EffectKind::Start:
      text += " " + effect.tag.text;
      for (const Expr* each : effect.arguments) {
        text += " " + print(*each);
      }
      break;
    case EffectKind::Route:
    case EffectKind::Label:
      text += " " + effect.tag.text;
      break;
  }
  line(text);
}

void Printer::rule(const RuleDecl& rule) {
  line("rule " + rule.name.text);
  std::string on = "  on " + rule.hook.text;
  for (const TargetPattern& target : rule.targets) {
    on += " " + print_target(target);
  }
  line(on);
  if (rule.condition != nullptr) {
    line("  when " + print(*rule.condition));
  }
  if (!rule.on_error.text.empty()) {
    line("  on error " + rule.on_error.text);
  }
  for (const Effect& each : rule.effects) {
    effect(each);
  }
}

std::string print_signature(const FnDecl& fn) {
  std::string text = fn.name.text + "(";
  for (const Parameter& parameter : fn.parameters) {
    text += (text.back() == '(' ? "" : ", ") + parameter.name.text + ": " + print(*parameter.type);
  }
  return text + ") -> " + print(*fn.result);
}

std::string print_cell(const Cell& cell) {
  std::string out = cell.negated ? "(not" : "(";
  for (const CellTest& test : cell.tests) {
    static constexpr const char* kNames[] = {
#define CELL_TEST(name, text) #name,
#include "compiler/ast/cell_test.def"
#undef CELL_TEST
    };
    out += (out.size() == 1 ? "" : " ") + std::string(kNames[static_cast<size_t>(test.kind)]);
    out += test.value == nullptr ? "" : " " + print(*test.value);
    out += test.high == nullptr ? "" : " " + print(*test.high);
  }
  return out + ")";
}

void Printer::table(const DecisionDecl& decision) {
  std::string head = "  table " + decision.policy.text;
  for (const Expr* header : decision.headers) {
    head += " " + print(*header);
  }
  line(head);
  for (const TableRow& row : decision.rows) {
    std::string text = "  row";
    text += row.label.text.empty() ? "" : " " + row.label.text + ":";
    for (const Cell& cell : row.cells) {
      text += " " + print_cell(cell);
    }
    text += " => " + optional(row.value);
    line(text + (row.priority == nullptr ? "" : " priority " + print(*row.priority)));
  }
}

void Printer::decision(const DecisionDecl& decision) {
  line("decision " + print_signature(decision));
  if (decision.is_table) {
    table(decision);
  }
  for (const DecisionRule& rule : decision.rules) {
    line("  rule " + rule.name.text + " when " + optional(rule.condition) + " => " + optional(rule.value));
  }
  if (decision.otherwise != nullptr) {
    line("  otherwise => " + print(*decision.otherwise));
  }
}

void Printer::route(const RouteDecl& route) {
  line("route " + route.name.text);
  std::string calls = "  for call";
  for (const TargetPattern& target : route.targets) {
    calls += " " + print_target(target);
  }
  line(calls);
  for (const RouteClause& clause : route.clauses) {
    std::string text = "  " + std::string(route_clause_text(clause.kind));
    for (const RouteTarget& target : clause.targets) {
      text += " " + quote(target.server.text) + (target.weight == nullptr ? "" : " " + print(*target.weight));
    }
    text += clause.server.text.empty() ? "" : " " + quote(clause.server.text);
    text += clause.word.text.empty() ? "" : " " + clause.word.text;
    for (const Expr* each : {clause.count, clause.duration, clause.longest, clause.value}) {
      text += each == nullptr ? "" : " " + print(*each);
    }
    for (const Name& cause : clause.causes) {
      text += " " + cause.text;
    }
    text += clause.shared ? " shared" : "";
    for (const Expr* part : clause.key) {
      text += " " + print(*part);
    }
    line(text);
  }
}

void Printer::expectation(const TestExpectation& expectation) {
  std::string text = std::string("  then ") + (expectation.negated ? "not " : "") + expectation.what.text;
  text += expectation.path == nullptr ? "" : " " + print(*expectation.path);
  text += expectation.word.text.empty() ? "" : " " + quote(expectation.word.text);
  text += expectation.to.text.empty() ? "" : " to " + quote(expectation.to.text);
  text += expectation.role.text.empty() ? "" : " from role " + quote(expectation.role.text);
  text += expectation.value == nullptr ? "" : " = " + print(*expectation.value);
  text += expectation.by.text.empty() ? "" : " by " + expectation.by.text;
  line(text);
}

void Printer::test(const TestDecl& test) {
  line("test " + quote(test.title.text));
  for (const Expr* expect : test.expects) {
    line("  expect " + print(*expect));
  }
  if (!test.expects.empty()) {
    return;
  }
  if (!test.cases.empty()) {
    std::string names = "  cases";
    for (const Name& name : test.case_names) {
      names += " " + name.text;
    }
    line(names);
    for (const TestCase& each : test.cases) {
      for (const TestExpectation& cell : each.cells) {
        expectation(cell);
      }
      line("  ;");
    }
  }
  for (const TestGiven& given : test.givens) {
    const bool past = !given.hook.text.empty();
    line("  given " + given.subject.text +
         (past ? " " + given.hook.text + " " + print_target(given.target) : "") + " " +
         optional(given.value) +
         (past ? " times " + optional(given.times) + " ago " + optional(given.ago) : ""));
  }
  if (test.call != nullptr) {
    line("  when " + print(*test.call));
  } else {
    line("  when " + test.hook.text + " " + print_target(test.target) + " " + optional(test.input) +
         (test.result == nullptr ? "" : " returning " + print(*test.result)));
  }
  for (const TestExpectation& each : test.expectations) {
    expectation(each);
  }
}

void Printer::declaration(const Decl& decl) {
  if (!decl.doc.empty()) {
    line("doc " + quote(decl.doc));
  }
  for (const Annotation& each : decl.annotations) {
    line("@" + each.name.text + (each.text.text.empty() ? "" : " " + quote(each.text.text)) +
         (each.share == nullptr ? "" : " " + print(*each.share)) +
         (each.by == nullptr ? "" : " by " + print(*each.by)));
  }
  const std::string exported = decl.exported ? "export " : "";
  switch (decl.kind) {
    case DeclKind::Pack: {
      const auto& pack = static_cast<const PackDecl&>(decl);
      return line("pack " + pack.name.text + " " + pack.version.text);
    }
    case DeclKind::Import: {
      const auto& import = static_cast<const ImportDecl&>(decl);
      return line("import " + import.name.text +
                  (import.from.text.empty() ? "" : " from " + quote(import.from.text)) + " as " +
                  import.alias.text);
    }
    case DeclKind::Default: {
      const auto& rule = static_cast<const DefaultDecl&>(decl);
      return line(std::string("default ") + (rule.deny ? "deny" : "allow") +
                  (rule.hook.text.empty() ? "" : " on " + rule.hook.text));
    }
    case DeclKind::Server: {
      const auto& server = static_cast<const ServerDecl&>(decl);
      return line("server " + server.name.text +
                  (server.schema.text.empty() ? "" : " schema " + quote(server.schema.text)));
    }
    case DeclKind::Agent: {
      const auto& agent = static_cast<const AgentDecl&>(decl);
      return line("agent " + agent.name.text +
                  (agent.card.text.empty() ? "" : " card " + quote(agent.card.text)));
    }
    case DeclKind::Enum: {
      const auto& enumeration = static_cast<const EnumDecl&>(decl);
      std::string text = exported + "enum " + enumeration.name.text;
      for (const Name& member : enumeration.members) {
        text += " " + member.text;
      }
      return line(text);
    }
    case DeclKind::Record: {
      const auto& record = static_cast<const RecordDecl&>(decl);
      line(exported + "record " + record.name.text);
      for (const FieldDecl& field : record.fields) {
        line("  " + field.name.text + ": " + print(*field.type));
      }
      return;
    }
    case DeclKind::List: {
      const auto& list = static_cast<const ListDecl&>(decl);
      return line(exported + "list " + list.name.text + ": " + print(*list.type) + " = " +
                  print(*list.value));
    }
    case DeclKind::Fact: {
      const auto& fact = static_cast<const FactDecl&>(decl);
      return line(exported + "fact " + fact.name.text +
                  (fact.type == nullptr ? "" : ": " + print(*fact.type)) + " = " + print(*fact.value));
    }
    case DeclKind::Fn: {
      const auto& fn = static_cast<const FnDecl&>(decl);
      return line(exported + "fn " + print_signature(fn) + " = " + print(*fn.body));
    }
    case DeclKind::Rule:
      return rule(static_cast<const RuleDecl&>(decl));
    case DeclKind::Decision:
      return decision(static_cast<const DecisionDecl&>(decl));
    case DeclKind::Route:
      return route(static_cast<const RouteDecl&>(decl));
    case DeclKind::Fixture: {
      const auto& fixture = static_cast<const FixtureDecl&>(decl);
      return line("fixture " + fixture.name.text +
                  (fixture.type == nullptr ? "" : ": " + print(*fixture.type)) + " = " +
                  print(*fixture.value));
    }
    case DeclKind::Property: {
      const auto& property = static_cast<const PropertyDecl&>(decl);
      line("property " + property.name.text);
      std::string text = "  for any " + property.hook.text;
      for (const TargetPattern& target : property.targets) {
        text += " " + print_target(target);
      }
      line(text + " where " + optional(property.condition));
      return line(std::string("  expect ") + (property.allowed ? "allow" : "deny"));
    }
    case DeclKind::Test:
      return test(static_cast<const TestDecl&>(decl));
  }
}

}  // namespace

std::string print(const TypeExpr& type) {
  switch (type.kind) {
    case TypeExprKind::Named:
      return type.name;
    case TypeExprKind::List:
      return "list<" + print(*type.element) + ">";
    case TypeExprKind::Set:
      return "set<" + print(*type.element) + ">";
    case TypeExprKind::Map:
      return "map<string, " + print(*type.element) + ">";
    case TypeExprKind::Optional:
      return print(*type.element) + "?";
  }
  return {};
}

std::string print(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::Error:
      return "(error)";
    case ExprKind::Bool:
      return static_cast<const BoolExpr&>(expr).value ? "true" : "false";
    case ExprKind::Number:
      return static_cast<const NumberExpr&>(expr).digits + static_cast<const NumberExpr&>(expr).unit;
    case ExprKind::String:
      return print_string(static_cast<const StringExpr&>(expr));
    case ExprKind::Name:
      return static_cast<const NameExpr&>(expr).name;
    case ExprKind::Member: {
      const auto& member = static_cast<const MemberExpr&>(expr);
      return "(" + std::string(member.optional ? "?." : ".") + " " + print(*member.object) + " " +
             member.member.text + ")";
    }
    case ExprKind::Index: {
      const auto& index = static_cast<const IndexExpr&>(expr);
      return "(" + std::string(index.optional ? "?[]" : "[]") + " " + print(*index.object) + " " +
             print(*index.index) + ")";
    }
    case ExprKind::Call: {
      const auto& call = static_cast<const CallExpr&>(expr);
      std::string out = "(call " + print(*call.callee);
      for (const Expr* argument : call.arguments) {
        out += " " + print(*argument);
      }
      return out + ")";
    }
    case ExprKind::Unary: {
      const auto& unary = static_cast<const UnaryExpr&>(expr);
      return "(" + std::string(unary.op == UnaryOp::Not ? "not" : "neg") + " " + print(*unary.operand) + ")";
    }
    case ExprKind::Binary: {
      const auto& binary = static_cast<const BinaryExpr&>(expr);
      return "(" + std::string(binary_op_text(binary.op)) + " " + print(*binary.left) + " " +
             print(*binary.right) + ")";
    }
    case ExprKind::Presence: {
      const auto& presence = static_cast<const PresenceExpr&>(expr);
      return "(is " + std::string(presence.present ? "present " : "absent ") + print(*presence.operand) + ")";
    }
    case ExprKind::Cast: {
      const auto& cast = static_cast<const CastExpr&>(expr);
      return "(as " + print(*cast.operand) + " " + print(*cast.type) + ")";
    }
    case ExprKind::If: {
      const auto& choice = static_cast<const IfExpr&>(expr);
      return "(if " + print(*choice.condition) + " " + print(*choice.then_value) + " " +
             print(*choice.else_value) + ")";
    }
    case ExprKind::Quantifier: {
      const auto& q = static_cast<const QuantifierExpr&>(expr);
      const char* word = q.quantifier == Quantifier::Any   ? "any"
                         : q.quantifier == Quantifier::All ? "all"
                                                           : "none";
      return "(" + std::string(word) + " " + print_variables(q.variable, q.value_variable) + " in " +
             print(*q.collection) + " " + print(*q.condition) + ")";
    }
    case ExprKind::Comprehension: {
      const auto& c = static_cast<const ComprehensionExpr&>(expr);
      return "(for " + print_variables(c.variable, c.value_variable) + " in " + print(*c.collection) + " " +
             optional(c.condition) + " " + print(*c.element) + ")";
    }
    case ExprKind::Window: {
      const auto& window = static_cast<const WindowExpr&>(expr);
      std::string out = "(" + window.function.text + " " + window.hook.text;
      for (const TargetPattern& target : window.targets) {
        out += " " + print_target(target);
      }
      return out + " of " + optional(window.value) + " by " + optional(window.key) + " within " +
             optional(window.within) + ")";
    }
    case ExprKind::List: {
      std::string out = "[";
      for (const Expr* item : static_cast<const ListExpr&>(expr).items) {
        out += (out.size() == 1 ? "" : " ") + print(*item);
      }
      return out + "]";
    }
    case ExprKind::Record: {
      const auto& record = static_cast<const RecordExpr&>(expr);
      std::string out = record.type_name.text + "{";
      for (const FieldInit& field : record.fields) {
        out += (out.back() == '{' ? "" : ", ") + quote(field.name.text) + ": " + print(*field.value);
      }
      return out + "}";
    }
  }
  return {};
}

std::string print(const Ast& ast) {
  Printer printer;
  for (const Decl* decl : ast.declarations) {
    printer.declaration(*decl);
  }
  return printer.take();
}

}  // namespace catalyst::ast
