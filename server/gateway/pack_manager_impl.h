#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/gateway/deployer.h"
#include "server/gateway/pack_manager.h"
#include "server/gateway/policy.h"

namespace catalyst::server {

/// Files and threads are in pack_manager.cpp, deployments in pack_manager_deploy.cpp.
struct PackManager::Impl {
  using Clock = std::chrono::steady_clock;

  explicit Impl(Options o)
      : files(std::move(o.files)),
        compiler_version(std::move(o.compiler)),
        hooks(std::move(o.hooks)),
        native_cache(o.native.folder.empty() ? nullptr
                                             : std::make_unique<driver::NativeCache>(std::move(o.native))),
        worker(std::move(o.worker)),
        deployer(o.store, std::move(o.loading)) {}

  std::vector<std::string> files;
  std::string compiler_version;
  Hooks hooks;
  std::unique_ptr<const driver::NativeCache> native_cache;  // the native thread's
  driver::Worker worker;
  std::unique_ptr<decision::Engine> engine;
  // The compiling thread's:
  Deployer deployer;
  check::SchemaCache schemas;
  store::Placement placement;  // what the store says too

  mutable std::mutex mutex;  // guards everything below
  std::condition_variable wake;
  bool stop = false;
  bool wanted = false;
  bool forced = false;
  std::vector<std::function<void(const ReloadOutcome&)>> waiting;
  std::deque<std::function<void()>> jobs;
  // Who decides. Their packs and tiers are guarded, too.
  std::shared_ptr<Policy> stable;
  std::shared_ptr<Policy> canary;
  std::shared_ptr<Policy> shadow;
  uint32_t canary_share = 0;
  std::deque<std::weak_ptr<Policy>> for_native;  // policies without native code
  std::shared_ptr<Policy> compiling;             // the one whose native code is under way
  std::stop_source outdated;                     // asks that compilation to end
  PackStatus status;
  std::vector<std::pair<std::string, std::string>> last_texts;

  std::thread compiler;
  std::thread native;

  void announce(const std::shared_ptr<const decision::Pack>& pack) const;
  [[nodiscard]] bool decides(const std::shared_ptr<Policy>& policy) const;  // with the lock held
  void publish();                                                           // with the lock held
  void describe_stable(double seconds);                                     // with the lock held
  void put_in_force(std::shared_ptr<Policy> policy, Clock::time_point start);

  /// Reads, compiles the packed form and puts it in force.
  ReloadOutcome attempt_reload(bool always);
  ReloadOutcome files_wait() const;

  /// What was deployed last is in force again. A stable pack that cannot be used is no reason to decide by
  /// something older.
  ReloadOutcome restore();
  void restore_beside(int64_t id, std::shared_ptr<Policy>& slot);
  Result<void> deploy(const Deployment& deployment);
  Result<void> withdraw(Place place, const std::string& by);
  Result<void> rollback(const std::string& release, const std::string& by);
  Result<std::shared_ptr<Policy>> policy_of_files();
  /// Keeps the new placement, then has it decide. `policy` is what is new in it.
  Result<void> move(const store::Placement& next, const char* what, const std::string& by,
                    const std::shared_ptr<Policy>& policy, Clock::time_point start);
  Result<DeploymentStatus> describe();
  Result<void> edit_rules(const driver::RuleEdit& edit, const std::string& by);
  Result<std::vector<driver::ListedRule>> list_rules() const;
  /// False: too many are waiting, and `job` never runs.
  bool enqueue(std::function<void()> job);
  void enqueue(std::function<Result<void>()> job, Done done);
  void enqueue_rules(std::function<Result<void>()> job, RulesDone done);

  void run_compiler();
  void run_native();
  /// False when the policy does not decide any more.
  bool put_native(const std::shared_ptr<Policy>& policy, std::shared_ptr<const abi::Unit> unit,
                  const char* tier);
  /// How a compilation ended: counted, and logged when it failed.
  void compiled() const;
  void not_compiled(const Error& failure) const;
  /// All of a large policy takes seconds: what decides most, as far as it did so before, goes first. False
  /// when that took more than a worker may take, as all of it would.
  bool put_hottest(const std::shared_ptr<Policy>& policy, const std::stop_token& stop_asked);
  void go_native(const std::shared_ptr<Policy>& policy, uint64_t generation,
                 const std::stop_token& stop_asked);
};

}  // namespace catalyst::server
