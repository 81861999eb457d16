#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/base/asio.h"
#include "server/auth/jose.h"
#include "server/config/config.h"

namespace catalyst::server {

/// An issuer's keys at one moment. Immutable.
struct KeySet {
  std::vector<VerificationKey> keys;
  std::string text;      // what they were read from
  uint64_t version = 0;  // changes when the text does
  int64_t read_ms = 0;   // when they were last seen at the issuer
};

/// Keeps one issuer's keys: read from a file, or fetched and fetched again. While a fetch fails the old keys
/// serve on for `stale_ms`, then none do. Any thread may ask; fetching happens on the home executor, one at a
/// time and `cooldown_ms` apart.
class KeySource : public std::enable_shared_from_this<KeySource> {
 public:
  KeySource(const IssuerConfig& config, Executor home);

  /// Reads the file, or begins to fetch.
  void start();
  void stop();
  /// Reads the file again; the old keys stay when it has mistakes.
  Result<void> reload();

  /// nullptr: none that may still be used.
  [[nodiscard]] std::shared_ptr<const KeySet> current() const;
  [[nodiscard]] uint64_t version() const { return version_.load(std::memory_order_acquire); }
  /// Whether asking the issuer again could bring a key that is not known.
  [[nodiscard]] bool may_fetch() const;
  /// Has the keys fetched again, unless that was done within `cooldown_ms`, and waits for it, 5 s at most. On
  /// the caller's executor.
  Task<void> refetch();

 private:
  struct Waiter;

  [[nodiscard]] bool is_file() const { return !config_.jwks.empty() && config_.jwks.front() == '/'; }
  Task<void> run();
  Task<Result<std::string>> fetch_keys();
  Task<Result<std::string>> discover();
  Result<void> take(std::string text);
  void wake_waiters();

  const IssuerConfig config_;
  const Executor home_;
  SteadyTimer timer_;     // home only
  bool stopped_ = false;  // home only
  std::string address_;   // home only; of the keys, once discovered
  std::atomic<uint64_t> version_{0};
  std::atomic<bool> fetching_{false};
  std::atomic<int64_t> fetched_ms_{0};  // when the last fetch ended; 0: never

  mutable std::mutex mutex_;  // guards the rest; not on the way of tokens that are known
  std::shared_ptr<const KeySet> keys_;
  std::vector<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace catalyst::server
