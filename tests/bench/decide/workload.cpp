#include "tests/bench/decide/workload.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace catalyst::bench {

namespace {

constexpr int64_t kStart = 1767225600;  // 2026-01-01T00:00:00Z
constexpr int64_t kYear = 31536000;

/// A 32-bit counter hashed to [0, 1): the same stream in every language with 32-bit multiplication.
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed) {}

  double next() {
    state_ += 0x6D2B79F5u;
    uint32_t t = (state_ ^ (state_ >> 15)) * (1u | state_);
    t = (t + (t ^ (t >> 7)) * (61u | t)) ^ t;
    return static_cast<double>(t ^ (t >> 14)) / 4294967296.0;
  }
  bool chance(double p) { return next() < p; }
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(std::floor(next() * static_cast<double>(high - low + 1)));
  }
  template <class List>
  const auto& pick(const List& list) {
    return list[static_cast<size_t>(next() * static_cast<double>(list.size()))];
  }
  /// Early entries more often.
  template <class List>
  const auto& favour(const List& list) {
    const double x = next();
    return list[static_cast<size_t>(x * x * static_cast<double>(list.size()))];
  }

 private:
  uint32_t state_;
};

using Names = std::vector<std::string>;

const Names kVerbs = {"read",   "list",   "get",  "search", "create",
                      "update", "delete", "exec", "send",   "export"};
const Names kNouns = {"item", "record"};
const Names kEnvs = {"prod", "staging", "dev", "test"};
const Names kBranches = {"main", "release", "develop", "hotfix"};
const Names kLabels = {"pii", "secret", "public", "gdpr", "pci", "internal"};
const Names kSpaces = {"default", "kube-system", "payments", "web", "data"};
const Names kKinds = {"pod", "job", "table", "bucket", "repo"};
const Names kWords = {"please",  "update",  "the",       "quarterly", "report", "with",
                      "numbers", "from",    "warehouse", "and",       "notify", "team",
                      "about",   "changes", "urgent",    "customer"};

struct User {
  std::string id;
  std::string tenant;
  Names roles;
};

struct World {
  Names servers;
  Names tools;
  Names roles;
  Names tenants;
  std::vector<User> users;
};

Names numbered(Names first, const std::string& prefix, size_t count) {
  while (first.size() < count) {
    first.push_back(prefix + std::to_string(first.size()));
  }
  return first;
}

void add_once(Names& list, const std::string& name) {
  if (std::find(list.begin(), list.end(), name) == list.end()) {
    list.push_back(name);
  }
}

World make_world(uint32_t seed) {
  World w;
  w.servers = numbered({"github", "gitlab",     "jira",      "slack",   "postgres", "s3",        "k8s",
                        "stripe", "salesforce", "gdrive",    "notion",  "linear",   "snowflake", "bigquery",
                        "redis",  "kafka",      "pagerduty", "datadog", "sentry",   "confluence"},
                       "srv", 50);
  for (const std::string& server : w.servers) {
    for (const std::string& verb : kVerbs) {
      for (const std::string& noun : kNouns) {
        w.tools.push_back(server + "." + verb + "_" + noun);
      }
    }
  }
  w.roles = numbered(
      {"admin", "dev", "oncall", "analyst", "finance", "support", "sales", "legal", "hr", "ml"}, "role", 40);
  w.tenants = numbered({}, "t", 500);
  Random random(seed ^ 0xABCDEFu);
  for (int i = 0; i < 10'000; ++i) {
    User user;
    user.id = "u" + std::to_string(i);
    const auto count = static_cast<size_t>(random.between(1, 4));
    while (user.roles.size() < count) {
      add_once(user.roles, random.favour(w.roles));
    }
    user.tenant = random.favour(w.tenants);
    w.users.push_back(std::move(user));
  }
  return w;
}

ArgCondition make_condition(const World& world, Random& random) {
  using Kind = ArgCondition::Kind;
  switch (random.between(0, 7)) {
    case 0:
      return {"env", Kind::Text, random.pick(kEnvs), 0};
    case 1: {
      const Kind kind = random.chance(0.5) ? Kind::Greater : Kind::Less;
      return {"amount", kind, "", random.between(100, 9900)};
    }
    case 2: {
      const Kind kind = random.chance(0.5) ? Kind::Greater : Kind::Less;
      return {"count", kind, "", random.between(5, 95)};
    }
    case 3: {
      const std::string path = "/data/" + random.favour(world.tenants) + "/";
      return {"path", Kind::Prefix, random.chance(0.5) ? path.substr(0, 6) : path, 0};
    }
    case 4:
      return {"branch", Kind::Text, random.pick(kBranches), 0};
    case 5:
      return {"dryRun", Kind::Flag, "", random.chance(0.5) ? 1 : 0};
    case 6:
      return {"labels", Kind::Label, random.pick(kLabels), 0};
    default:
      return {"target.ns", Kind::Text, random.pick(kSpaces), 0};
  }
}

void add_conditions(const World& world, Random& random, int count, WorkloadRule& rule) {
  for (int i = 0; i < count; ++i) {
    rule.args.push_back(make_condition(world, random));
  }
}

void add_window(Random& random, int64_t length, WorkloadRule& rule) {
  rule.time_from = kStart + random.between(0, kYear / 2);
  rule.time_to = *rule.time_from + length;
}

void add_roles(const World& world, Random& random, int count, WorkloadRule& rule) {
  for (int i = 0; i < count; ++i) {
    add_once(rule.roles_any, random.favour(world.roles));
  }
}

/// A rule by its share of the pack: 62% one tool, 12% a server, 10% a tenant and role, 8% a user, 8% roles
/// and a family of tools.
WorkloadRule make_local_rule(const World& world, Random& random, double kind) {
  WorkloadRule rule;
  if (kind < 0.62) {
    rule.tool = random.favour(world.tools);
    if (random.chance(0.5)) {
      add_roles(world, random, 2, rule);
    }
    if (random.chance(0.3)) {
      rule.tenant = random.favour(world.tenants);
    }
    if (random.chance(0.6)) {
      add_conditions(world, random, random.chance(0.4) ? 2 : 1, rule);
    }
  } else if (kind < 0.74) {
    rule.server = random.favour(world.servers);
    if (random.chance(0.5)) {
      add_roles(world, random, 1, rule);
    }
    add_conditions(world, random, 2, rule);
    if (random.chance(0.3)) {
      rule.tenant = random.favour(world.tenants);
    }
  } else if (kind < 0.84) {
    rule.tenant = random.favour(world.tenants);
    add_roles(world, random, 1, rule);
    if (random.chance(0.7)) {
      rule.server = random.favour(world.servers);
    }
    add_conditions(world, random, random.chance(0.5) ? 1 : 0, rule);
  } else if (kind < 0.92) {
    rule.user = random.favour(world.users).id;
    if (random.chance(0.7)) {
      rule.server = random.favour(world.servers);
    }
    add_conditions(world, random, random.chance(0.3) ? 1 : 0, rule);
  } else {
    add_roles(world, random, 3, rule);
    const std::string server = random.favour(world.servers);
    rule.tool_prefix = server + "." + random.pick(kVerbs) + "_";
    add_conditions(world, random, random.chance(0.4) ? 1 : 0, rule);
  }
  return rule;
}

std::vector<WorkloadRule> make_rules(const World& world, Random& random, uint32_t count) {
  std::vector<WorkloadRule> rules;
  const uint32_t global = std::clamp<uint32_t>((count + 49) / 50, 1, 16);
  for (uint32_t i = 0; i < count; ++i) {
    const double kind = random.next();
    WorkloadRule rule;
    if (i < global) {
      rule.risk_at_least = random.between(80, 95);
      add_conditions(world, random, random.chance(0.7) ? 1 : 0, rule);
      if (random.chance(0.5)) {
        add_window(random, kYear / 4, rule);
      }
    } else {
      rule = make_local_rule(world, random, kind);
      if (random.chance(0.3)) {
        rule.risk_below = random.between(30, 90);
      }
      if (random.chance(0.15)) {
        add_window(random, kYear / 2, rule);
      }
    }
    rule.allow = !(i < global || random.chance(0.25));
    random.next();  // the stream's place of a route, which rules do not have yet
    rules.push_back(std::move(rule));
  }
  for (size_t i = count - 1; i > 0; --i) {
    const auto j = static_cast<size_t>(random.between(0, static_cast<int64_t>(i)));
    std::swap(rules[i], rules[j]);
  }
  std::stable_partition(rules.begin(), rules.end(), [](const WorkloadRule& r) { return !r.allow; });
  return rules;
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

std::string list_json(const Names& names) {
  std::string out = "[";
  for (const std::string& name : names) {
    out += (out.size() > 1 ? "," : "") + quoted(name);
  }
  return out + "]";
}

/// Members in order of first mention, as their writer would send them.
class Members {
 public:
  void set(const std::string& name, std::string json) {
    const auto at = std::find_if(list_.begin(), list_.end(), [&](const auto& m) { return m.first == name; });
    if (at != list_.end()) {
      at->second = std::move(json);
    } else {
      list_.emplace_back(name, std::move(json));
    }
  }
  [[nodiscard]] std::string json() const {
    std::string out = "{";
    for (const auto& [name, json] : list_) {
      out += (out.size() > 1 ? "," : "") + quoted(name) + ":" + json;
    }
    return out + "}";
  }

 private:
  std::vector<std::pair<std::string, std::string>> list_;
};

struct ArgsMaker {
  Random& random;
  WorkloadArgs args;
  Members members;

  void env(const std::string& v) {
    args.env = v;
    members.set("env", quoted(v));
  }
  void number(const std::string& key, int64_t v) {
    (key == "amount" ? args.amount : args.count) = v;
    members.set(key, std::to_string(v));
  }
  void path(const std::string& v) {
    args.path = v;
    members.set("path", quoted(v));
  }
  void branch(const std::string& v) {
    args.branch = v;
    members.set("branch", quoted(v));
  }
  void dry_run(bool v) {
    args.dry_run = v;
    members.set("dryRun", v ? "true" : "false");
  }
  void labels(const std::string& a, const std::string& b) {
    Names names{a};
    add_once(names, b);
    args.labels = names;
    members.set("labels", list_json(names));
  }
  void target(const std::string& ns, const std::string& kind) {
    args.target = {ns, kind};
    members.set("target", "{\"ns\":" + quoted(ns) + ",\"kind\":" + quoted(kind) + "}");
  }
  std::string file() { return "f" + std::to_string(random.between(0, 999)) + ".csv"; }

  void add_some(const std::string& tenant) {
    if (random.chance(0.8)) {
      env(random.pick(kEnvs));
    }
    if (random.chance(0.6)) {
      number("amount", random.between(0, 10'000));
    }
    if (random.chance(0.6)) {
      number("count", random.between(0, 100));
    }
    if (random.chance(0.6)) {
      const std::string top = random.chance(0.7) ? "data" : "home";
      path("/" + top + "/" + tenant + "/" + file());
    }
    if (random.chance(0.4)) {
      branch(random.pick(kBranches));
    }
    if (random.chance(0.5)) {
      dry_run(random.chance(0.5));
    }
    if (random.chance(0.5)) {
      const std::string& a = random.pick(kLabels);
      labels(a, random.pick(kLabels));
    }
    if (random.chance(0.5)) {
      const std::string& ns = random.pick(kSpaces);
      target(ns, random.pick(kKinds));
    }
  }

  /// Bends the arguments towards a condition.
  void aim_at(const ArgCondition& c, const std::string& tenant) {
    using Kind = ArgCondition::Kind;
    switch (c.kind) {
      case Kind::Greater:
        number(c.key, c.number + 1);
        break;
      case Kind::Less:
        number(c.key, c.number - 1);
        break;
      case Kind::Prefix:
        path(c.text + (c.text.size() < 8 ? tenant + "/" : "") + file());
        break;
      case Kind::Label:
        labels(random.pick(kLabels), c.text);
        break;
      case Kind::Flag:
        dry_run(c.number != 0);
        break;
      case Kind::Text:
        if (c.key == "env") {
          env(c.text);
        } else if (c.key == "branch") {
          branch(c.text);
        } else {
          target(c.text, random.pick(kKinds));
        }
    }
  }

  WorkloadArgs finish() {
    std::string note;
    const int64_t words = random.between(6, 18);
    for (int64_t i = 0; i < words; ++i) {
      note += (note.empty() ? "" : " ") + random.pick(kWords);
    }
    members.set("note", quoted(note));
    args.json = members.json();
    return std::move(args);
  }
};

std::string choose_tool(const World& world, Random& random, const WorkloadRule* aim) {
  if (aim != nullptr && aim->tool) {
    return *aim->tool;
  }
  if (aim != nullptr && aim->tool_prefix) {
    return *aim->tool_prefix + random.pick(kNouns);
  }
  if (aim != nullptr && aim->server) {
    const std::string& verb = random.pick(kVerbs);
    return *aim->server + "." + verb + "_" + random.pick(kNouns);
  }
  return random.favour(world.tools);
}

class RequestMaker {
 public:
  RequestMaker(const World& world, const std::vector<WorkloadRule>& rules, Random& random)
      : world_(world), rules_(rules), random_(random) {
    for (const User& user : world.users) {
      by_id_[user.id] = &user;
      by_tenant_[user.tenant].push_back(&user);
    }
  }

  WorkloadRequest make() {
    const WorkloadRule* aim = random_.chance(0.6) ? &random_.pick(rules_) : nullptr;
    const User& user = choose_user(aim);
    WorkloadRequest q;
    q.user = user.id;
    q.tenant = user.tenant;
    q.tool = choose_tool(world_, random_, aim);
    q.server = q.tool.substr(0, q.tool.find('.'));
    q.roles = user.roles;
    if (aim != nullptr && !aim->roles_any.empty() && random_.chance(0.8) &&
        std::find(q.roles.begin(), q.roles.end(), aim->roles_any[0]) == q.roles.end()) {
      q.roles[static_cast<size_t>(random_.between(0, static_cast<int64_t>(q.roles.size()) - 1))] =
          aim->roles_any[0];
    }
    ArgsMaker args{random_, {}, {}};
    args.add_some(user.tenant);
    if (aim != nullptr) {
      for (const ArgCondition& c : aim->args) {
        if (random_.chance(0.8)) {
          args.aim_at(c, user.tenant);
        }
      }
    }
    q.args = args.finish();
    choose_numbers(aim, q);
    q.json = "{\"principal\":{\"id\":" + quoted(q.user) + ",\"roles\":" + list_json(q.roles) +
             ",\"tenant\":" + quoted(q.tenant) + "},\"tool\":" + quoted(q.tool) +
             ",\"server\":" + quoted(q.server) + ",\"args\":" + q.args.json +
             ",\"time\":" + std::to_string(q.time) + ",\"risk\":" + std::to_string(q.risk) + "}";
    return q;
  }

 private:
  const User& choose_user(const WorkloadRule* aim) {
    if (aim != nullptr && aim->user) {
      return *by_id_.at(*aim->user);
    }
    if (aim != nullptr && aim->tenant && by_tenant_.contains(*aim->tenant)) {
      return *random_.pick(by_tenant_.at(*aim->tenant));
    }
    return random_.favour(world_.users);
  }

  void choose_numbers(const WorkloadRule* aim, WorkloadRequest& q) {
    if (aim != nullptr && aim->risk_at_least) {
      q.risk = random_.between(*aim->risk_at_least, 100);
    } else if (aim != nullptr && aim->risk_below && random_.chance(0.8)) {
      q.risk = random_.between(0, *aim->risk_below - 1);
    } else {
      q.risk = random_.between(0, 100);
    }
    if (aim != nullptr && aim->time_from && random_.chance(0.8)) {
      q.time = random_.between(*aim->time_from, aim->time_to - 1);
    } else {
      q.time = kStart + random_.between(0, kYear);
    }
  }

  const World& world_;
  const std::vector<WorkloadRule>& rules_;
  Random& random_;
  std::map<std::string, const User*> by_id_;
  std::map<std::string, std::vector<const User*>> by_tenant_;
};

}  // namespace

Workload make_workload(uint32_t rules, uint32_t requests, uint32_t seed) {
  const World world = make_world(seed);
  Random random(static_cast<uint32_t>(seed * uint64_t{1000003} + rules));
  Workload out;
  out.servers = world.servers;
  out.tools = world.tools;
  out.rules = make_rules(world, random, rules);
  RequestMaker maker(world, out.rules, random);
  for (uint32_t i = 0; i < requests; ++i) {
    WorkloadRequest& q = out.requests.emplace_back(maker.make());
    const auto first = std::find_if(out.rules.begin(), out.rules.end(),
                                    [&](const WorkloadRule& rule) { return matches(rule, q); });
    q.expected = first == out.rules.end() ? -1 : static_cast<int32_t>(first - out.rules.begin());
  }
  return out;
}

}  // namespace catalyst::bench
