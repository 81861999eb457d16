#include "compiler/ir/print.h"

#include "runtime/value/builtin.h"
#include "runtime/value/ops.h"

namespace catalyst::ir {
namespace {

class Printer {
 public:
  explicit Printer(const Module& module) : m_(module) {}

  std::string out;

  void expression(ExprId id) {
    const Expr& e = m_.expr(id);
    switch (e.op) {
      case Op::Const:
        value::append_json(out, m_.consts[e.payload]);
        return;
      case Op::Slot:
        slot(m_.slots[e.payload]);
        return;
      case Op::Local:
        out.append("$").append(std::to_string(e.payload));
        return;
      case Op::Fact:
        out.append("fact ").append(m_.facts[e.payload].name);
        return;
      case Op::CallFn:
        head(m_.functions[e.payload].name);
        break;
      case Op::Builtin:
        head(value::builtins()[e.payload].name);
        break;
      case Op::Glob:
      case Op::Field:
        head(op_text(e.op));
        value::append_json(out, m_.consts[e.payload]);
        out.append(", ");
        break;
      case Op::Regex:
        head("regex");
        value::append_json(out, value::Value::of_string(m_.regexes[e.payload]));
        out.append(", ");
        break;
      case Op::Any:
      case Op::All:
      case Op::Comprehend:
        head(std::string(op_text(e.op)) + " $" + std::to_string(e.payload));
        break;
      case Op::Lookup:
      case Op::LookupAll:
        head(std::string(op_text(e.op)) + " #" + std::to_string(e.payload));
        break;
      case Op::Cast:
        head("cast " + m_.types.text(e.type));
        break;
      default:
        head(op_text(e.op));
        break;
    }
    for (uint32_t i = 0; i < e.operand_count; i++) {
      out.append(i == 0 ? "" : ", ");
      expression(m_.operand(e, i));
    }
    out.push_back(')');
  }

  void module() {
    out.append("pack ").append(m_.pack_name).append(" ").append(m_.pack_version).append("\n");
    for (size_t hook = 0; hook < abi::kHookCount; hook++) {
      if (m_.default_deny[hook]) {
        out.append("default deny on ").append(abi::kHooks[hook].name).append("\n");
      }
    }
    for (const Fact& fact : m_.facts) {
      out.append("fact ")
          .append(fact.name)
          .append(": ")
          .append(m_.types.text(m_.expr(fact.value).type))
          .append(" = ");
      expression(fact.value);
      out.push_back('\n');
    }
    for (const Function& f : m_.functions) {
      out.append("fn ").append(f.name).append(" -> ").append(m_.types.text(f.result)).append(" = ");
      expression(f.body);
      out.push_back('\n');
    }
    for (size_t i = 0; i < m_.tables.size(); i++) {
      out.append("table #").append(std::to_string(i)).append("\n");
      for (uint32_t row = 0; row < m_.tables[i].row_count; row++) {
        for (const TableColumn& column : m_.tables[i].columns) {
          out.append(&column == &m_.tables[i].columns[0] ? "  " : " | ");
          cell(column.cells[column.rows[row]]);
        }
        out.push_back('\n');
      }
    }
    for (const Decision& decision : m_.decisions) {
      out.append("decision ").append(decision.name).append(":");
      for (const Decision::Row& row : decision.rows) {
        out.append(" ").append(row.name).append(",");
      }
      out.append(decision.has_otherwise ? " otherwise\n" : "\n");
    }
    for (const Rule& rule : m_.rules) {
      this->rule(rule);
    }
    for (const Route& route : m_.routes) {
      this->route(route);
    }
  }

  void route(const Route& r) {
    out.append("route ").append(r.name).append(" for");
    target(r.calls);
    for (const abi::RouteTarget& each : r.targets) {
      out.append("\n  to ").append(each.server);
      number(" weight ", each.weight, "");
    }
    for (const RoutePrefer& prefer : r.prefers) {
      out.append("\n  prefer ").append(r.targets[prefer.target].server).append(" when ");
      expression(prefer.condition);
    }
    number("\n  balance ", static_cast<uint64_t>(r.balance), "");
    if (r.hash.valid()) {
      out.push_back(' ');
      expression(r.hash);
    }
    number("\n  timeout ", r.timeout_ms, "ms");
    if (r.retry) {
      number("\n  retry ", r.retry->attempts, "");
      number(" on ", r.retry->on, "");
      number(" backoff ", r.retry->backoff_min_ms, "ms");
      number("..", r.retry->backoff_max_ms, "ms");
    }
    if (r.breaker) {
      number("\n  breaker ", r.breaker->failures, "");
      number(" in ", r.breaker->window_ms, "ms");
      number(" open ", r.breaker->open_ms, "ms");
    }
    if (r.hedge_after_ms) {
      number("\n  hedge ", *r.hedge_after_ms, "ms");
    }
    if (r.cache) {
      number("\n  cache ", r.cache->ttl_ms, "ms");
      number(" scope ", static_cast<uint64_t>(r.cache->scope), " by");
      for (const ExprId part : r.key) {
        out.append(part == r.key[0] ? " " : ", ");
        part.valid() ? expression(part) : void(out.append("arguments"));
      }
    }
    if (r.shadow) {
      out.append("\n  shadow ").append(r.shadow->server);
      number(" ", r.shadow->share_ppm, "ppm");
    }
    out.append(r.repeatable ? "\n  repeatable\n" : "\n");
  }

 private:
  void number(std::string_view before, uint64_t n, std::string_view after) {
    out.append(before).append(std::to_string(n)).append(after);
  }

  void head(std::string_view name) { out.append(name).push_back('('); }

  void bound(ConstId id) {
    if (id.valid()) {
      value::append_json(out, m_.consts[id.index]);
    }
  }

  void cell(const TableCell& cell) {
    out.append(cell.negated ? "not(" : "(");
    for (const TableTest& test : cell.tests) {
      out.append(&test == &cell.tests[0] ? "" : ", ");
      switch (test.kind) {
        case TableTest::Kind::Between:
          out.push_back(test.low_included ? '[' : '(');
          bound(test.low);
          out.append("..");
          bound(test.high);
          out.push_back(test.high_included ? ']' : ')');
          break;
        case TableTest::Kind::Prefix:
          out.append("prefix ");
          bound(test.low);
          break;
        case TableTest::Kind::Suffix:
          out.append("suffix ");
          bound(test.low);
          break;
        case TableTest::Kind::Contains:
          out.append("contains ");
          bound(test.low);
          break;
        case TableTest::Kind::Glob:
          out.append("glob ");
          bound(test.low);
          break;
      }
    }
    out.append(cell.absent ? ") or absent" : ")");
  }

  void slot(const Slot& s) {
    out.append(abi::input_root_text(s.root));
    for (const std::string& step : s.path) {
      out.append(".").append(step);
    }
    out.append(": ").append(m_.types.text(s.type));
  }

  void target(TargetId id) {
    const Target& t = m_.targets[id.index];
    for (const TargetPattern& pattern : t.patterns) {
      out.append(" ").append(pattern.server).append(".").append(pattern.tool);
    }
  }

  void rule(const Rule& r) {
    for (const auto& [name, text] :
         {std::pair{"owner", &r.owner}, std::pair{"ticket", &r.ticket}, std::pair{"guidance", &r.guidance}}) {
      if (!text->empty()) {
        out.append("@").append(name).append(" ").append(*text).append("\n");
      }
    }
    out.append(r.shadow ? "@shadow\n" : "");
    out.append("rule ").append(r.name).append(" on ").append(abi::hook_name(r.hook));
    target(r.target);
    out.push_back('\n');
    if (r.condition.valid()) {
      out.append("  when ");
      expression(r.condition);
      out.push_back('\n');
    }
    if (r.on_error != OnError::Usual) {
      out.append(r.on_error == OnError::Deny ? "  on error deny\n" : "  on error skip\n");
    }
    if (r.verdict != VerdictKind::None) {
      out.append(r.verdict == VerdictKind::Deny ? "  deny" : "  allow");
      if (r.message.valid()) {
        out.push_back(' ');
        expression(r.message);
      }
      out.push_back('\n');
    }
    for (const Effect& e : r.effects) {
      effect(e);
    }
  }

  void path(const std::vector<std::string>& steps) {
    for (const std::string& step : steps) {
      out.append(".").append(step);
    }
  }

  void named_value(std::string_view before, const Effect& e) {
    if (e.value.valid()) {
      out.append(before);
      expression(e.value);
    }
  }

  void effect(const Effect& e) {
    switch (e.kind) {
      case EffectKind::Hide:
        out.append("  hide");
        if (e.target.valid()) {
          target(e.target);
        }
        break;
      case EffectKind::Set:
        out.append("  set call.args");
        path(e.path);
        out.append(" = ");
        expression(e.value);
        break;
      case EffectKind::Redact:
        out.append("  redact");
        for (const uint32_t r : e.redactions) {
          out.append(" ").append(m_.redactions[r].name);
        }
        out.append(" in result");
        path(e.path);
        break;
      case EffectKind::Audit:
        out.append("  audit ").append(std::to_string(e.audit_level));
        break;
      case EffectKind::Tag:
        out.append("  tag ").append(e.tag);
        if (e.value.valid()) {
          out.append(" = ");
          expression(e.value);
        }
        break;
      case EffectKind::Limit:
        out.append("  limit ")
            .append(std::to_string(e.count))
            .append(" per ")
            .append(std::to_string(e.duration_us));
        out.append("us burst ").append(std::to_string(e.burst));
        named_value(" by ", e);
        break;
      case EffectKind::Require:
        out.append("  require ").append(e.tag).append(e.role.empty() ? "" : " from ").append(e.role);
        out.append(e.duration_us == 0 ? "" : " within " + std::to_string(e.duration_us) + "us");
        break;
      case EffectKind::Emit:
        out.append("  emit ").append(e.tag);
        named_value(" ", e);
        break;
      case EffectKind::Start:
        out.append("  start ").append(e.tag);
        named_value(" ", e);
        break;
      case EffectKind::Route:
        out.append("  route ").append(e.tag);
        break;
      case EffectKind::Label:
        out.append("  label ").append(e.tag);
        break;
      case EffectKind::Describe:
        out.append("  describe ");
        expression(e.value);
        break;
    }
    out.push_back('\n');
  }

  const Module& m_;
};

}  // namespace

std::string print(const Module& module, ExprId expr) {
  Printer printer(module);
  printer.expression(expr);
  return std::move(printer.out);
}

std::string print(const Module& module, const Route& route) {
  Printer printer(module);
  printer.route(route);
  return std::move(printer.out);
}

std::string print(const Module& module) {
  Printer printer(module);
  printer.module();
  return std::move(printer.out);
}

}  // namespace catalyst::ir
