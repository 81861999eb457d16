// What is deployed, withdrawn and rolled back; on the compiling thread.

#include <boost/system/errc.hpp>
#include <utility>

#include "runtime/decision/in_force.h"
#include "runtime/observe/log.h"
#include "server/gateway/pack_manager_impl.h"
#include "server/gateway/policy_report.h"

namespace catalyst::server {
namespace {

using observe::Level;

/// Deployments that may wait for each other.
constexpr size_t kJobsMax = 16;

}  // namespace

ReloadOutcome PackManager::Impl::restore() {
  const auto start = Clock::now();
  const auto kept = deployer.placement();
  if (kept.has_error()) {
    return failed(kept.error());
  }
  placement = *kept;
  if (placement.stable == 0) {
    ReloadOutcome outcome = attempt_reload(true);
    if (!outcome.ok) {
      return outcome;
    }
  } else {
    auto policy = deployer.recall(placement.stable);
    if (policy.has_error()) {
      return failed(add_context(policy.error(), "the deployed pack"));
    }
    put_in_force(std::move(*policy), start);
  }
  restore_beside(placement.canary, canary);
  restore_beside(placement.shadow, shadow);
  const std::lock_guard lock(mutex);
  canary_share = placement.canary_share;
  if (shadow != nullptr && hooks.shadow_began) {
    hooks.shadow_began(shadow->name() + "@" + shadow->version());
  }
  publish();
  ReloadOutcome outcome;
  outcome.ok = true;
  outcome.diagnostics_json = "[]";
  return outcome;
}

void PackManager::Impl::restore_beside(int64_t id, std::shared_ptr<Policy>& slot) {
  if (id == 0) {
    return;
  }
  auto policy = deployer.recall(id);
  if (policy.has_error()) {
    observe::log(Level::Error, "a canary or shadow is not used", {{"reason", policy.error().message()}});
    return;
  }
  announce((*policy)->pack);
  const std::lock_guard lock(mutex);
  for_native.push_back(*policy);
  slot = std::move(*policy);
}

Result<void> PackManager::Impl::deploy(const Deployment& deployment) {
  const auto start = Clock::now();
  if (deployment.place == Place::Canary &&
      (deployment.share == 0 || deployment.share > decision::InForce::kWhole)) {
    return error(make_error_code(boost::system::errc::invalid_argument),
                 "the share of a canary is above 0 and at most 100 percent");
  }
  auto admitted = deployer.admit(deployment.bytes, *stable, deployment.by);
  if (admitted.has_error()) {
    return admitted.error();
  }
  store::Placement next = placement;
  switch (deployment.place) {
    case Place::Stable:
      next.stable = (*admitted)->id;
      next.canary = 0;
      next.shadow = next.shadow == next.stable ? 0 : next.shadow;
      return move(next, "deploy", deployment.by, *admitted, start);
    case Place::Canary:
      next.canary = (*admitted)->id;
      next.canary_share = deployment.share;
      return move(next, "canary", deployment.by, *admitted, start);
    case Place::Shadow:
      next.shadow = (*admitted)->id;
      return move(next, "shadow", deployment.by, *admitted, start);
  }
  return {};
}

Result<void> PackManager::Impl::withdraw(Place place, const std::string& by) {
  store::Placement next = placement;
  int64_t& id = place == Place::Canary ? next.canary : next.shadow;
  if (id == 0) {
    return error(make_error_code(boost::system::errc::no_such_file_or_directory),
                 place == Place::Canary ? "there is no canary" : "there is no shadow");
  }
  id = 0;
  return move(next, "withdraw", by, nullptr, Clock::now());
}

Result<void> PackManager::Impl::rollback(const std::string& release, const std::string& by) {
  const auto start = Clock::now();
  const auto to = release.empty() ? deployer.before(placement.stable) : deployer.find(release);
  if (to.has_error()) {
    return to.error();
  }
  store::Placement next = placement;
  next.stable = *to;
  next.canary = 0;
  auto policy = *to != 0 ? deployer.recall(*to) : policy_of_files();
  if (policy.has_error()) {
    return policy.error();
  }
  return move(next, "rollback", by, *policy, start);
}

Result<std::shared_ptr<Policy>> PackManager::Impl::policy_of_files() {
  PolicyReading reading = read_policy(files, deployer.loading(), schemas);
  const bool good = reading.analysis != nullptr && reading.analysis->module != nullptr;
  std::shared_ptr<Policy> policy = good ? make_policy(reading.analysis) : reading.from_pack;
  if (policy == nullptr) {
    return error("the policy files do not load: " + outcome_of(reading).text);
  }
  const std::lock_guard lock(mutex);
  last_texts = std::move(reading.texts);
  return policy;
}

Result<void> PackManager::Impl::move(const store::Placement& next, const char* what, const std::string& by,
                                     const std::shared_ptr<Policy>& policy, Clock::time_point start) {
  if (auto kept = deployer.place(what, by, next); kept.has_error()) {
    return kept;
  }
  const bool other_shadow = next.shadow != placement.shadow;
  const bool other_stable =
      next.stable != placement.stable || (policy != nullptr && policy->id == next.stable);
  placement = next;
  if (policy != nullptr) {
    announce(policy->pack);
  }
  const auto take = [&](int64_t id, std::shared_ptr<Policy>& slot) {
    slot = id == 0 ? nullptr : policy != nullptr && policy->id == id ? policy : slot;
  };
  {
    const std::lock_guard lock(mutex);
    if (policy != nullptr) {
      for_native.push_back(policy);
    }
    take(next.canary, canary);
    take(next.shadow, shadow);
    canary_share = next.canary_share;
    if (other_stable) {
      stable = policy;
    }
    if (other_shadow && hooks.shadow_began) {
      hooks.shadow_began(shadow == nullptr ? "" : shadow->name() + "@" + shadow->version());
    }
    publish();
    observe::log(Level::Info, "deployment changed", {{"what", std::string_view(what)}, {"by", by}});
    if (other_stable) {
      describe_stable(std::chrono::duration<double>(Clock::now() - start).count());
    }
  }
  wake.notify_all();
  return {};
}

Result<DeploymentStatus> PackManager::Impl::describe() {
  DeploymentStatus out;
  {
    const std::lock_guard lock(mutex);
    out.stable = status;
    out.canary = canary == nullptr ? std::nullopt : std::optional(status_of(*canary));
    out.canary_share = canary == nullptr ? 0 : canary_share;
    out.shadow = shadow == nullptr ? std::nullopt : std::optional(status_of(*shadow));
  }
  if (deployer.has_store()) {
    auto versions = deployer.versions();
    auto history = deployer.history();
    if (versions.has_error() || history.has_error()) {
      return versions.has_error() ? versions.error() : history.error();
    }
    out.versions = std::move(*versions);
    out.history = std::move(*history);
  }
  return out;
}

namespace {

Error too_many() {
  return error(make_error_code(boost::system::errc::resource_unavailable_try_again),
               "too many deployments at once");
}

}  // namespace

bool PackManager::Impl::enqueue(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex);
    if (stop || jobs.size() >= kJobsMax) {
      return false;
    }
    jobs.push_back(std::move(job));
  }
  wake.notify_all();
  return true;
}

void PackManager::Impl::enqueue(std::function<Result<void>()> job, Done done) {
  const bool taken = enqueue([this, job = std::move(job), done] {
    const Result<void> result = job();
    done(result.has_error() ? Result<DeploymentStatus>(result.error()) : describe());
  });
  if (!taken) {
    done(too_many());
  }
}

void PackManager::Impl::enqueue_rules(std::function<Result<void>()> job, RulesDone done) {
  const bool taken = enqueue([this, job = std::move(job), done] {
    const Result<void> result = job();
    done(result.has_error() ? Result<std::vector<driver::ListedRule>>(result.error()) : list_rules());
  });
  if (!taken) {
    done(too_many());
  }
}

Result<std::vector<driver::ListedRule>> PackManager::Impl::list_rules() const {
  return driver::list_rules(*stable->analysis);
}

Result<void> PackManager::Impl::edit_rules(const driver::RuleEdit& edit, const std::string& by) {
  const auto start = Clock::now();
  if (stable->digest.empty()) {
    return error(
        make_error_code(boost::system::errc::operation_not_permitted),
        "policy files are in force, and their rules are changed there; deploy a pack to change rules here");
  }
  auto built = driver::edit_pack(*stable->analysis, stable->schemas, edit,
                                 {stable->sequence + 1, compiler_version, deployer.loading().budget});
  if (built.has_error()) {
    return built.error();
  }
  if (built->analysis.module == nullptr) {
    std::string text;
    for (const diagnostics::Diagnostic& diagnostic : built->analysis.diagnostics.all()) {
      text += diagnostics::render(built->analysis.sources, diagnostic, diagnostics::Color::Never) + "\n";
    }
    return error(make_error_code(boost::system::errc::bad_message), std::move(text));
  }
  auto admitted = deployer.admit(built->bytes, *stable, by);
  if (admitted.has_error()) {
    return admitted.error();
  }
  store::Placement next = placement;
  next.stable = (*admitted)->id;
  return move(next, "rules", by, *admitted, start);
}

}  // namespace catalyst::server
