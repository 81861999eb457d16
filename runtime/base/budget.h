#pragma once

#include <cstdint>

namespace catalyst {

/// What one piece of work that outsiders cause may take: processor time of the thread that does it, and
/// memory. While a budget exists, it is its thread's: whatever runs there says how much it does (`spend`),
/// and gives up when that answers false. A stack of callers need not know of each other for that, and work
/// that nobody bounds costs one load and a branch.
///
/// Two limits that depend on the machine are the net under those that do not (counts, depths, steps): they
/// catch what nobody thought of.
class Budget {
 public:
  struct Limits {
    int64_t cpu_ms = 20'000;
    /// Growth of the whole process since the budget began; what other threads allocate meanwhile counts, too.
    uint64_t memory_bytes = uint64_t{2} * 1024 * 1024 * 1024;
  };
  enum class Spent : uint8_t { No, Time, Memory };

  /// One a thread.
  explicit Budget(const Limits& limits);
  ~Budget();
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  /// `steps` of about 10 ns each are done now. False when the thread has a budget, and it is used up: once
  /// false, always false.
  static bool spend(uint64_t steps = 1) { return current_ == nullptr || current_->take(steps); }

  /// The thread's; nullptr when it has none.
  static const Budget* current() { return current_; }

  [[nodiscard]] Spent spent() const { return spent_; }
  [[nodiscard]] const Limits& limits() const { return limits_; }

 private:
  /// Steps between two looks at clock and memory: about a millisecond.
  static constexpr uint64_t kLook = 100'000;

  bool take(uint64_t steps) {
    steps_ += steps;
    if (steps_ >= kLook) [[unlikely]] {
      look();
    }
    return spent_ == Spent::No;
  }
  void look();

  static thread_local constinit Budget* current_;

  Limits limits_;
  uint64_t steps_ = 0;
  int64_t began_ns_;
  uint64_t began_bytes_;
  Spent spent_ = Spent::No;
};

}  // namespace catalyst
