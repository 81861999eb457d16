#pragma once

#include <map>
#include <string>
#include <string_view>

#include "runtime/decision/windows.h"

namespace catalyst::decision {

/// Windows whose values are said instead of counted: by their text, whatever the key. The others are 0. For
/// requests that are examples.
class SaidWindows final : public WindowStore {
 public:
  /// False when `numeral` is no decimal number.
  bool say(const std::string& window, std::string_view numeral);
  [[nodiscard]] const std::map<std::string, value::Value, std::less<>>& values() const { return values_; }

  /// Invalid where the window counts and its value is no whole number.
  [[nodiscard]] value::Value read(const abi::WindowInfo& window, std::string_view key,
                                  int64_t now_us) const noexcept override;
  void add(const abi::WindowInfo& /*window*/, std::string_view /*key*/, const value::Value& /*amount*/,
           int64_t /*now_us*/) noexcept override {}

 private:
  std::map<std::string, value::Value, std::less<>> values_;
};

}  // namespace catalyst::decision
