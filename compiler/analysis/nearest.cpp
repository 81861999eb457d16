#include "compiler/analysis/nearest.h"

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "runtime/value/decimal.h"

namespace catalyst::analysis {
namespace {

using Json = nlohmann::json;

constexpr double kLargest = 1e12;

std::string text_of(int64_t hundredths) {
  value::Value exact = value::decimal::from_int(hundredths);
  exact.scale = 2;
  std::string out;
  value::decimal::append_text(out, exact);
  return out;
}

}  // namespace

std::string nearest_number(const std::string& before, std::string after,
                           const std::function<bool(const std::string&)>& holds) {
  const Json from = Json::parse(before, nullptr, false);
  const Json to = Json::parse(after, nullptr, false);
  if (!from.is_number() || !to.is_number() || std::abs(from.get<double>()) > kLargest ||
      std::abs(to.get<double>()) > kLargest) {
    return after;
  }
  const int64_t unit = from.is_number_integer() && to.is_number_integer() ? 100 : 1;
  const auto count = [unit](const Json& number) { return std::llround(number.get<double>() * 100) / unit; };
  int64_t good = count(to);
  int64_t bad = count(from);
  while (std::abs(good - bad) > 1) {
    const int64_t middle = good + (bad - good) / 2;
    const std::string text = unit == 100 ? std::to_string(middle) : text_of(middle);
    if (holds(text)) {
      good = middle;
      after = text;
    } else {
      bad = middle;
    }
  }
  return after;
}

}  // namespace catalyst::analysis
