#include "server/gateway/recorder.h"

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "runtime/observe/log.h"
#include "server/gateway/audit_record.h"

namespace catalyst::server {
namespace {

using observe::Level;

observe::RequestStatus status_of(const mcp::RequestRecord& record) {
  switch (record.ruling) {
    case mcp::Ruling::Deny:
      return observe::RequestStatus::Denied;
    case mcp::Ruling::Hidden:
      return observe::RequestStatus::Hidden;
    case mcp::Ruling::None:
    case mcp::Ruling::Allow:
      break;
  }
  if (record.http_status == mcp::kCancelledStatus) {
    return observe::RequestStatus::Cancelled;
  }
  if (record.error_code == 0 && record.http_status < 400) {
    return observe::RequestStatus::Ok;
  }
  return record.failure.empty() ? observe::RequestStatus::Error : observe::RequestStatus::UpstreamError;
}

Level level_of(observe::RequestStatus status) {
  switch (status) {
    case observe::RequestStatus::Ok:
    case observe::RequestStatus::Cancelled:
      return Level::Debug;
    case observe::RequestStatus::Denied:
    case observe::RequestStatus::Hidden:
    case observe::RequestStatus::Error:
      return Level::Info;
    case observe::RequestStatus::UpstreamError:
      return Level::Warn;
  }
  return Level::Warn;
}

void log_request(const mcp::RequestRecord& record, observe::RequestStatus status) {
  const Level level = level_of(status);
  if (!observe::log_enabled(level)) {
    return;
  }
  const std::string route = record.route == nullptr ? std::string() : record.route->json();
  observe::log(level, "request",
               {{"request_id", record.request_id},
                {"trace_id", record.trace_id},
                {"principal", record.principal},
                {"peer", record.peer},
                {"method", record.method},
                {"server", record.server},
                {"tool", record.tool},
                {"status", observe::request_status_text(status)},
                {"rule", record.rule_name},
                {"route", route},
                {"code", record.error_code},
                {"http", record.http_status},
                {"reason", record.failure},
                {"ms", static_cast<double>(record.total_ns / 1000) / 1000}});
}

std::vector<std::string_view> names_of(const decision::Pack& pack) {
  std::vector<std::string_view> names;
  for (uint32_t rule = 0; rule < pack.rule_count(); ++rule) {
    names.push_back(pack.rule_name(rule));
  }
  return names;
}

}  // namespace

struct Recorder::Impl {
  struct Known {
    std::weak_ptr<const decision::Pack> pack;
    std::shared_ptr<const observe::PackCounters> counters;
  };

  Impl(observe::Metrics& m, observe::AuditLog* a) : metrics(m), audit(a) {}

  observe::Metrics& metrics;
  observe::AuditLog* audit;
  std::atomic<uint64_t> epoch{1};  // changes with every registration
  std::mutex mutex;                // guards `known`
  std::unordered_map<const decision::Pack*, Known> known;

  /// The counters of `pack`, remembered per thread until the next registration.
  const observe::PackCounters* counters(const decision::Pack* pack) {
    struct Cache {
      const Impl* owner = nullptr;
      const decision::Pack* pack = nullptr;
      uint64_t epoch = 0;
      std::shared_ptr<const observe::PackCounters> counters;
    };
    thread_local Cache cache;
    const uint64_t now = epoch.load(std::memory_order_acquire);
    if (cache.owner != this || cache.pack != pack || cache.epoch != now) {
      const std::lock_guard lock(mutex);
      const auto found = known.find(pack);
      cache = {this, pack, now, found == known.end() ? nullptr : found->second.counters};
    }
    return cache.counters.get();
  }

  void count(const mcp::RequestRecord& record, observe::RequestStatus status) {
    const size_t server = metrics.server_index(record.server);
    metrics.request(observe::method_of(record.method), server, status);
    metrics.request_latency.observe_ns(static_cast<uint64_t>(record.total_ns));
    if (record.upstream_ns > 0) {
      metrics.upstream_latency(server, static_cast<uint64_t>(record.upstream_ns));
    }
    if (record.redactions > 0) {
      metrics.redactions.add(record.redactions);
    }
    if (record.pack == nullptr) {
      return;
    }
    metrics.decision_latency.observe_ns(static_cast<uint64_t>(record.decision_ns));
    const observe::PackCounters* pack = counters(record.pack);
    if (pack == nullptr) {
      return;
    }
    const auto decision = record.ruling == mcp::Ruling::Deny     ? observe::Decision::Deny
                          : record.ruling == mcp::Ruling::Hidden ? observe::Decision::Hide
                                                                 : observe::Decision::Allow;
    if (record.ruling != mcp::Ruling::None) {
      pack->of(record.rule).decisions[static_cast<size_t>(decision)].add();
    }
    for (const mcp::ObservedError& failure : record.errors) {
      pack->of(failure.rule).errors.add();
    }
    for (const uint32_t rule : record.shadows) {
      pack->of(rule).shadows.add();
    }
  }

  void log_rule_errors(const mcp::RequestRecord& record) const {
    for (const mcp::ObservedError& failure : record.errors) {
      observe::log(
          Level::Warn, "a rule's condition failed",
          {{"request_id", record.request_id},
           {"rule", record.pack != nullptr ? record.pack->rule_name(failure.rule) : std::string_view()},
           {"reason", value::status_name(failure.status)},
           {"server", record.server},
           {"tool", record.tool}});
    }
  }

  void write_audit(const mcp::RequestRecord& record) {
    metrics.audit_records.add();
    thread_local std::string line;  // keeps its memory from record to record; kAuditJsonMax bounds it
    line.clear();
    append_audit_record(line, record);
    if (audit != nullptr) {
      audit->append(line);
    } else {
      observe::log(Level::Info, "audit", {{"request_id", record.request_id}, {"record", line}});
    }
  }
};

Recorder::Recorder(observe::Metrics& metrics, observe::AuditLog* audit)
    : impl_(std::make_unique<Impl>(metrics, audit)) {}
Recorder::~Recorder() = default;

std::vector<uint64_t> Recorder::decided(const decision::Pack& pack) const {
  const auto counters = impl_->metrics.counters_for(names_of(pack));
  std::vector<uint64_t> out;
  for (const observe::RuleCounters* rule : counters->rules) {
    uint64_t count = 0;
    for (const observe::Counter& decisions : rule->decisions) {
      count += decisions.value();
    }
    out.push_back(count);
  }
  return out;
}

void Recorder::register_pack(const std::shared_ptr<const decision::Pack>& pack) {
  auto counters = impl_->metrics.counters_for(names_of(*pack));
  const std::lock_guard lock(impl_->mutex);
  for (auto it = impl_->known.begin(); it != impl_->known.end();) {
    it = it->second.pack.expired() ? impl_->known.erase(it) : std::next(it);
  }
  impl_->known.insert_or_assign(pack.get(), Impl::Known{pack, std::move(counters)});
  impl_->epoch.fetch_add(1, std::memory_order_release);
}

void Recorder::on_request(const mcp::RequestRecord& record) noexcept {
  try {
    const observe::RequestStatus status = status_of(record);
    impl_->count(record, status);
    log_request(record, status);
    if (!record.errors.empty()) {
      impl_->log_rule_errors(record);
    }
    if (record.audit != decision::AuditLevel::None || !record.events.empty()) {
      impl_->write_audit(record);
    }
  } catch (const std::exception& failure) {  // out of memory, or spdlog's own
    observe::log(Level::Error, "cannot record a request", {{"reason", std::string_view(failure.what())}});
  }
}

}  // namespace catalyst::server
