#pragma once

#include <cstdint>
#include <functional>

namespace catalyst {

/// A typed index: ids of different things never mix. `Tag` is an empty struct named after the thing.
template <class Tag>
struct Id {
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t index = kNone;

  constexpr Id() = default;
  constexpr explicit Id(uint32_t i) : index(i) {}
  constexpr explicit Id(size_t i) : index(static_cast<uint32_t>(i)) {}
  [[nodiscard]] constexpr bool valid() const { return index != kNone; }
  constexpr auto operator<=>(const Id&) const = default;
};

}  // namespace catalyst

template <class Tag>
struct std::hash<catalyst::Id<Tag>> {
  size_t operator()(catalyst::Id<Tag> id) const noexcept { return std::hash<uint32_t>{}(id.index); }
};
