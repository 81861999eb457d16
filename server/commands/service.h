#pragma once

#include <memory>
#include <string>

#include "runtime/base/result.h"
#include "server/config/config.h"

namespace catalyst::server {

/// The whole running engine: io threads, upstreams, endpoint, listener, policy, watcher, numbers and logs.
/// One a process.
class Service {
 public:
  explicit Service(Config config);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// How `start` ended when it failed: the policy has mistakes (`policy_mistakes`, rendered), or the system
  /// refused.
  struct Failure {
    bool policy_mistakes = false;
    std::string text;
    std::string diagnostics_json = "[]";
  };
  /// Compiles the policy, starts the upstreams and listens. nullptr: up and running.
  std::unique_ptr<Failure> start();
  /// "http://127.0.0.1:8080", after start.
  [[nodiscard]] std::string url() const;
  /// Returns when SIGTERM or SIGINT came and everything is wound down; a second signal ends it at once.
  void wait();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::server
