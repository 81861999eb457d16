#include "tests/bench/decide/rivals.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

namespace catalyst::bench {

namespace {

constexpr const char* kFolder = "tests/bench/decide";

/// No text of the workload has anything to escape.
std::string quoted(const std::string& text) { return '"' + text + '"'; }

/// The members of an object, those that are there.
class Members {
 public:
  void add(const char* name, const std::string& json) {
    text_ += (text_.empty() ? "" : ",") + quoted(name) + ":" + json;
  }
  void text(const char* name, const std::optional<std::string>& text) {
    if (text) {
      add(name, quoted(*text));
    }
  }
  void number(const char* name, const std::optional<int64_t>& number) {
    if (number) {
      add(name, std::to_string(*number));
    }
  }
  [[nodiscard]] std::string object() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

template <class List, class ToJson>
std::string list_json(const List& list, ToJson to_json) {
  std::string out;
  for (const auto& item : list) {
    out += (out.empty() ? "" : ",") + to_json(item);
  }
  return "[" + out + "]";
}

std::string condition_json(const ArgCondition& c) {
  using Kind = ArgCondition::Kind;
  Members out;
  out.add("key", quoted(c.key));
  switch (c.kind) {
    case Kind::Text:
      out.add("op", quoted("eq"));
      break;
    case Kind::Greater:
      out.add("op", quoted("gt"));
      break;
    case Kind::Less:
      out.add("op", quoted("lt"));
      break;
    case Kind::Prefix:
      out.add("op", quoted("prefix"));
      break;
    case Kind::Flag:
      out.add("op", quoted("eq"));
      out.add("value", c.number != 0 ? "true" : "false");
      return out.object();
    case Kind::Label:
      out.add("op", quoted("has"));
      break;
  }
  const bool is_number = c.kind == Kind::Greater || c.kind == Kind::Less;
  out.add("value", is_number ? std::to_string(c.number) : quoted(c.text));
  return out.object();
}

std::string rule_json(const WorkloadRule& rule) {
  Members when;
  when.text("tool", rule.tool);
  when.text("server", rule.server);
  when.text("toolPrefix", rule.tool_prefix);
  when.text("user", rule.user);
  when.text("tenant", rule.tenant);
  if (!rule.roles_any.empty()) {
    when.add("rolesAny", list_json(rule.roles_any, quoted));
  }
  when.number("riskGte", rule.risk_at_least);
  when.number("riskLt", rule.risk_below);
  when.number("timeFrom", rule.time_from);
  if (rule.time_from) {
    when.add("timeTo", std::to_string(rule.time_to));
  }
  if (!rule.args.empty()) {
    when.add("args", list_json(rule.args, condition_json));
  }
  Members out;
  out.add("effect", quoted(rule.allow ? "allow" : "deny"));
  out.add("when", when.object());
  return out.object();
}

void write_workload(const Workload& workload, const std::string& path) {
  Members out;
  out.add("rules", list_json(workload.rules, rule_json));
  out.add("requests", list_json(workload.requests, [](const WorkloadRequest& q) { return q.json; }));
  out.add("expected",
          list_json(workload.requests, [](const WorkloadRequest& q) { return std::to_string(q.expected); }));
  std::ofstream(path, std::ios::binary) << out.object();
}

}  // namespace

std::vector<RivalFigure> measure_rivals(const Workload& workload, const std::string& folder) {
  if (!std::filesystem::exists(std::string(kFolder) + "/node_modules")) {
    std::fprintf(stderr, "no rivals: the packages of %s/package.json are not installed\n", kFolder);
    return {};
  }
  const std::string path = folder + "/workload-" + std::to_string(workload.rules.size()) + ".json";
  write_workload(workload, path);
  std::vector<RivalFigure> out;
  std::string command = "node " + std::string(kFolder) + "/rivals.mjs " + path;
  if (const std::string clips = folder + "/clips"; std::filesystem::exists(clips)) {
    command += " " + clips;
  }
  const std::unique_ptr<FILE, int (*)(FILE*)> lines(popen(command.c_str(), "r"), pclose);
  std::array<char, 256> line{};
  while (lines != nullptr && std::fgets(line.data(), static_cast<int>(line.size()), lines.get()) != nullptr) {
    std::array<char, 64> name{};
    double nanoseconds = 0;
    if (std::sscanf(line.data(), "%63s %lf", name.data(), &nanoseconds) == 2) {
      out.push_back({name.data(), nanoseconds});
    }
  }
  return out;
}

}  // namespace catalyst::bench
