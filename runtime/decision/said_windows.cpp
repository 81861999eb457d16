#include "runtime/decision/said_windows.h"

#include "runtime/value/decimal.h"

namespace catalyst::decision {

using value::Value;

bool SaidWindows::say(const std::string& window, std::string_view numeral) {
  Value parsed;
  if (value::decimal::parse(numeral, &parsed) != value::Status::Ok) {
    return false;
  }
  values_[window] = parsed;
  return true;
}

Value SaidWindows::read(const abi::WindowInfo& window, std::string_view /*key*/,
                        int64_t /*now_us*/) const noexcept {
  const auto found = values_.find(window.name);
  if (window.kind == abi::WindowKind::Sum) {
    return found == values_.end() ? Value::of_decimal(0, 0) : found->second;
  }
  if (found == values_.end()) {
    return Value::of_int(0);
  }
  return found->second.scale == 0 ? Value::of_int(static_cast<int64_t>(found->second.coefficient()))
                                  : Value::invalid();
}

}  // namespace catalyst::decision
