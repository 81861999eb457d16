#include "tests/bench/decide/specialise.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

namespace catalyst::bench {

namespace {

class Names {
 public:
  int add(const std::string& name) {
    const auto [at, fresh] = index_.emplace(name, static_cast<int>(list_.size()));
    if (fresh) {
      list_.push_back(name);
    }
    return at->second;
  }
  [[nodiscard]] const std::vector<std::string>& list() const { return list_; }

 private:
  std::map<std::string, int> index_;
  std::vector<std::string> list_;
};

class Writer {
 public:
  explicit Writer(const Workload& workload) : workload_(workload) {}

  std::string write() {
    for (size_t i = 0; i < workload_.rules.size(); ++i) {
      file(workload_.rules[i], static_cast<int>(i));
    }
    std::string buckets = write_buckets("tool", by_tool_, tools_) + write_buckets("user", by_user_, users_) +
                          write_buckets("tenant", by_tenant_, tenants_) +
                          write_buckets("server", by_server_, servers_) + write_function("rest", rest_);
    return "#include \"tests/bench/decide/specialised.h\"\n\nnamespace specialised {\nnamespace {\n" +
           tables() + buckets + kDecide;
  }

 private:
  struct Filed {
    int rule;
    std::string condition;
  };
  using Buckets = std::map<int, std::vector<Filed>>;

  /// Under its most selective equality; what the bucket implies is not asked again.
  void file(const WorkloadRule& rule, int number) {
    std::vector<std::string> rest;
    const auto need = [&](const char* field, int symbol) {
      rest.push_back(std::string("q.") + field + " == " + std::to_string(symbol));
    };
    Buckets* buckets = nullptr;
    int symbol = 0;
    if (rule.tool) {
      buckets = &by_tool_;
      symbol = tools_.add(*rule.tool);
    }
    const auto place = [&](const std::optional<std::string>& name, Names& names, Buckets& into,
                           const char* field) {
      if (!name) {
        return;
      }
      const int s = names.add(*name);
      if (buckets == nullptr) {
        buckets = &into;
        symbol = s;
      } else {
        need(field, s);
      }
    };
    place(rule.user, users_, by_user_, "user");
    place(rule.tenant, tenants_, by_tenant_, "tenant");
    if (rule.tool_prefix) {
      rest.push_back("q.tool_name.starts_with(\"" + *rule.tool_prefix + "\")");
      if (buckets == nullptr) {
        buckets = &by_server_;
        symbol = servers_.add(rule.tool_prefix->substr(0, rule.tool_prefix->find('.')));
      }
    }
    place(rule.server, servers_, by_server_, "server");
    add_rest(rule, rest);
    std::string condition;
    for (const std::string& part : rest) {
      condition += (condition.empty() ? "" : " && ") + part;
    }
    Filed filed{number, condition.empty() ? "true" : condition};
    if (buckets != nullptr) {
      (*buckets)[symbol].push_back(filed);
    } else {
      rest_.push_back(filed);
    }
  }

  void add_rest(const WorkloadRule& rule, std::vector<std::string>& rest) {
    if (!rule.roles_any.empty()) {
      uint64_t bits = 0;
      for (const std::string& role : rule.roles_any) {
        bits |= uint64_t{1} << roles_.add(role);
      }
      rest.push_back("(q.roles & " + std::to_string(bits) + "ull) != 0");
    }
    if (rule.risk_at_least) {
      rest.push_back("q.risk >= " + std::to_string(*rule.risk_at_least));
    }
    if (rule.risk_below) {
      rest.push_back("q.risk < " + std::to_string(*rule.risk_below));
    }
    if (rule.time_from) {
      rest.push_back("q.time >= " + std::to_string(*rule.time_from) + " && q.time < " +
                     std::to_string(rule.time_to));
    }
    for (const ArgCondition& c : rule.args) {
      rest.push_back(condition(c));
    }
  }

  std::string condition(const ArgCondition& c) {
    using Kind = ArgCondition::Kind;
    switch (c.kind) {
      case Kind::Text: {
        const std::string field = c.key == "target.ns" ? "ns" : c.key;
        return "q." + field + " == " + std::to_string(texts_.add(c.text));
      }
      case Kind::Greater:
        return "(q.has_" + c.key + " && q." + c.key + " > " + std::to_string(c.number) + ")";
      case Kind::Less:
        return "(q.has_" + c.key + " && q." + c.key + " < " + std::to_string(c.number) + ")";
      case Kind::Prefix:
        return "q.path.starts_with(\"" + c.text + "\")";
      case Kind::Flag:
        return "q.dry_run == " + std::to_string(c.number);
      case Kind::Label:
        return "(q.labels & " + std::to_string(uint64_t{1} << labels_.add(c.text)) + "ull) != 0";
    }
    return {};
  }

  static std::string write_function(const std::string& name, const std::vector<Filed>& filed) {
    std::string out = "int f_" + name + "(const Symbols& q, int best) {\n  (void)q;\n";
    for (const Filed& f : filed) {
      const std::string rank = std::to_string(f.rule);
      out += "  if (" + rank + " >= best) return best;\n  if (" + f.condition + ") return " + rank + ";\n";
    }
    return out + "  return best;\n}\n";
  }

  static std::string write_buckets(const std::string& kind, const Buckets& buckets, const Names& names) {
    std::string out;
    for (const auto& [symbol, filed] : buckets) {
      out += write_function(kind + "_" + std::to_string(symbol), filed);
    }
    out += "const Bucket k_" + kind + "[] = {";
    for (int symbol = 0; symbol < static_cast<int>(names.list().size()); ++symbol) {
      out += buckets.contains(symbol) ? "f_" + kind + "_" + std::to_string(symbol) + "," : "nullptr,";
    }
    return out + "nullptr};\n";
  }

  static std::string table(const std::string& name, const Names& names) {
    std::string out = "const char* const names_" + name + "[] = {";
    for (const std::string& text : names.list()) {
      out += "\"" + text + "\",";
    }
    return out + "\"\"};\nconst Table " + name + "(names_" + name + ", " +
           std::to_string(names.list().size()) + ");\n";
  }

  std::string tables() {
    return table("t_tool", tools_) + table("t_user", users_) + table("t_tenant", tenants_) +
           table("t_server", servers_) + table("t_role", roles_) + table("t_label", labels_) +
           table("t_text", texts_);
  }

  static constexpr const char* kDecide = R"(
void intern(const Record& r, Symbols& q) {
  q.user = t_user.find(r.user);
  q.tenant = t_tenant.find(r.tenant);
  q.tool = t_tool.find(r.tool);
  q.server = t_server.find(r.server);
  q.tool_name = r.tool;
  q.roles = bits_of(t_role, r.roles, r.role_count);
  q.labels = bits_of(t_label, r.labels, r.label_count);
  q.env = text_symbol(t_text, r.env);
  q.branch = text_symbol(t_text, r.branch);
  q.ns = text_symbol(t_text, r.ns);
  q.path = r.path;
  q.amount = r.amount;
  q.count = r.count;
  q.has_amount = r.has_amount;
  q.has_count = r.has_count;
  q.dry_run = r.dry_run;
  q.time = r.time;
  q.risk = r.risk;
}

int decide(const Symbols& q) {
  int best = f_rest(q, INT_MAX);
  Bucket f = nullptr;
  if (q.tool >= 0 && (f = k_tool[q.tool]) != nullptr) best = f(q, best);
  if (q.user >= 0 && (f = k_user[q.user]) != nullptr) best = f(q, best);
  if (q.tenant >= 0 && (f = k_tenant[q.tenant]) != nullptr) best = f(q, best);
  if (q.server >= 0 && (f = k_server[q.server]) != nullptr) best = f(q, best);
  return best == INT_MAX ? -1 : best;
}

}  // namespace
}  // namespace specialised

extern "C" int decide_record(const catalyst::bench::Record* record) {
  specialised::Symbols q;
  specialised::intern(*record, q);
  return specialised::decide(q);
}

extern "C" int decide_json(const char* text, uint64_t length, uint64_t capacity) {
  static simdjson::ondemand::parser parser;
  auto document = parser.iterate(text, length, capacity).value();
  specialised::Record record;
  specialised::read_request(document.get_object().value(), record);
  return decide_record(&record);
}
)";

  const Workload& workload_;
  Names tools_, users_, tenants_, servers_, roles_, labels_, texts_;
  Buckets by_tool_, by_user_, by_tenant_, by_server_;
  std::vector<Filed> rest_;
};

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "bench_decide: %s\n", what.c_str());
  std::exit(3);
}

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

std::string specialise(const Workload& workload) { return Writer(workload).write(); }

Specialised load_specialised(const Workload& workload, const std::string& folder) {
  const std::string base = folder + "/specialised-" + std::to_string(workload.rules.size());
  const std::string code = specialise(workload);
  std::filesystem::create_directories(folder);
  if (read(base + ".cpp") != code || !std::filesystem::exists(base + ".so")) {
    std::filesystem::remove(base + ".so");
    std::ofstream(base + ".cpp", std::ios::binary) << code;
    // Some rules of the workload contradict themselves, which the compiler would say at length: -w.
    const std::string flags =
        " -w -O3 -march=native -std=c++20 -shared -fPIC -I. -o " + base + ".so " + base + ".cpp -lsimdjson";
    if (std::system(("g++" + flags).c_str()) != 0 && std::system(("clang++-19" + flags).c_str()) != 0) {
      give_up("the specialised program does not compile");
    }
  }
  void* const library =
      dlopen(base.starts_with('/') ? (base + ".so").c_str() : ("./" + base + ".so").c_str(), RTLD_NOW);
  if (library == nullptr) {
    give_up(dlerror());
  }
  Specialised out;
  out.decide_record = reinterpret_cast<DecideRecord>(dlsym(library, "decide_record"));
  out.decide_json = reinterpret_cast<DecideJson>(dlsym(library, "decide_json"));
  if (out.decide_record == nullptr || out.decide_json == nullptr) {
    give_up("the specialised program lacks its entry points");
  }
  return out;
}

}  // namespace catalyst::bench
