#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/observe/counters.h"

namespace catalyst::observe {

enum class Method : uint8_t {
#define METHOD(name, text) name,
#include "runtime/observe/method.def"
#undef METHOD
  Other,
};
/// The method's row, or Other.
Method method_of(std::string_view text);

enum class RequestStatus : uint8_t { Ok, Denied, Hidden, Error, UpstreamError, Cancelled };
inline constexpr size_t kRequestStatusCount = 6;
std::string_view request_status_text(RequestStatus status);

enum class Decision : uint8_t { Allow, Deny, Hide };
inline constexpr size_t kDecisionCount = 3;

/// How a call of a decision from outside ended.
enum class CallOutcome : uint8_t { Decided, Failed, Invalid };
inline constexpr size_t kCallOutcomeCount = 3;

/// The counters of one rule (or of the default).
struct RuleCounters {
  std::array<Counter, kDecisionCount> decisions;
  Counter errors;
  Counter shadows;  // matches of a shadow rule
};

/// The counters of one pack's rules, by rule index; found once per pack, so that a request looks nothing up.
/// Immutable; the counters outlive every pack, and a rule keeps its counts over reloads by its name.
struct PackCounters {
  std::vector<RuleCounters*> rules;
  RuleCounters* fallback = nullptr;  // the default

  [[nodiscard]] RuleCounters& of(uint32_t rule) const {
    return rule < rules.size() ? *rules[rule] : *fallback;
  }
};

/// What the metrics ask for when they are read.
struct UpstreamSample {
  std::string server;
  std::string state;     // "ready"
  size_t held = 0;       // tools that wait for approval
  uint64_t dropped = 0;  // messages that were of no use
};
struct PackSample {
  std::string name;
  std::string version;
  uint32_t rules = 0;
  uint64_t generation = 0;
  double compile_seconds = 0;
};
/// Decisions that a shadow was compared on since it began.
struct ShadowSample {
  uint64_t compared = 0;
  uint64_t different = 0;
};
/// Decisions recorded for replay, and those that were not.
struct TrafficSample {
  uint64_t recorded = 0;
  uint64_t dropped = 0;
};
/// Counts by a word, such as {"hit", 3}.
using Tally = std::vector<std::pair<std::string, uint64_t>>;
struct RouteTargetSample {
  std::string target;
  std::string state;  // "healthy"
  int breaker = 0;    // 0 closed, 1 open, 2 half open
  uint32_t in_flight = 0;
  Tally outcomes;
};
struct RouteSample {
  std::string route;
  std::string server;
  uint64_t calls = 0;
  Tally retries;
  Tally hedges;
  Tally cache;
  Tally shadows;
  std::vector<RouteTargetSample> targets;
};
struct CacheSample {
  size_t bytes = 0;
  size_t entries = 0;
  bool shared = false;  // there is a second level, and so:
  bool connected = false;
  Tally uses;
};
/// How often the front door refused for one reason.
struct RefusalSample {
  std::string reason;
  uint64_t count = 0;
};
/// How often the gateway ended, or did not open, channels of one kind for one reason.
struct ChannelSample {
  std::string transport;
  std::string reason;
  uint64_t count = 0;
};
struct Sources {
  std::function<std::vector<UpstreamSample>()> upstreams;
  std::function<PackSample()> pack;
  std::function<ShadowSample()> shadow;
  std::function<TrafficSample()> traffic;
  std::function<std::vector<RouteSample>()> routes;
  std::function<CacheSample()> cache;
  std::function<uint64_t()> audit_failures;
  std::function<std::vector<RefusalSample>()> refusals;
  std::function<std::vector<ChannelSample>()> channels;
  std::function<Tally()> handed_over;  // to other engines
};

/// All numbers of one engine. Recording is safe from any thread and takes no lock; registering and reading
/// take one.
class Metrics {
 public:
  static constexpr size_t kRulesMax =
      20'000;  // rule names that get counters of their own; further ones share one row

  /// `servers` are the configured names; requests to none of them (lists, initialize) count under "".
  Metrics(std::string version, std::vector<std::string> servers);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// Index of a server for `request`, or that of "" when it is unknown. Linear over few names, no allocation.
  [[nodiscard]] size_t server_index(std::string_view server) const;
  void request(Method method, size_t server, RequestStatus status);
  void upstream_latency(size_t server, uint64_t ns);

  /// A compilation of native code ended; `how` is one of a few words ("done", "time"). Takes a lock.
  void native_compiled(std::string_view how);

  /// The counters for a pack whose rules are called `rule_names`, in order.
  std::shared_ptr<const PackCounters> counters_for(const std::vector<std::string_view>& rule_names);

  /// A call of a decision of the pack in force. Takes a lock.
  void decision_called(std::string_view decision, CallOutcome outcome);

  Histogram request_latency;
  Histogram decision_latency;
  Counter redactions;
  Counter audit_records;
  Counter reloads_done;
  Counter reloads_failed;

  /// Set once, before the first text().
  void set_sources(Sources sources);
  /// The Prometheus text exposition.
  [[nodiscard]] std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::observe
