#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/driver/native_cache.h"
#include "compiler/driver/packs.h"
#include "compiler/driver/rule_edit.h"
#include "compiler/driver/worker.h"
#include "runtime/base/result.h"
#include "runtime/decision/engine.h"
#include "runtime/store/store_thread.h"

namespace catalyst::server {

/// What /api/v1/pack and /readyz say about the policy.
struct PackStatus {
  std::string name;
  std::string version;
  std::string tier;  // "packed" or "native"
  uint32_t rules = 0;
  uint64_t generation = 0;     // policies put in force so far, 1 for the first
  double compile_seconds = 0;  // of the packed form: from reading the files to being in force
  int64_t loaded_at_ms = 0;    // since the epoch
  std::vector<std::string> files;
  bool deployed = false;  // the policy came through `deploy`; the files wait for a rollback to them
  std::string digest;     // of a pack
  uint64_t sequence = 0;  // of a pack
  std::vector<std::string> signed_by;  // trusted keys that signed the pack
  std::string last_error;              // rendered diagnostics of the last attempt; empty when it succeeded
  int64_t last_error_at_ms = 0;
};

/// How one reload went.
struct ReloadOutcome {
  bool ok = false;
  bool unchanged = false;        // the files say what is in force already
  std::string text;              // rendered diagnostics when not ok
  std::string diagnostics_json;  // "[...]"
};

/// Where a pack is deployed to.
enum class Place : uint8_t {
  Stable,  // decides for everybody
  Canary,  // decides for a share of the principals
  Shadow,  // decides for nobody, and is compared
};

struct Deployment {
  Place place = Place::Stable;
  uint32_t share = 0;  // Canary: of decision::InForce::kWhole principals
  std::string bytes;   // the pack
  std::string by;      // who asked, for the history
};

/// Who decides, and what was deployed.
struct DeploymentStatus {
  PackStatus stable;
  std::optional<PackStatus> canary;
  uint32_t canary_share = 0;
  std::optional<PackStatus> shadow;
  std::vector<store::PackRow> versions;      // newest first
  std::vector<store::PlacementRow> history;  // newest first
};

/// Keeps the policy in force: files that are reloaded when they change, or packs that are deployed and kept
/// in the store. Compiles on threads of its own, swaps the engine's packs when a new one is good, leaves the
/// old ones otherwise. The packed form is swapped in at once and native code follows from a second thread,
/// which has a process of its own compile it within bounds.
class PackManager {
 public:
  struct Hooks {
    /// Before a pack is put in force, on a compiling thread; may register it with metrics.
    std::function<void(const std::shared_ptr<const decision::Pack>&)> before_swap;
    /// How often each rule of the pack, by its name, decided so far; on the native thread.
    std::function<std::vector<uint64_t>(const decision::Pack&)> decided;
    std::function<void(bool ok)> reloaded;
    /// Native code was compiled ("done"), or why not (driver::word_of).
    std::function<void(std::string_view how)> native_compiled;
    /// Another pack is compared from now on; "" when none is.
    std::function<void(const std::string& pack)> shadow_began;
  };
  struct Options {
    std::vector<std::string> files;
    store::StoreThread* store = nullptr;  // where deployments are kept; nullptr: nothing can be deployed.
                                          // Outlives the manager
    driver::LoadOptions loading;          // whose packs are used
    std::string compiler;                 // our version, for packs that edits make
    driver::NativeCache::Options native;  // where native code is kept; no folder: nowhere
    driver::Worker::Options worker;       // what compiling it may take
    Hooks hooks;
  };

  explicit PackManager(Options options);
  ~PackManager();
  PackManager(const PackManager&) = delete;
  PackManager& operator=(const PackManager&) = delete;

  /// Puts the first policy in force, on the calling thread, and starts the compiling threads: what was
  /// deployed last, or else the files. Nothing else may be called before it succeeded.
  ReloadOutcome load_first();

  enum class Trigger : uint8_t {
    Watch,     // a file changed: nothing happens when the contents did not
    Explicit,  // someone asked
  };
  /// Any thread. `done` runs on the compiling thread; requests that wait together share one compilation.
  /// While a deployed pack is in force the files wait.
  void reload(Trigger trigger, std::function<void(const ReloadOutcome&)> done = {});

  using Done = std::function<void(const Result<DeploymentStatus>&)>;
  /// Any thread; `done` runs on the compiling thread. A deployment is kept in the store before it is in
  /// force.
  void deploy(Deployment deployment, Done done);
  /// Ends a canary or shadow.
  void withdraw(Place place, std::string by, Done done);
  /// Back to a release ("1.4.0", the beginning of a digest, or "files"); "": the one before. Ends a canary.
  void rollback(std::string release, std::string by, Done done);
  void describe(Done done);

  using RulesDone = std::function<void(const Result<std::vector<driver::ListedRule>>&)>;
  /// The rules in force for everybody, and those that are switched off.
  void list_rules(RulesDone done);
  /// One rule of a pack is added, taken out, switched off or on: that makes another release, checked and
  /// deployed like any other. Policy files are changed by their authors alone.
  void edit_rules(driver::RuleEdit edit, std::string by, RulesDone done);

  /// Ends the compiling threads; the policy stays in force. Idempotent.
  void stop();

  [[nodiscard]] decision::Engine& engine();
  [[nodiscard]] PackStatus status() const;
  /// Policy and schema files of the last attempt, for the watcher.
  [[nodiscard]] std::vector<std::string> watched_files() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::server
