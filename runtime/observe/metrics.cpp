#include "runtime/observe/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>

#include "runtime/observe/process.h"

namespace catalyst::observe {
namespace {

constexpr std::string_view kMethodTexts[] = {
#define METHOD(name, text) text,
#include "runtime/observe/method.def"
#undef METHOD
    "other",
};
constexpr size_t kMethodCount = std::size(kMethodTexts);
constexpr std::string_view kStatusTexts[kRequestStatusCount] = {"ok",    "denied",         "hidden",
                                                                "error", "upstream_error", "cancelled"};
constexpr std::string_view kDecisionTexts[kDecisionCount] = {"allow", "deny", "hide"};
constexpr std::string_view kCallTexts[kCallOutcomeCount] = {"decided", "failed", "invalid"};
constexpr std::string_view kUpstreamStates[] = {"starting", "ready", "backoff", "stopped"};

enum class Id : uint8_t {
#define METRIC(name, text, type, help) name,
#include "runtime/observe/metric.def"
#undef METRIC
};

prometheus::MetricFamily family_of(Id id) {
  static const prometheus::MetricFamily kFamilies[] = {
#define METRIC(name, text, type, help) {text, help, prometheus::MetricType::type, {}},
#include "runtime/observe/metric.def"
#undef METRIC
  };
  return kFamilies[static_cast<size_t>(id)];
}

using Labels = std::vector<prometheus::ClientMetric::Label>;

/// Collects the families of one scrape.
class Page {
 public:
  void counter(Id id, Labels labels, double value) { at(id, std::move(labels)).counter.value = value; }
  void gauge(Id id, Labels labels, double value) { at(id, std::move(labels)).gauge.value = value; }
  void histogram(Id id, Labels labels, const Histogram& from) {
    const Histogram::Snapshot snapshot = from.snapshot();
    prometheus::ClientMetric::Histogram& to = at(id, std::move(labels)).histogram;
    to.sample_count = snapshot.count;
    to.sample_sum = static_cast<double>(snapshot.sum_ns) / 1e9;
    uint64_t cumulative = 0;
    for (size_t i = 0; i < snapshot.buckets.size(); ++i) {
      cumulative += snapshot.buckets[i];
      const bool last = i == Histogram::kBoundsNs.size();
      to.bucket.push_back({cumulative, last ? std::numeric_limits<double>::infinity()
                                            : static_cast<double>(Histogram::kBoundsNs[i]) / 1e9});
    }
  }
  [[nodiscard]] std::string text() const {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& [id, family] : families_) {
      families.push_back(family);
    }
    return prometheus::TextSerializer().Serialize(families);
  }

 private:
  prometheus::ClientMetric& at(Id id, Labels labels) {
    auto& family = families_.try_emplace(id, family_of(id)).first->second;
    auto& metric = family.metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }

  std::map<Id, prometheus::MetricFamily> families_;
};

struct ServerCounters {
  Counter requests[kMethodCount][kRequestStatusCount];
  Histogram upstream_latency;
};

}  // namespace

Method method_of(std::string_view text) {
  for (size_t i = 0; i + 1 < kMethodCount; ++i) {
    if (kMethodTexts[i] == text) {
      return static_cast<Method>(i);
    }
  }
  return Method::Other;
}

std::string_view request_status_text(RequestStatus status) {
  return kStatusTexts[static_cast<size_t>(status)];
}

struct Metrics::Impl {
  std::string version;
  std::vector<std::string> servers;  // the last one is ""
  std::deque<ServerCounters> by_server;
  Sources sources;

  mutable std::mutex mutex;  // guards the rest
  std::deque<RuleCounters> rules;
  std::map<std::string, RuleCounters*, std::less<>> by_rule;

  std::map<std::string, std::array<uint64_t, kCallOutcomeCount>, std::less<>> calls;
  std::map<std::string, uint64_t> native_compiles;  // by how they ended

  void calls_page(Page& page) const {
    const std::lock_guard lock(mutex);
    for (const auto& [name, counts] : calls) {
      for (size_t i = 0; i < kCallOutcomeCount; ++i) {
        if (counts[i] > 0) {
          page.counter(Id::DecisionCalls, {{"decision", name}, {"outcome", std::string(kCallTexts[i])}},
                       static_cast<double>(counts[i]));
        }
      }
    }
  }

  void compiles_page(Page& page) const {
    const std::lock_guard lock(mutex);
    for (const auto& [how, count] : native_compiles) {
      page.counter(Id::NativeCompiles, {{"result", how}}, static_cast<double>(count));
    }
  }

  RuleCounters* rule(std::string_view name) {
    const std::string_view key = by_rule.size() < kRulesMax || by_rule.count(name) > 0 ? name : "(others)";
    auto found = by_rule.find(key);
    if (found == by_rule.end()) {
      found = by_rule.emplace(std::string(key), &rules.emplace_back()).first;
    }
    return found->second;
  }

  void requests_page(Page& page) const {
    for (size_t s = 0; s < servers.size(); ++s) {
      for (size_t m = 0; m < kMethodCount; ++m) {
        for (size_t r = 0; r < kRequestStatusCount; ++r) {
          if (const uint64_t n = by_server[s].requests[m][r].value(); n > 0) {
            page.counter(Id::Requests,
                         {{"method", std::string(kMethodTexts[m])},
                          {"server", servers[s]},
                          {"status", std::string(kStatusTexts[r])}},
                         static_cast<double>(n));
          }
        }
      }
      if (!servers[s].empty()) {
        page.histogram(Id::UpstreamSeconds, {{"server", servers[s]}}, by_server[s].upstream_latency);
      }
    }
  }

  void rules_page(Page& page) const {
    const std::lock_guard lock(mutex);
    for (const auto& [name, counters] : by_rule) {
      for (size_t d = 0; d < kDecisionCount; ++d) {
        if (const uint64_t n = counters->decisions[d].value(); n > 0) {
          page.counter(Id::Decisions, {{"rule", name}, {"verdict", std::string(kDecisionTexts[d])}},
                       static_cast<double>(n));
        }
      }
      if (const uint64_t n = counters->errors.value(); n > 0) {
        page.counter(Id::RuleErrors, {{"rule", name}}, static_cast<double>(n));
      }
      if (const uint64_t n = counters->shadows.value(); n > 0) {
        page.counter(Id::Shadows, {{"rule", name}}, static_cast<double>(n));
      }
    }
  }

  void routes_page(Page& page) const {
    for (const RouteSample& route : sources.routes ? sources.routes() : std::vector<RouteSample>()) {
      const Labels of = {{"route", route.route}, {"server", route.server}};
      const auto with = [&of](std::string label, std::string text) {
        Labels out = of;
        out.push_back({std::move(label), std::move(text)});
        return out;
      };
      page.counter(Id::RouteCalls, of, static_cast<double>(route.calls));
      const std::pair<Id, const Tally*> tallies[] = {{Id::RouteRetries, &route.retries},
                                                     {Id::RouteHedges, &route.hedges},
                                                     {Id::RouteCache, &route.cache},
                                                     {Id::RouteShadows, &route.shadows}};
      for (const auto& [id, tally] : tallies) {
        for (const auto& [word, count] : *tally) {
          page.counter(id, with("result", word), static_cast<double>(count));
        }
      }
      for (const RouteTargetSample& target : route.targets) {
        Labels state = with("target", target.target);
        page.gauge(Id::RouteBreaker, state, target.breaker);
        page.gauge(Id::RouteInFlight, state, target.in_flight);
        for (const auto& [outcome, count] : target.outcomes) {
          Labels attempt = state;
          attempt.push_back({"outcome", outcome});
          page.counter(Id::RouteAttempts, std::move(attempt), static_cast<double>(count));
        }
        state.push_back({"state", target.state});
        page.gauge(Id::RouteTargetState, std::move(state), 1);
      }
    }
    if (sources.cache) {
      const CacheSample cache = sources.cache();
      page.gauge(Id::CacheBytes, {}, static_cast<double>(cache.bytes));
      page.gauge(Id::CacheEntries, {}, static_cast<double>(cache.entries));
      if (cache.shared) {
        page.gauge(Id::RedisUp, {}, cache.connected ? 1 : 0);
        for (const auto& [word, count] : cache.uses) {
          page.counter(Id::CacheRedis, {{"result", word}}, static_cast<double>(count));
        }
      }
    }
  }

  void sources_page(Page& page) const {
    if (sources.upstreams) {
      for (const UpstreamSample& sample : sources.upstreams()) {
        page.gauge(Id::UpstreamUp, {{"server", sample.server}}, sample.state == "ready" ? 1 : 0);
        page.counter(Id::UpstreamDropped, {{"server", sample.server}}, static_cast<double>(sample.dropped));
        page.gauge(Id::ToolsHeld, {{"server", sample.server}}, static_cast<double>(sample.held));
        for (const std::string_view state : kUpstreamStates) {
          page.gauge(Id::UpstreamState, {{"server", sample.server}, {"state", std::string(state)}},
                     sample.state == state ? 1 : 0);
        }
      }
    }
    if (sources.pack) {
      const PackSample pack = sources.pack();
      page.gauge(Id::PackInfo, {{"pack", pack.name}, {"version", pack.version}}, 1);
      page.gauge(Id::PackRules, {}, pack.rules);
      page.gauge(Id::PackGeneration, {}, static_cast<double>(pack.generation));
      page.gauge(Id::ReloadSeconds, {}, pack.compile_seconds);
    }
    if (sources.shadow) {
      const ShadowSample shadow = sources.shadow();
      page.gauge(Id::ShadowDecisions, {{"result", "same"}},
                 static_cast<double>(shadow.compared - shadow.different));
      page.gauge(Id::ShadowDecisions, {{"result", "different"}}, static_cast<double>(shadow.different));
    }
    if (sources.traffic) {
      const TrafficSample traffic = sources.traffic();
      page.counter(Id::Recorded, {{"result", "kept"}}, static_cast<double>(traffic.recorded));
      page.counter(Id::Recorded, {{"result", "dropped"}}, static_cast<double>(traffic.dropped));
    }
    if (sources.refusals) {
      for (const RefusalSample& sample : sources.refusals()) {
        page.counter(Id::HttpRefused, {{"reason", sample.reason}}, static_cast<double>(sample.count));
      }
    }
    if (sources.channels) {
      for (const ChannelSample& sample : sources.channels()) {
        page.counter(Id::ChannelsEnded, {{"transport", sample.transport}, {"reason", sample.reason}},
                     static_cast<double>(sample.count));
      }
    }
    if (sources.handed_over) {
      for (const auto& [result, count] : sources.handed_over()) {
        page.counter(Id::HandedOver, {{"result", std::string(result)}}, static_cast<double>(count));
      }
    }
    if (sources.audit_failures) {
      page.counter(Id::AuditFailures, {}, static_cast<double>(sources.audit_failures()));
    }
  }
};

Metrics::Metrics(std::string version, std::vector<std::string> servers) : impl_(std::make_unique<Impl>()) {
  impl_->version = std::move(version);
  impl_->servers = std::move(servers);
  impl_->servers.emplace_back();
  impl_->by_server.resize(impl_->servers.size());
}

Metrics::~Metrics() = default;

void Metrics::decision_called(std::string_view decision, CallOutcome outcome) {
  const std::lock_guard lock(impl_->mutex);
  auto& calls = impl_->calls;
  const std::string_view key = calls.size() < kRulesMax || calls.count(decision) > 0 ? decision : "(others)";
  ++calls[std::string(key)][static_cast<size_t>(outcome)];
}

void Metrics::native_compiled(std::string_view how) {
  const std::lock_guard lock(impl_->mutex);
  ++impl_->native_compiles[std::string(how)];
}

size_t Metrics::server_index(std::string_view server) const {
  for (size_t i = 0; i + 1 < impl_->servers.size(); ++i) {
    if (impl_->servers[i] == server) {
      return i;
    }
  }
  return impl_->servers.size() - 1;
}

void Metrics::request(Method method, size_t server, RequestStatus status) {
  impl_->by_server[server].requests[static_cast<size_t>(method)][static_cast<size_t>(status)].add();
}

void Metrics::upstream_latency(size_t server, uint64_t ns) {
  impl_->by_server[server].upstream_latency.observe_ns(ns);
}

std::shared_ptr<const PackCounters> Metrics::counters_for(const std::vector<std::string_view>& rule_names) {
  auto out = std::make_shared<PackCounters>();
  const std::lock_guard lock(impl_->mutex);
  out->fallback = impl_->rule("");
  out->rules.reserve(rule_names.size());
  for (const std::string_view name : rule_names) {
    out->rules.push_back(impl_->rule(name));
  }
  return out;
}

void Metrics::set_sources(Sources sources) { impl_->sources = std::move(sources); }

std::string Metrics::text() const {
  Page page;
  page.gauge(Id::BuildInfo, {{"version", impl_->version}}, 1);
  impl_->requests_page(page);
  page.histogram(Id::RequestSeconds, {}, request_latency);
  page.histogram(Id::DecisionSeconds, {}, decision_latency);
  impl_->rules_page(page);
  impl_->calls_page(page);
  page.counter(Id::Redactions, {}, static_cast<double>(redactions.value()));
  page.counter(Id::AuditRecords, {}, static_cast<double>(audit_records.value()));
  page.counter(Id::Reloads, {{"result", "ok"}}, static_cast<double>(reloads_done.value()));
  page.counter(Id::Reloads, {{"result", "failed"}}, static_cast<double>(reloads_failed.value()));
  impl_->compiles_page(page);
  impl_->sources_page(page);
  impl_->routes_page(page);
  const ProcessSample process = sample_process();
  page.counter(Id::Cpu, {}, process.cpu_seconds);
  page.gauge(Id::Memory, {}, static_cast<double>(process.resident_bytes));
  page.gauge(Id::Files, {}, static_cast<double>(process.open_files));
  page.gauge(Id::Start, {}, process.start_time_seconds);
  return page.text();
}

}  // namespace catalyst::observe
