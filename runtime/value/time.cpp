#include "runtime/value/time.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace catalyst::value {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDay = 86'400 * kSecond;

struct Unit {
  std::string_view name;
  int64_t us;
};
constexpr std::array<Unit, 7> kUnits = {{{"w", 7 * kDay},
                                         {"d", kDay},
                                         {"h", 3600 * kSecond},
                                         {"m", 60 * kSecond},
                                         {"s", kSecond},
                                         {"ms", 1000},
                                         {"us", 1}}};

/// `count` decimal digits at `at`; -1 when there are not that many.
int digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) {
    return -1;
  }
  int x = 0;
  for (size_t i = at; i < at + count; i++) {
    if (text[i] < '0' || text[i] > '9') {
      return -1;
    }
    x = x * 10 + (text[i] - '0');
  }
  return x;
}

bool at(std::string_view text, size_t i, char c) { return i < text.size() && text[i] == c; }

/// Seconds east of UTC of "Z" or "+hh:mm" that ends the text at `i`; nullopt otherwise.
std::optional<int64_t> zone_offset(std::string_view text, size_t i) {
  if (i + 1 == text.size() && (text[i] == 'Z' || text[i] == 'z')) {
    return 0;
  }
  const int hours = digits(text, i + 1, 2);
  const int minutes = digits(text, i + 4, 2);
  if (i + 6 != text.size() || !at(text, i + 3, ':') || (text[i] != '+' && text[i] != '-') || hours < 0 ||
      hours > 23 || minutes < 0 || minutes > 59) {
    return std::nullopt;
  }
  const int64_t seconds = hours * 3600 + minutes * 60;
  return text[i] == '-' ? -seconds : seconds;
}

}  // namespace

std::optional<int64_t> parse_time(std::string_view text) noexcept {
  const int year = digits(text, 0, 4);
  const int month = digits(text, 5, 2);
  const int day = digits(text, 8, 2);
  if (year < 0 || month < 0 || day < 0 || !at(text, 4, '-') || !at(text, 7, '-')) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) {
    return std::nullopt;
  }
  int64_t us = static_cast<int64_t>(std::chrono::sys_days(date).time_since_epoch().count()) * kDay;
  if (text.size() == 10) {
    return us;
  }
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  if ((!at(text, 10, 'T') && !at(text, 10, 't') && !at(text, 10, ' ')) || !at(text, 13, ':') ||
      !at(text, 16, ':') || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) {
    return std::nullopt;
  }
  us += (hour * 3600 + minute * 60 + (second == 60 ? 59 : second)) * kSecond;
  size_t i = 19;
  if (at(text, i, '.')) {
    int64_t unit = kSecond / 10;
    const size_t first = ++i;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; i++, unit /= 10) {
      us += (text[i] - '0') * unit;
    }
    if (i == first) {
      return std::nullopt;
    }
  }
  if (i >= text.size()) {
    return std::nullopt;
  }
  const std::optional<int64_t> offset = zone_offset(text, i);
  if (!offset) {
    return std::nullopt;
  }
  return us - *offset * kSecond;
}

CivilTime civil_date(int64_t day) noexcept {
  // Days to civil date by 400-year eras, so that the whole int64 range of microseconds works
  // (std::chrono::year stops at 32767).
  const int64_t shifted = day + 719'468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const int64_t day_of_era = shifted - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_index = (5 * day_of_year + 2) / 153;  // March is 0
  CivilTime civil{};
  civil.day = static_cast<int>(day_of_year - (153 * month_index + 2) / 5 + 1);
  civil.month = static_cast<int>(month_index < 10 ? month_index + 3 : month_index - 9);
  civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
  const int64_t from_monday = (day + 3) % 7;  // 1970-01-01 was a Thursday
  civil.weekday = static_cast<int>((from_monday + 7) % 7) + 1;
  return civil;
}

CivilTime civil_time(int64_t us) noexcept {
  int64_t day = us / kDay;
  int64_t rest = us % kDay;
  if (rest < 0) {
    rest += kDay;
    day--;
  }
  CivilTime civil = civil_date(day);
  const int64_t second = rest / kSecond;
  civil.hour = static_cast<int>(second / 3600);
  civil.minute = static_cast<int>(second / 60 % 60);
  civil.second = static_cast<int>(second % 60);
  return civil;
}

int64_t days_from_civil(int64_t year, int month, int day) noexcept {
  const int64_t shifted = month <= 2 ? year - 1 : year;  // a year of the calculation begins with March
  const int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
  const int64_t year_of_era = shifted - era * 400;
  const int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

void append_time(std::string& out, int64_t us) {
  const CivilTime t = civil_time(us);
  char text[64];
  int n = std::snprintf(text, sizeof text, "%04lld-%02d-%02dT%02d:%02d:%02d", static_cast<long long>(t.year),
                        t.month, t.day, t.hour, t.minute, t.second);
  const int64_t fraction = ((us % kSecond) + kSecond) % kSecond;
  if (fraction % 1000 != 0) {
    n += std::snprintf(text + n, sizeof text - static_cast<size_t>(n), ".%06lld",
                       static_cast<long long>(fraction));
  } else if (fraction != 0) {
    n += std::snprintf(text + n, sizeof text - static_cast<size_t>(n), ".%03lld",
                       static_cast<long long>(fraction / 1000));
  }
  out.append(text, static_cast<size_t>(n)).push_back('Z');
}

int64_t duration_unit(std::string_view unit) noexcept {
  for (const Unit& u : kUnits) {
    if (u.name == unit) {
      return u.us;
    }
  }
  return 0;
}

std::optional<int64_t> parse_duration(std::string_view text) noexcept {
  const bool negative = at(text, 0, '-');
  size_t i = negative ? 1 : 0;
  if (i == text.size()) {
    return std::nullopt;
  }
  int64_t us = 0;
  while (i < text.size()) {
    int64_t count = 0;
    const size_t first = i;
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; i++) {
      if (__builtin_mul_overflow(count, int64_t{10}, &count) ||
          __builtin_add_overflow(count, int64_t{text[i] - '0'}, &count)) {
        return std::nullopt;
      }
    }
    const size_t unit_begin = i;
    while (i < text.size() && text[i] >= 'a' && text[i] <= 'z') {
      i++;
    }
    const int64_t unit = duration_unit(text.substr(unit_begin, i - unit_begin));
    if (unit_begin == first || unit == 0 || __builtin_mul_overflow(count, unit, &count) ||
        __builtin_add_overflow(us, count, &us)) {
      return std::nullopt;
    }
  }
  return negative ? -us : us;
}

void append_duration(std::string& out, int64_t us) {
  if (us == 0) {
    out.append("0s");
    return;
  }
  auto rest = static_cast<uint64_t>(us);
  if (us < 0) {
    out.push_back('-');
    rest = uint64_t{0} - rest;
  }
  for (const Unit& u : kUnits) {
    const auto unit = static_cast<uint64_t>(u.us);
    if (u.name != "w" && rest >= unit) {
      out.append(std::to_string(rest / unit)).append(u.name);
      rest %= unit;
    }
  }
}

}  // namespace catalyst::value
