#include "server/gateway/decision_tap.h"

#include <exception>
#include <memory>

#include "runtime/observe/log.h"

namespace catalyst::server {

void DecisionTap::on_decision(const decision::InForce& in_force,
                              const std::shared_ptr<const decision::Pack>& pack,
                              const decision::Request& request, const decision::Verdict& verdict) noexcept {
  try {
    if (in_force.shadow != nullptr) {
      // One of its own: the verdict at hand lives in the thread's other one.
      static thread_local decision::Evaluator evaluator(limits_);
      report_.compare(*pack, verdict, *in_force.shadow, evaluator.evaluate(*in_force.shadow, request),
                      request);
    }
    if (recorder_ != nullptr) {
      recorder_->record(pack, request, verdict);
    }
  } catch (const std::exception& failure) {  // out of memory
    observe::log(observe::Level::Error, "cannot compare or record a decision",
                 {{"reason", std::string_view(failure.what())}});
  }
}

}  // namespace catalyst::server
