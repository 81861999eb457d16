#include "server/gateway/deployer.h"

#include <algorithm>
#include <boost/system/errc.hpp>
#include <chrono>
#include <set>
#include <utility>

#include "compiler/pack/refusal.h"

namespace catalyst::server {
namespace {

/// Releases and changes that are looked at: more than anybody goes back.
constexpr size_t kRowsMax = 1000;

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Error nowhere(std::string what) {
  return error(make_error_code(boost::system::errc::no_such_file_or_directory), std::move(what));
}

}  // namespace

template <class Job>
std::invoke_result_t<Job, store::Store&> Deployer::ask(Job job) {
  if (store_ == nullptr) {
    return error(make_error_code(boost::system::errc::not_supported),
                 "deploying needs a store; set `store.file` in catalyst.yaml");
  }
  return store_->call(std::move(job));
}

Result<std::shared_ptr<Policy>> Deployer::admit(const std::string& bytes, const Policy& in_force,
                                                const std::string& by) {
  auto policy = open_policy(bytes, loading_);
  if (policy.has_error()) {
    return policy.error();
  }
  if (auto order = check_order(**policy, in_force); order.has_error()) {
    return order.error();
  }
  store::PackRow row;
  row.name = (*policy)->name();
  row.version = (*policy)->version();
  row.sequence = (*policy)->sequence;
  row.digest = (*policy)->digest;
  row.added_at_ms = now_ms();
  row.added_by = by;
  const auto id = ask([&](store::Store& store) { return store.add_pack(row, bytes); });
  if (id.has_error()) {
    return id.error();
  }
  (*policy)->id = *id;
  return policy;
}

Result<void> Deployer::check_order(const Policy& next, const Policy& in_force) {
  if (next.name() != in_force.name()) {
    return pack::refuse(pack::Refusal::AnotherName, next.name() + ", and in force is " + in_force.name());
  }
  uint64_t newest = in_force.sequence;
  if (has_store()) {
    const auto kept = highest(next.name());
    if (kept.has_error()) {
      return kept.error();
    }
    newest = std::max(newest, *kept);
  }
  if (next.sequence < newest) {
    return pack::refuse(pack::Refusal::Downgrade, "sequence " + std::to_string(next.sequence) + " after " +
                                                      std::to_string(newest) + "; rollback goes back");
  }
  return {};
}

Result<uint64_t> Deployer::highest(const std::string& name) {
  const auto placed = history();
  const auto known = versions();
  if (placed.has_error() || known.has_error()) {
    return placed.has_error() ? placed.error() : known.error();
  }
  std::set<int64_t> stable;
  for (const store::PlacementRow& row : *placed) {
    stable.insert(row.placement.stable);
  }
  uint64_t out = 0;
  for (const store::PackRow& row : *known) {
    if (row.name == name && stable.count(row.id) != 0) {
      out = std::max(out, row.sequence);
    }
  }
  return out;
}

Result<std::shared_ptr<Policy>> Deployer::recall(int64_t id) {
  const auto bytes = ask([&](store::Store& store) { return store.pack_bytes(id); });
  if (bytes.has_error()) {
    return bytes.error();
  }
  auto policy = open_policy(*bytes, loading_);
  if (policy.has_value()) {
    (*policy)->id = id;
  }
  return policy;
}

Result<store::Placement> Deployer::placement() {
  return ask([](store::Store& store) { return store.placement(); });
}

Result<void> Deployer::place(const std::string& what, const std::string& by,
                             const store::Placement& placement) {
  return ask([&](store::Store& store) { return store.place({now_ms(), by, what, placement}); });
}

Result<int64_t> Deployer::before(int64_t now) {
  const auto placed = history();
  if (placed.has_error()) {
    return placed.error();
  }
  // Ids grow with the first deployment: what is older has a smaller one, so going back twice goes back two
  // releases.
  for (const store::PlacementRow& row : *placed) {
    if (row.what != "rollback" && row.placement.stable < now) {
      return row.placement.stable;
    }
  }
  if (now == 0) {
    return nowhere("the policy files are in force; there is nothing before them");
  }
  return int64_t{0};
}

Result<int64_t> Deployer::find(const std::string& release) {
  if (release == "files") {
    return int64_t{0};
  }
  const auto known = versions();
  if (known.has_error()) {
    return known.error();
  }
  for (const store::PackRow& row : *known) {
    if (row.version == release || (release.size() >= 6 && row.digest.starts_with(release))) {
      return row.id;
    }
  }
  return nowhere("no release " + release + " was deployed here");
}

Result<std::vector<store::PackRow>> Deployer::versions() {
  return ask([](store::Store& store) { return store.packs(kRowsMax); });
}

Result<std::vector<store::PlacementRow>> Deployer::history() {
  return ask([](store::Store& store) { return store.placements(kRowsMax); });
}

}  // namespace catalyst::server
