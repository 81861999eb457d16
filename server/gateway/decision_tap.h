#pragma once

#include "runtime/decision/in_force.h"
#include "server/gateway/shadow_report.h"
#include "server/gateway/traffic_recorder.h"

namespace catalyst::server {

/// Has shadows decide beside what decides, and hands decisions to the recorder.
class DecisionTap final : public decision::Tap {
 public:
  /// `recorder` may be nullptr. Both outlive the tap.
  DecisionTap(decision::Limits limits, ShadowReport& report, TrafficRecorder* recorder)
      : limits_(limits), report_(report), recorder_(recorder) {}

  [[nodiscard]] bool wants_all() const noexcept override { return recorder_ != nullptr; }
  void on_decision(const decision::InForce& in_force, const std::shared_ptr<const decision::Pack>& pack,
                   const decision::Request& request, const decision::Verdict& verdict) noexcept override;

 private:
  decision::Limits limits_;
  ShadowReport& report_;
  TrafficRecorder* recorder_;
};

}  // namespace catalyst::server
