#include "tests/bench/decide/policy.h"

#include <ctime>

namespace catalyst::bench {

namespace {

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

std::string time_text(int64_t seconds) {
  const auto t = static_cast<time_t>(seconds);
  tm parts{};
  gmtime_r(&t, &parts);
  char buffer[32];
  strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return quoted(buffer);
}

std::string condition_text(const ArgCondition& c) {
  using Kind = ArgCondition::Kind;
  const std::string path = c.key == "target.ns" ? "call.args.target?.ns" : "call.args." + c.key;
  const std::string guard = path + " is present and ";
  switch (c.kind) {
    case Kind::Text:
      return guard + path + " == " + quoted(c.text);
    case Kind::Greater:
      return guard + path + " > " + std::to_string(c.number);
    case Kind::Less:
      return guard + path + " < " + std::to_string(c.number);
    case Kind::Prefix:
      return guard + path + " starts with " + quoted(c.text);
    case Kind::Flag:
      return guard + (c.number != 0 ? "" : "not ") + path;
    case Kind::Label:
      return guard + quoted(c.text) + " in " + path;
  }
  return {};
}

std::string target_text(const WorkloadRule& rule) {
  if (rule.tool) {
    return " " + *rule.tool;
  }
  if (rule.tool_prefix) {
    return " " + *rule.tool_prefix + "*";
  }
  return rule.server ? " " + *rule.server + ".*" : "";
}

class Conditions {
 public:
  void add(const std::string& text) { out_ += (out_.empty() ? "\n  when " : "\n    and ") + text; }
  [[nodiscard]] const std::string& text() const { return out_; }

 private:
  std::string out_;
};

std::string rule_text(const WorkloadRule& rule, size_t number) {
  Conditions when;
  if (rule.user) {
    when.add("principal.id == " + quoted(*rule.user));
  }
  if (rule.tenant) {
    when.add("principal.tenant == " + quoted(*rule.tenant));
  }
  if (rule.roles_any.size() == 1) {
    when.add(quoted(rule.roles_any[0]) + " in principal.roles");
  } else if (!rule.roles_any.empty()) {
    std::string list;
    for (const std::string& role : rule.roles_any) {
      list += (list.empty() ? "" : ", ") + quoted(role);
    }
    when.add("principal.roles intersects [" + list + "]");
  }
  if (rule.risk_at_least) {
    when.add("principal.risk >= " + std::to_string(*rule.risk_at_least));
  }
  if (rule.risk_below) {
    when.add("principal.risk < " + std::to_string(*rule.risk_below));
  }
  if (rule.time_from) {
    when.add("now >= " + time_text(*rule.time_from));
    when.add("now < " + time_text(rule.time_to));
  }
  for (const ArgCondition& c : rule.args) {
    when.add(condition_text(c));
  }
  return "\nrule r" + std::to_string(number) + "\n  on call" + target_text(rule) + when.text() + "\n  " +
         (rule.allow ? "allow" : "deny") + "\n";
}

}  // namespace

std::vector<std::string> policy_texts(const Workload& workload) {
  constexpr size_t kRulesPerFile = 2000;
  std::vector<std::string> out{"pack bench.decide 1.0.0\n\n"};
  for (const std::string& server : workload.servers) {
    out[0] += "server " + server + " schema " + quoted(server + ".json") + "\n";
  }
  out[0] += "\ndefault deny on call\n";
  for (size_t i = 0; i < workload.rules.size(); ++i) {
    if (i > 0 && i % kRulesPerFile == 0) {
      out.emplace_back();
    }
    out.back() += rule_text(workload.rules[i], i);
  }
  return out;
}

std::string schema_text(const Workload& workload, const std::string& server) {
  constexpr const char* kArguments =
      R"({"type":"object","properties":{"env":{"type":"string"},"amount":{"type":"integer"},"count":{"type":"integer"},)"
      R"("path":{"type":"string"},"branch":{"type":"string"},"dryRun":{"type":"boolean"},)"
      R"("labels":{"type":"array","items":{"type":"string"}},)"
      R"("target":{"type":"object","properties":{"ns":{"type":"string"},"kind":{"type":"string"}}},)"
      R"("note":{"type":"string"}}})";
  std::string out = "{\"tools\":[";
  for (const std::string& tool : workload.tools) {
    if (tool.starts_with(server + ".")) {
      out += (out.back() == '[' ? "" : ",") + ("{\"name\":" + quoted(tool.substr(server.size() + 1))) +
             ",\"inputSchema\":" + kArguments + "}";
    }
  }
  return out + "]}";
}

}  // namespace catalyst::bench
