#include <charconv>

#include "server/config/keys.h"

namespace catalyst::server {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};

Result<int64_t> parse_with_units(std::string_view text, std::span<const Unit> units,
                                 std::string_view expected) {
  int64_t number = 0;
  const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || number < 0) {
    return error("`" + std::string(text) + "` is not " + std::string(expected));
  }
  std::string_view unit(rest, static_cast<size_t>(text.data() + text.size() - rest));
  while (!unit.empty() && unit.front() == ' ') {
    unit.remove_prefix(1);
  }
  for (const Unit& candidate : units) {
    if (candidate.name == unit) {
      int64_t product = 0;
      if (__builtin_mul_overflow(number, candidate.factor, &product)) {
        return error("`" + std::string(text) + "` is too large");
      }
      return product;
    }
  }
  if (unit.empty() && number == 0) {
    return int64_t{0};
  }
  return error("`" + std::string(text) + "` is not " + std::string(expected));
}

}  // namespace

Result<int64_t> parse_bytes(std::string_view text) {
  static constexpr Unit kUnits[] = {{"", 1},          {"B", 1},     {"KiB", 1 << 10}, {"MiB", 1 << 20},
                                    {"GiB", 1 << 30}, {"KB", 1000}, {"MB", 1000000},  {"GB", 1000000000}};
  return parse_with_units(text, kUnits, value_type_text(ValueType::Bytes));
}

Result<int64_t> parse_duration_ms(std::string_view text) {
  static constexpr Unit kUnits[] = {{"ms", 1},        {"s", 1000},       {"m", 60'000},
                                    {"h", 3'600'000}, {"d", 86'400'000}, {"w", 604'800'000}};
  return parse_with_units(text, kUnits, value_type_text(ValueType::Duration));
}

Result<HostPort> parse_address(std::string_view text) {
  const auto wrong = [&] {
    return error("`" + std::string(text) + "` is not " + std::string(value_type_text(ValueType::Address)));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return wrong();
  }
  HostPort out;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong();
  }
  const auto [rest, failure] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (failure != std::errc{} || rest != port.data() + port.size() || port.empty() || host.empty()) {
    return wrong();
  }
  out.host = host;
  return out;
}

}  // namespace catalyst::server
