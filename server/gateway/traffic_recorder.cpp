#include "server/gateway/traffic_recorder.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "runtime/abi/unit.h"
#include "runtime/decision/apply.h"
#include "runtime/observe/log.h"
#include "runtime/value/json_text.h"
#include "server/gateway/shadow_report.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kMasked = "[redacted]";
constexpr auto kBatchEvery = std::chrono::milliseconds(200);
constexpr uint64_t kTrimEvery = 50;  // batches

/// A decision as it was made, before anything is masked. In memory alone.
struct Raw {
  std::shared_ptr<const decision::Pack> pack;
  abi::Hook hook = abi::Hook::Call;
  std::string id, tenant, claims, protocol_version, client_name, client_version, client_ip;
  std::vector<std::string> roles;
  std::vector<std::string> labels;
  int64_t risk = 0;
  bool mfa = false;
  std::string server, tool, args, result;
  int64_t now_us = 0;
  std::string outcome, rule;

  [[nodiscard]] size_t bytes() const {
    return sizeof(Raw) + args.size() + result.size() + claims.size() + id.size();
  }
};

/// Shared with the store's jobs, which may outlive the recorder.
struct Counts {
  std::atomic<uint64_t> recorded{0};
  std::atomic<uint64_t> dropped{0};
};

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool is_masked(std::string_view name, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& each) { return same_name(each, name); });
}

/// Could a member of such a name stand in the text? Escapes may spell anything.
bool may_hold(std::string_view json, const std::vector<std::string>& names) {
  if (json.find('\\') != std::string_view::npos) {
    return true;
  }
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return std::search(json.begin(), json.end(), name.begin(), name.end(),
                       [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); }) !=
           json.end();
  });
}

bool mask_below(Json& value, const std::vector<std::string>& names) {
  bool any = false;
  if (value.is_object()) {
    for (auto& [key, member] : value.items()) {
      if (is_masked(key, names)) {
        member = kMasked;
        any = true;
      } else {
        any = mask_below(member, names) || any;
      }
    }
  } else if (value.is_array()) {
    for (Json& element : value) {
      any = mask_below(element, names) || any;
    }
  }
  return any;
}

}  // namespace

std::string mask_members(const std::string& json, const std::vector<std::string>& names, bool* masked) {
  if (json.empty() || !may_hold(json, names)) {
    return json;
  }
  Json value = Json::parse(json, nullptr, false);
  if (value.is_discarded()) {
    *masked = true;
    return value::json_string(kMasked);
  }
  if (!mask_below(value, names)) {
    return json;
  }
  *masked = true;
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct TrafficRecorder::Impl {
  Impl(store::StoreThread& s, RecordOptions o) : store(s), options(std::move(o)) {}

  store::StoreThread& store;
  RecordOptions options;
  std::shared_ptr<Counts> counts = std::make_shared<Counts>();
  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::vector<Raw> queue;
  size_t queued_bytes = 0;
  bool stop = false;
  std::thread thread;

  void run() {
    std::unique_lock lock(mutex);
    for (uint64_t batches = 0;; batches++) {
      wake.wait_for(lock, kBatchEvery, [this] { return stop; });
      const bool last = stop;
      std::vector<Raw> batch = std::exchange(queue, {});
      queued_bytes = 0;
      lock.unlock();
      write(batch, batches % kTrimEvery == 0);
      lock.lock();
      if (last && queue.empty()) {
        return;
      }
    }
  }

  void write(const std::vector<Raw>& batch, bool trim) {
    if (batch.empty()) {
      return;
    }
    auto rows = std::make_shared<std::vector<store::DecisionRow>>();
    for (const Raw& raw : batch) {
      rows->push_back(row_of(raw));
    }
    store::DecisionLimits limits{batch.back().now_us - options.max_age_ms * 1000, options.max_bytes};
    const bool posted = store.post([counted = counts, rows, trim, limits](store::Store& target) {
      Result<void> done = target.add_decisions(*rows);
      if (done.has_value() && trim) {
        done = target.trim_decisions(limits);
      }
      (done.has_error() ? counted->dropped : counted->recorded) += rows->size();
      if (done.has_error()) {
        observe::log(observe::Level::Error, "decisions are not recorded",
                     {{"reason", done.error().message()}});
      }
    });
    counts->dropped += posted ? 0 : rows->size();
  }

  /// What the pack's rules redact, at any path and by any pattern.
  std::string redacted(const Raw& raw, const std::string& json, bool is_result, bool* masked) const {
    if (json.empty()) {
      return json;
    }
    const abi::Unit& unit = raw.pack->unit();
    std::vector<uint32_t> all_patterns(unit.redactions.size());
    for (uint32_t i = 0; i < all_patterns.size(); i++) {
      all_patterns[i] = i;
    }
    std::vector<decision::RedactEffect> effects;
    std::vector<std::vector<std::string_view>> paths;
    if (!all_patterns.empty()) {
      effects.push_back({{}, all_patterns, 0});
    }
    for (const abi::RuleInfo& rule : unit.rules) {
      for (const abi::RuleEffect& effect : rule.effects) {
        if (is_result && effect.kind == abi::RuleEffect::Kind::Redact &&
            effect.place == abi::RedactPlace::Result && effect.redactions.empty()) {
          paths.emplace_back(effect.path.begin(), effect.path.end());
        }
      }
    }
    for (const auto& path : paths) {
      effects.push_back({path, {}, 0});
    }
    size_t count = 0;
    std::string out = effects.empty() ? json : decision::apply_redactions(json, *raw.pack, effects, &count);
    *masked = *masked || count > 0;
    return mask_members(out, options.mask, masked);
  }

  store::DecisionRow row_of(const Raw& raw) const {
    store::DecisionRow row;
    const auto parsed = [](const std::string& json) {
      Json value = Json::parse(json, nullptr, false);
      return value.is_discarded() ? Json() : value;
    };
    Json request = {{"hook", abi::hook_name(raw.hook)}, {"server", raw.server}, {"tool", raw.tool}};
    Json principal = {
        {"id", raw.id}, {"tenant", raw.tenant}, {"roles", raw.roles}, {"mfa", raw.mfa}, {"risk", raw.risk}};
    principal["claims"] = parsed(redacted(raw, raw.claims, false, &row.masked));
    request["principal"] = std::move(principal);
    // No session id: whoever has one may use the session.
    request["session"] = {{"protocol", raw.protocol_version}};
    request["client"] = {{"name", raw.client_name}, {"version", raw.client_version}, {"ip", raw.client_ip}};
    if (!raw.labels.empty()) {
      request["labels"] = raw.labels;
    }
    request["now"] = raw.now_us;
    std::string text = request.dump(-1, ' ', false, Json::error_handler_t::replace);
    text.pop_back();
    // As they are, so that numbers keep their digits.
    const std::string args = redacted(raw, raw.args, false, &row.masked);
    const std::string result = redacted(raw, raw.result, true, &row.masked);
    text.append(args.empty() ? "" : ",\"args\":").append(args);
    text.append(result.empty() ? "" : ",\"result\":").append(result).append("}");
    row.request = std::move(text);
    row.at_us = raw.now_us;
    row.pack = std::string(raw.pack->name()) + "@" + std::string(raw.pack->version());
    row.server = raw.server;
    row.tool = raw.tool;
    row.outcome = raw.outcome;
    row.rule = raw.rule;
    return row;
  }
};

TrafficRecorder::TrafficRecorder(store::StoreThread& store, RecordOptions options)
    : impl_(std::make_unique<Impl>(store, std::move(options))) {
  impl_->thread = std::thread([this] { impl_->run(); });
}

TrafficRecorder::~TrafficRecorder() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
}

void TrafficRecorder::record(const std::shared_ptr<const decision::Pack>& pack,
                             const decision::Request& request, const decision::Verdict& verdict) {
  if (request.hook != abi::Hook::Call && request.hook != abi::Hook::Result) {
    return;
  }
  if (request.args.size() + request.result.size() + request.principal->claims.size() > kRequestBytesMax) {
    impl_->counts->dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  Raw raw;
  raw.pack = pack;
  raw.hook = request.hook;
  raw.id = request.principal->id;
  raw.tenant = request.principal->tenant;
  raw.roles.assign(request.principal->roles.begin(), request.principal->roles.end());
  raw.labels.assign(request.labels.begin(), request.labels.end());
  raw.risk = request.principal->risk;
  raw.mfa = request.principal->mfa;
  raw.claims = request.principal->claims;
  raw.protocol_version = request.protocol_version;
  raw.client_name = request.client_name;
  raw.client_version = request.client_version;
  raw.client_ip = request.client_ip;
  raw.server = request.server;
  raw.tool = request.tool;
  raw.args = request.args;
  raw.result = request.result;
  raw.now_us = request.now_us;
  raw.outcome = verdict_in_words(*pack, verdict);
  raw.rule = verdict.rule_name;
  const size_t bytes = raw.bytes();
  const std::lock_guard lock(impl_->mutex);
  if (impl_->queued_bytes + bytes > kQueueBytesMax) {
    impl_->counts->dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  impl_->queued_bytes += bytes;
  impl_->queue.push_back(std::move(raw));
}

uint64_t TrafficRecorder::recorded() const { return impl_->counts->recorded.load(); }
uint64_t TrafficRecorder::dropped() const { return impl_->counts->dropped.load(); }

}  // namespace catalyst::server
