#include "runtime/decision/engine.h"
#include "runtime/decision/evaluation.h"

namespace catalyst::decision {

struct Evaluator::Impl {
  explicit Impl(const Limits& limits) : evaluation(limits) {}
  Evaluation evaluation;
};

Evaluator::Evaluator(const Limits& limits) : impl_(std::make_unique<Impl>(limits)) {}

Evaluator::~Evaluator() = default;

Evaluator::Evaluator(Evaluator&&) noexcept = default;

const Verdict& Evaluator::evaluate(const Pack& pack, const Request& request) {
  return impl_->evaluation.run(pack, request, Evaluation::Mode::Indexed);
}

std::span<const WindowEvent> Evaluator::counted(const Pack& pack, const Request& request) {
  return impl_->evaluation.counted(pack, request);
}

const Verdict& Evaluator::evaluate_reference(const Pack& pack, const Request& request) {
  return impl_->evaluation.run(pack, request, Evaluation::Mode::Reference);
}

const Verdict& Evaluator::evaluate_values(const Pack& pack, const Request& request,
                                          std::span<const value::Value> slots) {
  return impl_->evaluation.run_values(pack, request, slots, Evaluation::Mode::Indexed);
}

const Verdict& Evaluator::evaluate_reference(const Pack& pack, const Request& request,
                                             std::span<const value::Value> slots) {
  return impl_->evaluation.run_values(pack, request, slots, Evaluation::Mode::Reference);
}

const RouteChoice* Evaluator::route(const Pack& pack, const Request& request, std::string_view named) {
  return impl_->evaluation.route(pack, request, named, Evaluation::Mode::Indexed);
}

const RouteChoice* Evaluator::route_reference(const Pack& pack, const Request& request,
                                              std::string_view named) {
  return impl_->evaluation.route(pack, request, named, Evaluation::Mode::Reference);
}

}  // namespace catalyst::decision
