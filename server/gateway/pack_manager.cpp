#include "server/gateway/pack_manager.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>

#include "compiler/driver/compile.h"
#include "runtime/base/check.h"
#include "runtime/base/give_back.h"
#include "runtime/decision/in_force.h"
#include "runtime/observe/log.h"
#include "server/gateway/pack_manager_impl.h"
#include "server/gateway/policy.h"
#include "server/gateway/policy_report.h"

namespace catalyst::server {
namespace {

using observe::Level;

constexpr int kNativeNice = 10;
/// From so many rules on it takes over half a second to compile all of them.
constexpr uint32_t kHottestFirst = 1000;

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string_view origin_text(driver::NativeOrigin origin) {
  switch (origin) {
    case driver::NativeOrigin::Compiled:
      return "compiler";
    case driver::NativeOrigin::Cache:
      return "cache";
    case driver::NativeOrigin::Pack:
      return "pack";
  }
  return "";
}

/// Which option bounds a worker that ended so.
std::string_view limit_of(driver::WorkerEnd end) {
  switch (end) {
    case driver::WorkerEnd::Time:
      return " (`native.compile_time` is the limit)";
    case driver::WorkerEnd::Memory:
      return " (`native.compile_memory` is the limit)";
    case driver::WorkerEnd::Refused:
    case driver::WorkerEnd::Stopped:
    case driver::WorkerEnd::Died:
    case driver::WorkerEnd::NotStarted:
      return "";
  }
  return "";
}

double milliseconds(double seconds) { return std::round(seconds * 1e6) / 1e3; }

}  // namespace

void PackManager::Impl::announce(const std::shared_ptr<const decision::Pack>& pack) const {
  if (hooks.before_swap) {
    hooks.before_swap(pack);
  }
}

bool PackManager::Impl::decides(const std::shared_ptr<Policy>& policy) const {
  return policy == stable || policy == canary || policy == shadow;
}

void PackManager::Impl::publish() {
  if (compiling != nullptr && !decides(compiling)) {
    outdated.request_stop();
  }
  auto in_force = std::make_shared<decision::InForce>();
  in_force->stable = stable->pack;
  in_force->canary = canary != nullptr ? canary->pack : nullptr;
  in_force->canary_share = canary_share;
  in_force->shadow = shadow != nullptr ? shadow->pack : nullptr;
  if (engine == nullptr) {
    engine = std::make_unique<decision::Engine>(in_force->stable);
  }
  engine->swap(std::shared_ptr<const decision::InForce>(std::move(in_force)));
}

void PackManager::Impl::describe_stable(double seconds) {
  const uint64_t generation = status.generation + 1;
  status = status_of(*stable);
  status.generation = generation;
  status.compile_seconds = seconds;
  status.loaded_at_ms = now_ms();
  status.files = files;
  observe::log(Level::Info, "policy in force",
               {{"pack", status.name},
                {"version", status.version},
                {"rules", status.rules},
                {"generation", status.generation},
                {"ms", milliseconds(seconds)}});
}

void PackManager::Impl::put_in_force(std::shared_ptr<Policy> policy, Clock::time_point start) {
  announce(policy->pack);
  {
    const std::lock_guard lock(mutex);
    for_native.push_back(policy);
    stable = std::move(policy);
    publish();
    describe_stable(std::chrono::duration<double>(Clock::now() - start).count());
  }
  wake.notify_all();
}

ReloadOutcome PackManager::Impl::attempt_reload(bool always) {
  if (placement.stable != 0) {
    return files_wait();
  }
  const auto start = Clock::now();
  PolicyReading reading = read_policy(files, deployer.loading(), schemas);
  {
    const std::lock_guard lock(mutex);
    if (!always && reading.texts == last_texts) {
      ReloadOutcome outcome;
      outcome.ok = status.last_error.empty();
      outcome.unchanged = true;
      outcome.text = status.last_error;
      return outcome;
    }
    last_texts = reading.texts;
  }
  std::shared_ptr<Policy> policy = reading.from_pack;
  if (policy != nullptr && stable != nullptr) {
    if (const auto order = deployer.check_order(*policy, *stable); order.has_error()) {
      reading.failure = order.error().message() + "\n";
      policy = nullptr;
    }
  }
  if (reading.analysis != nullptr && reading.analysis->module != nullptr) {
    policy = make_policy(reading.analysis);
  }
  ReloadOutcome outcome = outcome_of(reading);  // mistakes or warnings
  if (policy == nullptr) {
    const std::lock_guard lock(mutex);
    status.last_error = outcome.text;
    status.last_error_at_ms = now_ms();
    if (engine != nullptr) {
      log_failure(reading);
    }
    return outcome;
  }
  put_in_force(std::move(policy), start);
  outcome.ok = true;
  return outcome;
}

ReloadOutcome PackManager::Impl::files_wait() const {
  const std::lock_guard lock(mutex);
  ReloadOutcome outcome;
  outcome.unchanged = true;
  outcome.diagnostics_json = "[]";
  outcome.text = status.name + " " + status.version +
                 " was deployed and is in force; roll back to `files` to have the policy files decide\n";
  observe::log(Level::Info, "policy files not loaded, a deployed pack is in force",
               {{"version", status.version}});
  return outcome;
}

void PackManager::Impl::run_compiler() {
  std::unique_lock lock(mutex);
  while (true) {
    wake.wait(lock, [this] { return wanted || stop || !jobs.empty(); });
    if (stop) {
      return;
    }
    if (!jobs.empty()) {
      const auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      lock.lock();
      continue;
    }
    wanted = false;
    const bool always = std::exchange(forced, false);
    auto answers = std::exchange(waiting, {});
    lock.unlock();
    const ReloadOutcome outcome = attempt_reload(always);
    if (!outcome.unchanged && hooks.reloaded) {
      hooks.reloaded(outcome.ok);
    }
    for (const auto& answer : answers) {
      answer(outcome);
    }
    lock.lock();
  }
}

void PackManager::Impl::run_native() {
  // Requests and the packed form of the next policy go first. Without effect where the system refuses.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNativeNice);
  bool starting = true;
  std::unique_lock lock(mutex);
  while (true) {
    wake.wait(lock, [this] { return !for_native.empty() || stop; });
    if (stop) {
      return;
    }
    const std::shared_ptr<Policy> policy = for_native.back().lock();  // the newest first
    for_native.pop_back();
    if (policy == nullptr || !decides(policy)) {
      continue;
    }
    compiling = policy;
    outdated = std::stop_source();
    const std::stop_token stop_asked = outdated.get_token();
    const uint64_t generation = status.generation;
    lock.unlock();
    go_native(policy, generation, stop_asked);
    // What starting touched is never wanted again; what compiling touches is, at the next save, which has no
    // time to get it back.
    if (std::exchange(starting, false)) {
      give_back_memory();
    }
    lock.lock();
    compiling = nullptr;
  }
}

bool PackManager::Impl::put_native(const std::shared_ptr<Policy>& policy,
                                   std::shared_ptr<const abi::Unit> unit, const char* tier) {
  auto pack = std::make_shared<const decision::Pack>(std::move(unit));
  announce(pack);
  const std::lock_guard lock(mutex);
  if (stop || !decides(policy)) {
    return false;
  }
  policy->pack = std::move(pack);
  policy->tier = tier;
  publish();
  if (policy == stable) {
    status.tier = policy->tier;
  }
  return true;
}

void PackManager::Impl::compiled() const {
  if (hooks.native_compiled) {
    hooks.native_compiled("done");
  }
}

void PackManager::Impl::not_compiled(const Error& failure) const {
  const driver::WorkerEnd end = driver::worker_end(failure.code).value_or(driver::WorkerEnd::Refused);
  if (hooks.native_compiled) {
    hooks.native_compiled(driver::word_of(end));
  }
  if (end != driver::WorkerEnd::Stopped) {
    observe::log(Level::Warn, "no native code, the packed form decides",
                 {{"reason", failure.message() + std::string(limit_of(end))}});
  }
}

bool PackManager::Impl::put_hottest(const std::shared_ptr<Policy>& policy,
                                    const std::stop_token& stop_asked) {
  if (!hooks.decided || policy->rules() < kHottestFirst) {
    return true;
  }
  std::vector<uint64_t> decided = hooks.decided(*policy->pack);
  if (std::all_of(decided.begin(), decided.end(), [](uint64_t count) { return count == 0; })) {
    return true;
  }
  const auto start = Clock::now();
  auto unit =
      driver::compile_hottest(*policy->analysis, std::move(decided), {.stop = stop_asked, .worker = &worker});
  if (unit.has_error()) {
    not_compiled(unit.error());
    return false;
  }
  compiled();
  if (put_native(policy, std::move(*unit), "packed")) {
    observe::log(Level::Info, "native code for what decides most in force",
                 {{"ms", milliseconds(std::chrono::duration<double>(Clock::now() - start).count())}});
  }
  return true;
}

void PackManager::Impl::go_native(const std::shared_ptr<Policy>& policy, uint64_t generation,
                                  const std::stop_token& stop_asked) {
  const auto start = Clock::now();
  driver::NativeOptions how{
      .stop = stop_asked, .worker = &worker, .cache = native_cache.get(), .offered = policy->native};
  driver::NativeUnit native_unit = driver::native_at_hand(*policy->analysis, how);
  how.offered = {};
  policy->native.clear();
  policy->native.shrink_to_fit();
  if (!policy->native_unused.empty()) {
    native_unit.remarks.push_back("the pack's native code is not used: " + policy->native_unused);
  }
  if (native_unit.unit == nullptr) {
    if (!put_hottest(policy, stop_asked)) {
      return;
    }
    auto made = driver::compile_native(*policy->analysis, how);
    if (made.has_error()) {
      not_compiled(made.error());
      return;
    }
    compiled();
    if (stop_asked.stop_requested()) {
      return;
    }
    native_unit.unit = std::move(made->unit);
    std::move(made->remarks.begin(), made->remarks.end(), std::back_inserter(native_unit.remarks));
  }
  for (const std::string& remark : native_unit.remarks) {
    observe::log(Level::Warn, "native code", {{"text", remark}});
  }
  if (put_native(policy, std::move(native_unit.unit), "native")) {
    observe::log(Level::Info, "native code in force",
                 {{"generation", generation},
                  {"from", origin_text(native_unit.origin)},
                  {"ms", milliseconds(std::chrono::duration<double>(Clock::now() - start).count())}});
  }
}

PackManager::PackManager(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}

PackManager::~PackManager() { stop(); }

void PackManager::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
    impl_->outdated.request_stop();
  }
  impl_->wake.notify_all();
  for (std::thread* thread : {&impl_->compiler, &impl_->native}) {
    if (thread->joinable()) {
      thread->join();
    }
  }
}

ReloadOutcome PackManager::load_first() {
  ReloadOutcome outcome = impl_->deployer.has_store() ? impl_->restore() : impl_->attempt_reload(true);
  if (outcome.ok) {
    impl_->compiler = std::thread([this] { impl_->run_compiler(); });
    impl_->native = std::thread([this] { impl_->run_native(); });
  }
  return outcome;
}

void PackManager::reload(Trigger trigger, std::function<void(const ReloadOutcome&)> done) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->wanted = true;
    impl_->forced = impl_->forced || trigger == Trigger::Explicit;
    if (done) {
      impl_->waiting.push_back(std::move(done));
    }
  }
  impl_->wake.notify_all();
}

void PackManager::deploy(Deployment deployment, Done done) {
  auto shared = std::make_shared<const Deployment>(std::move(deployment));
  impl_->enqueue([this, shared] { return impl_->deploy(*shared); }, std::move(done));
}

void PackManager::withdraw(Place place, std::string by, Done done) {
  impl_->enqueue([this, place, by = std::move(by)] { return impl_->withdraw(place, by); }, std::move(done));
}

void PackManager::rollback(std::string release, std::string by, Done done) {
  impl_->enqueue(
      [this, release = std::move(release), by = std::move(by)] { return impl_->rollback(release, by); },
      std::move(done));
}

void PackManager::describe(Done done) {
  impl_->enqueue([] { return Result<void>(); }, std::move(done));
}

void PackManager::list_rules(RulesDone done) {
  impl_->enqueue_rules([] { return Result<void>(); }, std::move(done));
}

void PackManager::edit_rules(driver::RuleEdit edit, std::string by, RulesDone done) {
  impl_->enqueue_rules(
      [this, edit = std::move(edit), by = std::move(by)] { return impl_->edit_rules(edit, by); },
      std::move(done));
}

decision::Engine& PackManager::engine() {
  CHECK(impl_->engine != nullptr, "load_first must have succeeded");
  return *impl_->engine;
}

PackStatus PackManager::status() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->status;
}

std::vector<std::string> PackManager::watched_files() const {
  const std::lock_guard lock(impl_->mutex);
  std::vector<std::string> out = impl_->files;
  for (const auto& [path, text] : impl_->last_texts) {
    out.push_back(path);
  }
  return out;
}

}  // namespace catalyst::server
