#include "runtime/mcp/routed_upstream.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/errc.hpp>
#include <cctype>
#include <random>

#include "runtime/base/clock.h"
#include "runtime/mcp/catalogue.h"
#include "runtime/mcp/routed_replica.h"
#include "runtime/mcp/routed_session.h"

namespace catalyst::mcp {
namespace {

namespace errc = boost::system::errc;

constexpr size_t kNameMax = 64;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.' || c == ':';
         });
}

bool is_list(std::string_view method) {
  return std::any_of(kListKinds.begin(), kListKinds.end(),
                     [&](ListKind kind) { return list_spec(kind).method == method; });
}

/// What is spread over the replicas. Everything else goes to the lead: lists, whose pages belong together,
/// what watches resources, and what we do not know.
bool is_spread(std::string_view method) {
  return method == "tools/call" || method == "resources/read" || method == "prompts/get" ||
         method == "completion/complete";
}

routing::Reach reach_of(const Upstream& upstream, bool known) {
  switch (upstream.state()) {
    case UpstreamState::Ready:
      return known ? routing::Reach::Up : routing::Reach::Starting;
    case UpstreamState::Starting:
      return routing::Reach::Starting;
    case UpstreamState::Backoff:
    case UpstreamState::Stopped:
      return routing::Reach::Down;
  }
  return routing::Reach::Down;
}

}  // namespace

RoutedUpstream::RoutedUpstream(Executor home, RoutedUpstreamOptions options, Caches caches)
    : home_(std::move(home)),
      options_(std::move(options)),
      runner_(std::make_shared<RouteRunner>(options_.rule, caches, std::random_device{}())) {}

RoutedUpstream::~RoutedUpstream() = default;

RoutedUpstream::ReplicaPtr RoutedUpstream::admit(Lane lane, bool owned) {
  auto replica = std::make_shared<Replica>();
  replica->owned = owned;
  const std::string name = lane.upstream->name();
  // Weak: the target belongs to what the replica holds.
  lane.target = std::make_shared<routing::Target>(
      name, options_.bulkhead, options_.outliers, options_.checks,
      [upstream = lane.upstream, weak = std::weak_ptr<Replica>(replica)] {
        const std::shared_ptr<Replica> self = weak.lock();
        return self == nullptr ? routing::Reach::Down : reach_of(*upstream, self->known);
      });
  replica->lane = std::move(lane);
  return replica;
}

void RoutedUpstream::add_server(const std::shared_ptr<Upstream>& server, uint32_t index, uint32_t weight) {
  Lane lane;
  lane.upstream = server;
  lane.weight = weight;
  lane.server = index;
  lane.place = server->name();
  lane.origin = "file";
  const std::lock_guard lock(mutex_);
  replicas_.push_back(admit(std::move(lane), false));
  publish_locked();
}

Result<void> RoutedUpstream::add(const ReplicaSpec& spec, const std::string& origin) {
  if (!is_name(spec.name)) {
    return error(
        make_error_code(errc::invalid_argument),
        "`" + spec.name + "` cannot be a replica's name: use 1 to 64 letters, digits, `_`, `-`, `.`, `:`");
  }
  const auto admissible = [&]() -> Result<void> {
    if (replicas_.size() >= options_.replicas_max) {
      return error(options_.name +
                   " has as many replicas as it may: " + std::to_string(options_.replicas_max));
    }
    const bool taken = std::any_of(replicas_.begin(), replicas_.end(), [&](const ReplicaPtr& replica) {
      return replica->lane.target->name() == spec.name;
    });
    if (taken) {
      return error(make_error_code(errc::file_exists),
                   options_.name + " has a replica named `" + spec.name + "` already");
    }
    return {};
  };
  {
    const std::lock_guard lock(mutex_);
    if (Result<void> room = admissible(); room.has_error()) {
      return room;
    }
  }
  Result<std::shared_ptr<Upstream>> made = options_.make(spec);
  if (made.has_error()) {
    return made.error();
  }
  Lane lane;
  lane.upstream = std::move(*made);
  lane.weight = spec.weight;
  lane.place = spec.address.empty() ? spec.url : spec.url + " at " + spec.address;
  lane.origin = origin;
  ReplicaPtr replica = admit(std::move(lane), true);
  bool started = false;
  {
    const std::lock_guard lock(mutex_);
    if (Result<void> room = admissible(); room.has_error()) {
      return room;  // another one was added meanwhile
    }
    replicas_.push_back(replica);
    publish_locked();
    started = started_;
  }
  if (started) {
    begin(replica);
  }
  return {};
}

Result<void> RoutedUpstream::remove(std::string_view name) {
  const ReplicaPtr replica = find(name);
  if (replica == nullptr) {
    return error(make_error_code(errc::no_such_file_or_directory),
                 options_.name + " has no replica named `" + std::string(name) + "`");
  }
  replica->lane.target->drain(true);
  {
    const std::lock_guard lock(mutex_);
    std::erase(replicas_, replica);
    publish_locked();
  }
  replica->gone = true;
  asio::co_spawn(home_, retire(replica), [self = shared_from_this()](const std::exception_ptr&) {});
  return {};
}

Result<void> RoutedUpstream::drain(std::string_view name, bool draining) {
  const ReplicaPtr replica = find(name);
  if (replica == nullptr) {
    return error(make_error_code(errc::no_such_file_or_directory),
                 options_.name + " has no replica named `" + std::string(name) + "`");
  }
  replica->lane.target->drain(draining);
  return {};
}

Result<void> RoutedUpstream::set_weight(std::string_view name, uint32_t weight) {
  const ReplicaPtr replica = find(name);
  if (replica == nullptr) {
    return error(make_error_code(errc::no_such_file_or_directory),
                 options_.name + " has no replica named `" + std::string(name) + "`");
  }
  const std::lock_guard lock(mutex_);
  replica->lane.weight = weight;
  publish_locked();
  return {};
}

std::vector<RoutedUpstream::ReplicaPtr> RoutedUpstream::replicas() const {
  const std::lock_guard lock(mutex_);
  return replicas_;
}

RoutedUpstream::ReplicaPtr RoutedUpstream::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(replicas_.begin(), replicas_.end(), [&](const ReplicaPtr& replica) {
    return replica->lane.target->name() == name;
  });
  return found == replicas_.end() ? nullptr : *found;
}

RoutedUpstream::ReplicaPtr RoutedUpstream::lead() const {
  const int64_t now_ms = steady_ms();
  for (const ReplicaPtr& replica : replicas()) {
    if (replica->known && replica->lane.target->standing(now_ms) < routing::Standing::Starting) {
      return replica;
    }
  }
  return nullptr;
}

void RoutedUpstream::publish_locked() {
  auto lanes = std::make_shared<Lanes>();
  for (const ReplicaPtr& replica : replicas_) {
    lanes->push_back(replica->lane);
  }
  runner_->set_lanes(std::move(lanes));
}

RouteStatus RoutedUpstream::status() const { return status_of(*runner_, options_.name); }

bool RoutedUpstream::definitions_changed(uint32_t server) {
  bool mine = false;
  for (const ReplicaPtr& replica : replicas()) {
    if (replica->lane.server == server) {
      replica->dirty = true;
      mine = true;
    }
  }
  return mine;
}

UpstreamState RoutedUpstream::state() const {
  if (stopped_) {
    return UpstreamState::Stopped;
  }
  bool starting = false;
  for (const ReplicaPtr& replica : replicas()) {
    switch (reach_of(*replica->lane.upstream, replica->known)) {
      case routing::Reach::Up:
        return UpstreamState::Ready;
      case routing::Reach::Starting:
        starting = true;
        break;
      case routing::Reach::Down:
        break;
    }
  }
  return starting ? UpstreamState::Starting : UpstreamState::Backoff;
}

std::string RoutedUpstream::last_error() const {
  std::string out;
  for (const ReplicaPtr& replica : replicas()) {
    if (const std::string why = replica->lane.upstream->last_error(); !why.empty()) {
      out += (out.empty() ? "" : "; ") + replica->lane.target->name() + ": " + why;
    }
  }
  return out;
}

void RoutedUpstream::begin(const ReplicaPtr& replica) {
  if (replica->owned) {
    replica->lane.upstream->start([weak = weak_from_this(), from = std::weak_ptr<Replica>(replica)](
                                      std::string_view method, std::string_view message) {
      if (const std::shared_ptr<RoutedUpstream> self = weak.lock()) {
        self->take_event(from, method, message);
      }
    });
    const std::lock_guard lock(mutex_);
    if (!watched_.empty()) {
      replica->lane.upstream->watch(watched_);
    }
  }
  asio::co_spawn(home_, keep(replica), [self = shared_from_this()](const std::exception_ptr&) {});
}

void RoutedUpstream::take_event(const std::weak_ptr<Replica>& from, std::string_view method,
                                std::string_view message) {
  const ReplicaPtr replica = from.lock();
  if (replica == nullptr || replica->gone) {
    return;
  }
  if (method.ends_with("/list_changed")) {
    replica->dirty = true;
    if (replica != lead()) {
      return;  // the catalogue is another replica's
    }
  }
  if (on_event_) {
    on_event_(method, message);
  }
}

void RoutedUpstream::start(UpstreamEvent on_event) {
  on_event_ = std::move(on_event);
  {
    const std::lock_guard lock(mutex_);
    started_ = true;
  }
  for (const ReplicaPtr& replica : replicas()) {
    begin(replica);
  }
  if (!options_.resolve_host.empty()) {
    asio::co_spawn(home_, resolve(), [self = shared_from_this()](const std::exception_ptr&) {});
  }
}

Task<Result<std::shared_ptr<const UpstreamInfo>>> RoutedUpstream::ready(int64_t timeout_ms) {
  const int64_t deadline_ms = steady_ms() + timeout_ms;
  SteadyTimer timer(co_await asio::this_coro::executor);
  for (;;) {
    if (const ReplicaPtr first = lead()) {
      co_return co_await first->lane.upstream->ready(timeout_ms);
    }
    if (stopped_ || steady_ms() >= deadline_ms) {
      const std::string why = last_error();
      co_return error(asio::error::not_connected,
                      options_.name + (why.empty() ? ": no replica is ready" : ": " + why));
    }
    timer.expires_after(std::chrono::milliseconds(10));
    co_await timer.async_wait(asio::as_tuple(use_awaitable));
  }
}

Task<Result<UpstreamReply>> RoutedUpstream::call(const UpstreamCall& call) {
  if (call.method == "logging/setLevel") {
    co_return co_await set_level(call);
  }
  if (is_spread(call.method)) {
    co_return co_await runner_->call(call);
  }
  const ReplicaPtr first = lead();
  if (first == nullptr || !is_list(call.method)) {
    co_return co_await runner_->call(call,
                                     first == nullptr ? std::string_view() : first->lane.target->name());
  }
  // The catalogue's own: neither counted nor explained.
  co_return co_await first->lane.upstream->call(call);
}

/// Each replica writes its own log.
Task<Result<UpstreamReply>> RoutedUpstream::set_level(const UpstreamCall& call) {
  std::optional<Result<UpstreamReply>> last;
  auto* session = dynamic_cast<RoutedSession*>(call.session);
  for (const ReplicaPtr& replica : replicas()) {
    if (replica->lane.target->standing(steady_ms()) >= routing::Standing::Starting) {
      continue;
    }
    const std::shared_ptr<UpstreamSession> own = session == nullptr || replica->lane.server != Lane::kReplica
                                                     ? nullptr
                                                     : session->with(replica->lane.upstream);
    UpstreamCall one = call;
    one.session = own.get();
    std::string headers;
    if (call.route != nullptr) {
      headers.append(call.route->headers_for(replica->lane.server)).append(call.extra_headers);
      one.extra_headers = headers;
      one.route = nullptr;
    }
    last.emplace(co_await replica->lane.upstream->call(one));
  }
  if (!last) {
    co_return error(asio::error::not_connected, options_.name + ": no replica is ready");
  }
  co_return std::move(*last);
}

Task<Result<void>> RoutedUpstream::notify(std::string_view method, std::string_view params,
                                          UpstreamSession* session) {
  if (auto* routed = dynamic_cast<RoutedSession*>(session)) {
    for (const auto& [replica, own] : routed->all()) {
      co_await replica->notify(method, params, own.get());
    }
    co_return Result<void>{};
  }
  const ReplicaPtr first = lead();
  if (first == nullptr) {
    co_return error(asio::error::not_connected, options_.name + ": no replica is ready");
  }
  co_return co_await first->lane.upstream->notify(method, params, nullptr);
}

std::shared_ptr<UpstreamSession> RoutedUpstream::open(ClientTerms terms) {
  return options_.shared ? nullptr : std::make_shared<RoutedSession>(std::move(terms));
}

Task<Result<std::string>> RoutedUpstream::establish(UpstreamSession& session) {
  auto& routed = dynamic_cast<RoutedSession&>(session);
  const ReplicaPtr first = lead();
  if (first == nullptr || first->lane.server != Lane::kReplica) {
    co_return std::string();
  }
  const std::shared_ptr<UpstreamSession> own = routed.with(first->lane.upstream);
  if (own == nullptr) {
    co_return std::string();
  }
  Result<std::string> id = co_await first->lane.upstream->establish(*own);
  if (id && !id->empty()) {
    *id = first->lane.target->name() + " " + *id;
  }
  co_return id;
}

void RoutedUpstream::watch(std::vector<std::string> uris) {
  for (const ReplicaPtr& replica : replicas()) {
    replica->lane.upstream->watch(uris);
  }
  const std::lock_guard lock(mutex_);
  watched_ = std::move(uris);
}

Task<void> RoutedUpstream::stop() {
  stopped_ = true;
  const auto left = std::make_shared<std::atomic<size_t>>(0);
  for (const ReplicaPtr& replica : replicas()) {
    replica->gone = true;
    if (replica->owned) {
      ++*left;
      asio::co_spawn(home_, replica->lane.upstream->stop(),
                     [left, replica](const std::exception_ptr&) { --*left; });
    }
  }
  SteadyTimer timer(co_await asio::this_coro::executor);
  while (*left > 0) {
    timer.expires_after(std::chrono::milliseconds(2));
    co_await timer.async_wait(use_awaitable);
  }
}

}  // namespace catalyst::mcp
