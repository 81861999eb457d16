#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/store/store_thread.h"
#include "server/gateway/policy.h"

namespace catalyst::server {

/// What the store knows of deployments, and who may deploy what. Every call waits for the store: for the
/// compiling thread alone.
class Deployer {
 public:
  /// `store` may be nullptr: then nothing can be deployed. It outlives the deployer.
  Deployer(store::StoreThread* store, driver::LoadOptions loading)
      : store_(store), loading_(std::move(loading)) {}

  [[nodiscard]] const driver::LoadOptions& loading() const { return loading_; }
  [[nodiscard]] bool has_store() const { return store_ != nullptr; }

  /// Verifies a pack as the next release of the policy in force and keeps it.
  Result<std::shared_ptr<Policy>> admit(const std::string& bytes, const Policy& in_force,
                                        const std::string& by);
  /// Refuses a release that is older than what was in force, or of another name.
  Result<void> check_order(const Policy& next, const Policy& in_force);
  /// A pack from the store, verified again.
  Result<std::shared_ptr<Policy>> recall(int64_t id);

  Result<store::Placement> placement();
  Result<void> place(const std::string& what, const std::string& by, const store::Placement& placement);
  /// The id of what was stable before `now`; 0: the policy files.
  Result<int64_t> before(int64_t now);
  /// The id of a release by version or by the beginning of its digest; "files" is 0.
  Result<int64_t> find(const std::string& release);

  Result<std::vector<store::PackRow>> versions();
  Result<std::vector<store::PlacementRow>> history();

 private:
  template <class Job>
  std::invoke_result_t<Job, store::Store&> ask(Job job);
  /// The highest sequence of that name that ever was stable.
  Result<uint64_t> highest(const std::string& name);

  store::StoreThread* store_;
  driver::LoadOptions loading_;
};

}  // namespace catalyst::server
