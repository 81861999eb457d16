#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/value/scratch.h"

namespace re2 {
class RE2;
}

namespace catalyst::value {

/// The compiled regular expressions of one unit (RE2: linear time). Immutable and thread-safe once built.
class RegexSet {
 public:
  static constexpr int64_t kMaxMemoryBytes = 1 << 20;  // of one expression
  static constexpr size_t kMaxPatternBytes = 1024;

  /// What is wrong with a pattern, empty when nothing is.
  static std::string problem(std::string_view pattern);

  /// Every pattern must have no problem().
  explicit RegexSet(const std::vector<std::string>& patterns);
  ~RegexSet();
  RegexSet(RegexSet&&) noexcept;
  RegexSet& operator=(RegexSet&&) noexcept;

  /// Does pattern `index` match anywhere in the text? Charges the scan.
  Status matches(const Scratch& scratch, uint32_t index, std::string_view text, bool* out) const noexcept;
  /// The compiled form of pattern `index`.
  [[nodiscard]] const re2::RE2& at(uint32_t index) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Lets the patterns of one unit in, one after the other: each alone may be small and all together not.
class RegexAdmission {
 public:
  /// Of all patterns; an instruction is 8 bytes, and there are as many for reading backwards.
  static constexpr size_t kInstructionsMax = 4'000'000;

  /// What is wrong with a pattern, alone or beside those before it; empty when nothing is. A pattern counts
  /// once. Costs of the thread's Budget what compiling costs.
  std::string problem(const std::string& pattern);

 private:
  std::unordered_map<std::string, std::string> known_;  // patterns and their problems
  size_t instructions_ = 0;
};

}  // namespace catalyst::value
