#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/base/result.h"
#include "server/config/config.h"

namespace catalyst::server {

/// A local client on standard input and output.
struct StdioClient {
  std::string server;  // served alone; "" for all of them
  std::string token;   // bearer token; "" for none
};

/// The whole running engine: io threads, upstreams, endpoint, listener, policy, watcher, numbers and logs.
/// One a process.
class Service {
 public:
  /// With `client`, that one is served, and nothing listens.
  Service(Config config, std::optional<StdioClient> client);
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
  /// Returns when SIGTERM or SIGINT came, or the client on standard input left, and everything is wound down;
  /// a second signal ends it at once.
  void wait();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::server
