#include "server/config/read_routing.h"

#include <algorithm>
#include <cctype>

namespace catalyst::server {
namespace {

constexpr uint32_t kPpmPerPercent = 10'000;

bool is_replica_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == ':';
  });
}

class RoutingReader {
 public:
  RoutingReader(const std::string& file, const Tree::Member& server, std::vector<Problem>& problems)
      : file_(file), server_(server), read_(&server.value, "servers.*."), problems_(problems) {}

  RoutingConfig read() {
    RoutingConfig out;
    out.federate = read_.flag("federate");
    for (const std::string_view key :
         {"replicas", "resolve", "balance", "balance_by", "retry", "breaker", "hedge_after", "health",
          "outliers", "max_in_flight", "queue", "cache", "shadow"}) {
      out.used = out.used || read_.find(key) != nullptr;
    }
    replicas(out);
    route(out.route);
    retry(out.route);
    out.resolve_ms = read_.duration("resolve");
    out.hash_arguments = read_.text("balance_by") == "arguments";
    out.budget_percent = count("retry.budget");
    out.check_interval_ms = read_.duration("health.interval");
    out.check_timeout_ms = read_.duration("health.timeout");
    out.failing_after = count("health.failing_after");
    out.passing_after = count("health.passing_after");
    out.outlier_failures = count("outliers.failures");
    out.eject_ms = read_.duration("outliers.eject");
    out.eject_max_percent = count("outliers.max_percent");
    out.max_in_flight = count("max_in_flight");
    out.queue = count("queue");
    if (out.queue > 0 && out.max_in_flight == 0) {
      report(*read_.find("queue"), "`queue` without `max_in_flight`: nothing would ever wait",
             "set `max_in_flight`");
    }
    return out;
  }

 private:
  void report(const Tree& at, std::string message, std::string remedy) {
    problems_.push_back({file_, at.line, at.column, std::move(message), std::move(remedy)});
  }
  [[nodiscard]] uint32_t count(std::string_view key) const { return static_cast<uint32_t>(read_.count(key)); }
  [[nodiscard]] uint32_t ms(std::string_view key) const { return static_cast<uint32_t>(read_.duration(key)); }

  void replicas(RoutingConfig& out) {
    const Tree* list = read_.find("replicas");
    if (list == nullptr) {
      return;
    }
    if (list->items.empty()) {
      report(*list, "`replicas` of `" + server_.key + "` is empty",
             "list at least one, with `url` or `server`");
    }
    for (const Tree& item : list->items) {
      const Reader read(&item, "servers.*.replicas[].");
      ReplicaConfig replica;
      replica.url = read.text("url");
      replica.server = read.text("server");
      replica.weight = static_cast<uint32_t>(read.count("weight"));
      replica.name = read.text("name");
      if (replica.url.empty() == replica.server.empty()) {
        report(item, "a replica of `" + server_.key + "` needs either `url` or `server`", "");
      }
      if (!replica.server.empty()) {
        if (!replica.name.empty() && replica.name != replica.server) {
          report(item, "a replica that is a server keeps its name", "leave `name` out");
        }
        replica.name = replica.server;
      } else if (replica.name.empty()) {
        replica.name = server_.key + "-" + std::to_string(out.replicas.size() + 1);
      }
      if (!is_replica_name(replica.name)) {
        report(item, "`" + replica.name + "` cannot be a replica's name",
               "use 1 to 64 letters, digits, `_`, `-`, `.` and `:`");
      }
      if (!replica.url.empty() && replica.url.rfind("http://", 0) != 0 &&
          replica.url.rfind("https://", 0) != 0) {
        report(item, "`url` of a replica must start with http:// or https://", "");
      }
      const bool twice = std::any_of(out.replicas.begin(), out.replicas.end(),
                                     [&](const ReplicaConfig& other) { return other.name == replica.name; });
      if (twice) {
        report(item, "a second replica named `" + replica.name + "`", "rename one");
      }
      out.replicas.push_back(std::move(replica));
    }
  }

  void route(abi::Route& out) {
    out.name = server_.key;
    const std::string balance = read_.text("balance");
    out.balance = balance == "hash"           ? abi::Balance::Hash
                  : balance == "least_loaded" ? abi::Balance::LeastLoaded
                                              : abi::Balance::Weighted;
    if (const uint32_t failures = count("breaker.failures"); failures > 0) {
      out.breaker = abi::BreakerPolicy{failures, ms("breaker.window"), ms("breaker.open")};
    }
    if (const uint32_t after = ms("hedge_after"); after > 0) {
      out.hedge_after_ms = after;
    }
    if (const uint32_t ttl = ms("cache.ttl"); ttl > 0) {
      out.cache = abi::CachePolicy{
          ttl, read_.text("cache.scope") == "public" ? abi::CacheScope::Shared : abi::CacheScope::Principal};
    }
    const std::string shadow = read_.text("shadow.server");
    const uint32_t percent = count("shadow.percent");
    if (shadow.empty() != (percent == 0)) {
      report(*read_.find("shadow"), "`shadow` needs both `server` and `percent`", "");
    } else if (percent > 0) {
      out.shadow = abi::ShadowPolicy{shadow, percent * kPpmPerPercent};
    }
  }

  void retry(abi::Route& out) {
    out.repeatable = read_.flag("retry.any_tool");
    abi::RetryPolicy policy;
    policy.attempts = count("retry.attempts");
    policy.backoff_min_ms = ms("retry.backoff_min");
    policy.backoff_max_ms = ms("retry.backoff_max");
    std::vector<std::string> words = read_.texts("retry.on");
    if (read_.find("retry.on") == nullptr) {
      words.emplace_back(fallback_of("servers.*.retry.on"));
    }
    for (const std::string& word : words) {
      if (word == "timeout") {
        policy.on |= static_cast<uint8_t>(abi::RetryOn::Timeout);
      } else if (word == "unavailable") {
        policy.on |= static_cast<uint8_t>(abi::RetryOn::Unavailable);
      } else if (word == "error") {
        policy.on |= static_cast<uint8_t>(abi::RetryOn::Error);
      } else {
        report(*read_.find("retry.on"), "`retry.on` cannot be `" + word + "`",
               "it may list timeout, unavailable and error");
      }
    }
    if (policy.attempts > 0) {
      out.retry = policy;
    }
  }

  const std::string& file_;
  const Tree::Member& server_;
  const Reader read_;
  std::vector<Problem>& problems_;
};

}  // namespace

RoutingConfig read_routing(const std::string& file, const Tree::Member& server,
                           std::vector<Problem>& problems) {
  return RoutingReader(file, server, problems).read();
}

void check_references(const std::string& file, const Tree& map, const std::vector<UpstreamConfig>& servers,
                      std::vector<Problem>& problems) {
  const auto check = [&](const UpstreamConfig& from, const std::string& name, std::string_view as) {
    const Tree* tree = map.find(from.name);
    const Tree& at = tree != nullptr ? *tree : map;
    const auto found = std::find_if(servers.begin(), servers.end(),
                                    [&](const UpstreamConfig& server) { return server.name == name; });
    if (found == servers.end()) {
      problems.push_back({file, at.line, at.column,
                          "`" + from.name + "` names `" + name + "` as " + std::string(as) +
                              ", and no server is called that",
                          "add it to `servers`"});
    } else if (found->routing.used) {
      problems.push_back({file, at.line, at.column,
                          "`" + from.name + "` names `" + name + "` as " + std::string(as) +
                              ", which has routing of its own",
                          "name a server without `replicas`, `retry` and the like"});
    }
  };
  for (const UpstreamConfig& server : servers) {
    for (const ReplicaConfig& replica : server.routing.replicas) {
      if (!replica.server.empty()) {
        check(server, replica.server, "replica");
      }
    }
    if (server.routing.route.shadow) {
      check(server, server.routing.route.shadow->server, "shadow");
    }
  }
}

}  // namespace catalyst::server
