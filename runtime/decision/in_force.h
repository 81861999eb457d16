#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/decision/engine.h"

namespace catalyst::decision {

/// Which packs decide, and for whom. Immutable: a change is another InForce.
struct InForce {
  static constexpr uint32_t kWhole = 10'000;  // what shares are parts of

  std::shared_ptr<const Pack> stable;
  std::shared_ptr<const Pack> canary;  // nullptr: none
  uint32_t canary_share = 0;           // of kWhole principals
  std::shared_ptr<const Pack> shadow;  // decides nothing, is only compared; nullptr: none

  /// The pack that decides for a principal: always the same one, whichever engine is asked and however often.
  [[nodiscard]] const std::shared_ptr<const Pack>& pack_for(std::string_view principal) const {
    return canary != nullptr && place_of(principal) < canary_share ? canary : stable;
  }
  /// 0 to kWhole - 1, evenly spread and the same everywhere; those below a share are in it, so a growing
  /// share keeps whom it has.
  static uint32_t place_of(std::string_view principal);
};

/// Sees decisions with their inputs, on the deciding thread. Must not block or throw; everything it is given
/// lives for the call alone.
class Tap {
 public:
  virtual ~Tap() = default;
  /// True: decisions are wanted that no rule takes part in, too.
  [[nodiscard]] virtual bool wants_all() const noexcept = 0;
  virtual void on_decision(const InForce& in_force, const std::shared_ptr<const Pack>& pack,
                           const Request& request, const Verdict& verdict) noexcept = 0;
};

}  // namespace catalyst::decision
