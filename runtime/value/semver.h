#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace catalyst::value {

/// A version of semver.org 2.0.0.
struct Semver {
  std::array<uint64_t, 3> parts{};  // major, minor, patch
  std::string_view prerelease;      // "alpha.1", empty: none
};

/// nullopt unless all of `text` is a version; a `v` in front is allowed. Build metadata is read over.
std::optional<Semver> parse_semver(std::string_view text) noexcept;
/// Section 11: a pre-release comes before its version.
std::strong_ordering compare_semver(const Semver& a, const Semver& b) noexcept;

/// Does the version lie in the range? Ranges as npm writes them: alternatives with `||`, conditions side by
/// side, `>=1.2 <2`, `^1.2.3`, `~1.2`, `1.x`, `*`, `1.2 - 1.4`. A pre-release only fits where a condition
/// names a pre-release of the same three numbers. nullopt when `range` is none.
std::optional<bool> semver_in_range(const Semver& version, std::string_view range) noexcept;

}  // namespace catalyst::value
