#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/decision/request.h"
#include "runtime/decision/route.h"
#include "runtime/decision/verdict.h"

namespace catalyst::abi {
struct Unit;
}

namespace catalyst::decision {

/// A loaded rule pack: immutable, shared by all threads; wraps the compiled unit and keeps it alive.
class Pack {
 public:
  explicit Pack(std::shared_ptr<const abi::Unit> unit);
  ~Pack();
  Pack(const Pack&) = delete;
  Pack& operator=(const Pack&) = delete;

  [[nodiscard]] const abi::Unit& unit() const { return *unit_; }
  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] std::string_view version() const;
  [[nodiscard]] uint32_t rule_count() const;
  [[nodiscard]] std::string_view rule_name(uint32_t rule) const;
  /// True when no rule has a say on `hook` and its default allows: evaluation may be skipped.
  [[nodiscard]] bool ignores(abi::Hook hook) const;
  /// True when some rule reads what labels a conversation carries.
  [[nodiscard]] bool reads_labels() const;
  /// True when some window counts requests of `hook`.
  [[nodiscard]] bool counts(abi::Hook hook) const;
  /// True when some rule is on `hook`.
  [[nodiscard]] bool has_rules(abi::Hook hook) const;
  /// True when some rule on `hook` redacts.
  [[nodiscard]] bool redacts(abi::Hook hook) const;
  /// Built with the pack for the evaluators of this folder.
  struct Tables;
  [[nodiscard]] const Tables& tables() const { return *tables_; }
  /// Replaces in `text` every match of the pack's redaction pattern `pattern` by "[redacted]"; answers the
  /// number of matches.
  size_t redact(uint32_t pattern, std::string& text) const;

 private:
  std::shared_ptr<const abi::Unit> unit_;
  std::unique_ptr<const Tables> tables_;
};

struct Limits {
  uint32_t fuel_per_rule = 20'000;       // steps of loops and string scans one condition may take
  size_t arena_bytes = 8 * 1024 * 1024;  // scratch memory of one evaluation
  uint32_t json_depth = 64;              // nesting of argument and result JSON
  uint32_t tools_cached = 4096;          // tools whose patterns an evaluator remembers
  uint32_t principals_cached = 1024;     // principals with a cache_key whose symbols an evaluator remembers
};

/// Evaluation scratch of one thread. Not thread-safe, reusable, allocates nothing once warm.
class Evaluator {
 public:
  explicit Evaluator(const Limits& limits = {});
  ~Evaluator();
  Evaluator(Evaluator&&) noexcept;

  /// Decides one request. Never throws; every rule-level failure is inside the verdict. The verdict is valid
  /// until the next call.
  const Verdict& evaluate(const Pack& pack, const Request& request);

  /// The same for a request whose inputs were read before (a typed caller, a recorded request): `slots` holds
  /// one value per slot of the pack's unit, of the slot's type or Absent. Nothing of `request` is read but
  /// hook, server and tool.
  const Verdict& evaluate_values(const Pack& pack, const Request& request,
                                 std::span<const value::Value> slots);

  /// What windows count of a request, whatever is decided about it. Valid until the next call.
  std::span<const WindowEvent> counted(const Pack& pack, const Request& request);

  /// The same answer by the shortest way to it: every rule of the hook in rank order, in the reference
  /// interpreter. For cross-checks, explanations and benches.
  const Verdict& evaluate_reference(const Pack& pack, const Request& request);
  const Verdict& evaluate_reference(const Pack& pack, const Request& request,
                                    std::span<const value::Value> slots);

  /// The route of a call that is allowed, with what its expressions say; nullptr when no route is for it.
  /// `request` is the call as it will be sent: its arguments are those after `set`. `named`: the verdict's
  /// route, which applies when it is for the call's tool; otherwise the first route of the pack that is.
  /// Never throws, bounded as a condition of a rule is. The choice is valid until the next call of this
  /// evaluator, and the call ends the life of a verdict.
  const RouteChoice* route(const Pack& pack, const Request& request, std::string_view named = {});
  /// The same in the reference interpreter.
  const RouteChoice* route_reference(const Pack& pack, const Request& request, std::string_view named = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct InForce;

/// The packs in force. Any thread may swap; readers take a snapshot per request, which stays valid while they
/// hold it.
class Engine {
 public:
  explicit Engine(std::shared_ptr<const Pack> pack);
  ~Engine();
  /// The stable pack, whoever asks.
  [[nodiscard]] std::shared_ptr<const Pack> current() const;
  [[nodiscard]] std::shared_ptr<const InForce> in_force() const;
  /// From now on this pack alone.
  void swap(std::shared_ptr<const Pack> pack);
  void swap(std::shared_ptr<const InForce> in_force);
  /// Number of swaps so far; lets a thread refresh its cached snapshot only when it changed.
  [[nodiscard]] uint64_t generation() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::decision
