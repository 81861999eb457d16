#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/decision/engine.h"

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
  std::string last_error;  // rendered diagnostics of the last attempt; empty when it succeeded
  int64_t last_error_at_ms = 0;
};

/// How one reload went.
struct ReloadOutcome {
  bool ok = false;
  bool unchanged = false;        // the files say what is in force already
  std::string text;              // rendered diagnostics when not ok
  std::string diagnostics_json;  // "[...]"
};

/// Keeps the policy files in force: compiles on threads of its own, swaps the engine's pack when a new one is
/// good, leaves the old one otherwise. The packed form is swapped in at once and native code follows from a
/// second thread.
class PackManager {
 public:
  struct Hooks {
    /// Before a pack is put in force, on a compiling thread; may register it with metrics.
    std::function<void(const std::shared_ptr<const decision::Pack>&)> before_swap;
    std::function<void(bool ok)> reloaded;
  };

  PackManager(std::vector<std::string> files, Hooks hooks);
  ~PackManager();
  PackManager(const PackManager&) = delete;
  PackManager& operator=(const PackManager&) = delete;

  /// Compiles the first policy, on the calling thread, and starts the compiling threads. Nothing else may be
  /// called before it succeeded.
  ReloadOutcome load_first();

  enum class Trigger : uint8_t {
    Watch,     // a file changed: nothing happens when the contents did not
    Explicit,  // someone asked
  };
  /// Any thread. `done` runs on the compiling thread; requests that wait together share one compilation.
  void reload(Trigger trigger, std::function<void(const ReloadOutcome&)> done = {});

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
