// Windows over the past: inputs before rules are asked, and what to count once a request is sent.

#include "runtime/decision/evaluation.h"
#include "runtime/decision/windows.h"

namespace catalyst::decision {

using value::Kind;
using value::Status;
using value::Value;

std::optional<std::string_view> Evaluation::window_text(uint32_t expr) {
  if (expr == abi::WindowInfo::kNone) {
    return std::string_view();
  }
  Value v;
  refuel();
  const Status status = unit_->evaluator.evaluate(unit_->evaluator.self, &frame_, expr, &v);
  return status == Status::Ok && v.kind == Kind::String ? std::optional(v.text()) : std::nullopt;
}

bool Evaluation::read_window(const Request& request, const abi::WindowRead& read) {
  const abi::WindowInfo& window = unit_->windows[read.window];
  const std::optional<std::string_view> key = window_text(read.key);
  Value& slot = slots_[read.slot];
  slot = !key                                  ? Value::invalid()
         : request.windows != nullptr          ? request.windows->read(window, *key, request.now_us)
         : window.kind == abi::WindowKind::Sum ? Value::of_decimal(0, 0)
                                               : Value::of_int(0);
  return slot.kind != Kind::Invalid;
}

bool Evaluation::read_windows(const Request& request, const HookBinding& tool) {
  bool invalid = false;
  for (const uint32_t index : tool.window_reads) {
    invalid = !read_window(request, unit_->window_reads[index]) || invalid;
  }
  return invalid;
}

void Evaluation::count_windows(const HookBinding& tool) {
  counted_.clear();
  for (const uint32_t index : tool.windows) {
    const abi::WindowInfo& window = unit_->windows[index];
    const std::optional<std::string_view> key = window_text(window.key);
    WindowEvent event{index, key.value_or(std::string_view()), {}};
    bool known = key.has_value();
    if (known && window.value != abi::WindowInfo::kNone) {
      refuel();
      known = unit_->evaluator.evaluate(unit_->evaluator.self, &frame_, window.value, &event.amount) ==
                  Status::Ok &&
              event.amount.kind == (window.kind == abi::WindowKind::Sum ? Kind::Decimal : Kind::String);
    }
    if (known) {
      counted_.push_back(event);
    }
  }
}

std::span<const WindowEvent> Evaluation::counted(const Pack& pack, const Request& request) {
  const HookBinding& tool = begin(pack, request);
  projector_.project(request, tool.slots, arena_, slots_.data());
  count_windows(tool);
  return counted_;
}

}  // namespace catalyst::decision
