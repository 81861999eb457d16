// Host functions of stdlib/time.cata.

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

#include "runtime/value/library.h"
#include "runtime/value/ops.h"
#include "runtime/value/time.h"
#include "runtime/value/zone.h"

namespace catalyst::value::library {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDay = 86'400 * kSecond;

int64_t floor_divide(int64_t x, int64_t unit) { return x / unit - (x % unit < 0 ? 1 : 0); }
int64_t floor_modulo(int64_t x, int64_t unit) { return x % unit + (x % unit < 0 ? unit : 0); }

int days_in_month(int64_t year, int month) {
  const int64_t next = month == 12 ? days_from_civil(year + 1, 1, 1) : days_from_civil(year, month + 1, 1);
  return static_cast<int>(next - days_from_civil(year, month, 1));
}

/// Microseconds of a day and what passed of it; Overflow outside the range of times.
Status at_day(int64_t day, int64_t rest, Value* out) {
  int64_t us = 0;
  if (__builtin_mul_overflow(day, kDay, &us) || __builtin_add_overflow(us, rest, &us)) {
    return Status::Overflow;
  }
  return give(out, Value::of_int(us, Kind::Time));
}

int64_t day_of(int64_t us) { return floor_divide(us, kDay); }
int64_t rest_of_day(int64_t us) { return floor_modulo(us, kDay); }

/// ISO 8601: the week that holds the year's first Thursday is its first. The Thursday of a day's week says
/// which year the week belongs to.
struct IsoWeek {
  int64_t year;
  int64_t week;
};
IsoWeek iso_week(int64_t us) {
  const CivilTime civil = civil_time(us);
  const int64_t thursday = day_of(us) + 4 - civil.weekday;
  const int64_t year = civil_date(thursday).year;
  return {year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1};
}

constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
constexpr std::string_view kDays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                      "Friday", "Saturday", "Sunday"};

/// One directive of a format as text; at most 32 bytes.
std::string_view directive_text(char directive, int64_t us, const CivilTime& t, char (&buffer)[32]) {
  const auto number = [&](const char* form, long long x) {
    const int n = std::snprintf(buffer, sizeof buffer, form, x);
    return std::string_view(buffer, static_cast<size_t>(n));
  };
  switch (directive) {
    case 'Y':
      return number("%04lld", static_cast<long long>(t.year));
    case 'm':
      return number("%02lld", t.month);
    case 'd':
      return number("%02lld", t.day);
    case 'H':
      return number("%02lld", t.hour);
    case 'I':
      return number("%02lld", (t.hour + 11) % 12 + 1);
    case 'p':
      return t.hour < 12 ? "AM" : "PM";
    case 'M':
      return number("%02lld", t.minute);
    case 'S':
      return number("%02lld", t.second);
    case 'f':
      return number("%06lld", static_cast<long long>(floor_modulo(us, kSecond)));
    case 'j':
      return number("%03lld", static_cast<long long>(day_of(us) - days_from_civil(t.year, 1, 1) + 1));
    case 'u':
      return number("%lld", t.weekday);
    case 'V':
      return number("%02lld", static_cast<long long>(iso_week(us).week));
    case 'G':
      return number("%04lld", static_cast<long long>(iso_week(us).year));
    case 'B':
      return kMonths[t.month - 1];
    case 'b':
      return kMonths[t.month - 1].substr(0, 3);
    case 'A':
      return kDays[t.weekday - 1];
    case 'a':
      return kDays[t.weekday - 1].substr(0, 3);
    case '%':
      return "%";
    default:
      return {};
  }
}

template <class Take>
bool formatted(int64_t us, std::string_view format, Take take) {
  const CivilTime t = civil_time(us);
  char buffer[32];
  for (size_t i = 0; i < format.size(); i++) {
    if (format[i] != '%') {
      take(format.substr(i, 1));
      continue;
    }
    const std::string_view part =
        i + 1 < format.size() ? directive_text(format[++i], us, t, buffer) : std::string_view();
    if (part.empty()) {
      return false;
    }
    take(part);
  }
  return true;
}

/// Reads text by a format; absent when it does not fit or is no date.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  Value read(std::string_view format) {
    for (size_t i = 0; i < format.size(); i++) {
      if (format[i] != '%') {
        if (!take(format[i])) {
          return Value::absent();
        }
      } else if (++i == format.size() || !directive(format[i])) {
        return Value::absent();
      }
    }
    if (!rest_.empty() || month_ < 1 || month_ > 12 || day_ < 1 || day_ > days_in_month(year_, month_)) {
      return Value::absent();
    }
    if (afternoon_.has_value()) {
      if (hour_ < 1 || hour_ > 12) {
        return Value::absent();
      }
      hour_ = hour_ % 12 + (*afternoon_ ? 12 : 0);
    }
    if (hour_ > 23 || minute_ > 59 || second_ > 59) {
      return Value::absent();
    }
    const int64_t seconds = hour_ * 3600 + minute_ * 60 + second_ - offset_;
    return Value::of_int(days_from_civil(year_, month_, day_) * kDay + seconds * kSecond + micro_,
                         Kind::Time);
  }

 private:
  bool take(char c) {
    const bool there = !rest_.empty() && rest_.front() == c;
    rest_.remove_prefix(there ? 1 : 0);
    return there;
  }
  bool number(int* out, size_t least, size_t most) {
    size_t n = 0;
    int x = 0;
    for (; n < rest_.size() && n < most && rest_[n] >= '0' && rest_[n] <= '9'; n++) {
      x = x * 10 + (rest_[n] - '0');
    }
    rest_.remove_prefix(n);
    *out = x;
    return n >= least;
  }
  template <size_t kCount>
  bool name(const std::string_view (&names)[kCount], bool shortened, int* out) {
    for (size_t i = 0; i < kCount; i++) {
      const std::string_view each = shortened ? names[i].substr(0, 3) : names[i];
      if (rest_.starts_with(each)) {
        rest_.remove_prefix(each.size());
        *out = static_cast<int>(i) + 1;
        return true;
      }
    }
    return false;
  }
  bool fraction() {
    int digits = 0;
    const size_t before = rest_.size();
    if (!number(&digits, 1, 6)) {
      return false;
    }
    for (size_t n = before - rest_.size(); n < 6; n++) {
      digits *= 10;
    }
    micro_ = digits;
    return true;
  }
  bool zone() {
    if (take('Z')) {
      return true;
    }
    const bool west = take('-');
    int hours = 0;
    int minutes = 0;
    if ((!west && !take('+')) || !number(&hours, 2, 2)) {
      return false;
    }
    take(':');
    if (!number(&minutes, 2, 2) || hours > 23 || minutes > 59) {
      return false;
    }
    offset_ = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
  }
  bool directive(char c) {
    int ignored = 0;
    switch (c) {
      case 'Y':
        return number(&year_, 4, 4);
      case 'm':
        return number(&month_, 1, 2);
      case 'd':
        return number(&day_, 1, 2);
      case 'H':
      case 'I':
        return number(&hour_, 1, 2);
      case 'M':
        return number(&minute_, 1, 2);
      case 'S':
        return number(&second_, 1, 2);
      case 'f':
        return fraction();
      case 'z':
        return zone();
      case 'b':
        return name(kMonths, true, &month_);
      case 'B':
        return name(kMonths, false, &month_);
      case 'a':
        return name(kDays, true, &ignored);
      case 'A':
        return name(kDays, false, &ignored);
      case 'p':
        afternoon_ = rest_.starts_with("PM");
        if (!*afternoon_ && !rest_.starts_with("AM")) {
          return false;
        }
        rest_.remove_prefix(2);
        return true;
      case '%':
        return take('%');
      default:
        return false;
    }
  }

  std::string_view rest_;
  int year_ = 1970;
  int month_ = 1;
  int day_ = 1;
  int hour_ = 0;
  int minute_ = 0;
  int second_ = 0;
  int micro_ = 0;
  int offset_ = 0;
  std::optional<bool> afternoon_;
};

bool is_business_day(int64_t day, const Value& holidays) {
  const int64_t weekday = ((day + 3) % 7 + 7) % 7;  // 0 is Monday
  return weekday < 5 && std::none_of(
                            holidays.a.items, holidays.a.items + holidays.length,
                            [&](const Value& holiday) { return day_of(holiday.a.integer) == day; });
}

}  // namespace

Status time_in_zone(const Scratch&, const Value* arguments, Value* out) noexcept {
  const Zone* zone = zone_database().find(arguments[1].text());
  if (zone == nullptr) {
    return Status::NoSuchZone;
  }
  const int64_t us = arguments[0].a.integer;
  int64_t wall = 0;
  const Status status = add_int(us, zone->offset_at(floor_divide(us, kSecond)) * kSecond, &wall);
  *out = Value::of_int(wall, Kind::Time);
  return status;
}

Status time_from_zone(const Scratch&, const Value* arguments, Value* out) noexcept {
  const Zone* zone = zone_database().find(arguments[1].text());
  if (zone == nullptr) {
    return Status::NoSuchZone;
  }
  const int64_t wall = arguments[0].a.integer;
  const int64_t second = floor_divide(wall, kSecond);
  int64_t us = 0;
  const Status status = add_int(wall, (zone->instant_of(second) - second) * kSecond, &us);
  *out = Value::of_int(us, Kind::Time);
  return status;
}

Status time_is_zone(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_bool(zone_database().find(arguments[0].text()) != nullptr));
}

Status time_format(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const std::string_view format = arguments[1].text();
  uint64_t bytes = 0;
  if (!formatted(arguments[0].a.integer, format, [&](std::string_view part) { bytes += part.size(); })) {
    return Status::OutOfRange;
  }
  TextWriter writer(scratch, bytes);
  if (writer.status() == Status::Ok) {
    formatted(arguments[0].a.integer, format, [&](std::string_view part) { writer.add(part); });
    return writer.finish(out);
  }
  return writer.status();
}

Status time_parse(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, TimeReader(arguments[0].text()).read(arguments[1].text()));
}

Status time_date(const Scratch&, const Value* arguments, Value* out) noexcept {
  const int64_t year = arguments[0].a.integer;
  const int64_t month = arguments[1].a.integer;
  const int64_t day = arguments[2].a.integer;
  const bool valid = year >= 0 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
                     day <= days_in_month(year, static_cast<int>(month));
  return valid ? at_day(days_from_civil(year, static_cast<int>(month), static_cast<int>(day)), 0, out)
               : give(out, Value::absent());
}

Status time_floor(const Scratch&, const Value* arguments, Value* out) noexcept {
  const int64_t us = arguments[0].a.integer;
  const CivilTime t = civil_time(us);
  switch (arguments[1].a.integer) {  // numbered by stdlib/time.cata
    case 0:
      return at_day(day_of(us), rest_of_day(us) - rest_of_day(us) % (60 * kSecond), out);
    case 1:
      return at_day(day_of(us), rest_of_day(us) - rest_of_day(us) % (3600 * kSecond), out);
    case 2:
      return at_day(day_of(us), 0, out);
    case 3:
      return at_day(day_of(us) - (t.weekday - 1), 0, out);
    case 4:
      return at_day(days_from_civil(t.year, t.month, 1), 0, out);
    case 5:
      return at_day(days_from_civil(t.year, (t.month - 1) / 3 * 3 + 1, 1), 0, out);
    case 6:
      return at_day(days_from_civil(t.year, 1, 1), 0, out);
    default:
      return Status::OutOfRange;
  }
}

Status time_add_months(const Scratch&, const Value* arguments, Value* out) noexcept {
  const int64_t us = arguments[0].a.integer;
  const int64_t months = arguments[1].a.integer;
  constexpr int64_t kMonthsMax = 12 * 600'000;  // more than times span
  if (months > kMonthsMax || months < -kMonthsMax) {
    return Status::Overflow;
  }
  const CivilTime t = civil_time(us);
  const int64_t index = t.year * 12 + t.month - 1 + months;
  const int64_t year = floor_divide(index, 12);
  const int month = static_cast<int>(index - year * 12) + 1;
  return at_day(days_from_civil(year, month, std::min(t.day, days_in_month(year, month))), rest_of_day(us),
                out);
}

Status time_second(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_int(civil_time(arguments[0].a.integer).second));
}

Status time_microsecond(const Scratch&, const Value* arguments, Value* out) noexcept {
  const int64_t us = arguments[0].a.integer;
  return give(out, Value::of_int(floor_modulo(us, kSecond)));
}

Status time_day_of_year(const Scratch&, const Value* arguments, Value* out) noexcept {
  const int64_t us = arguments[0].a.integer;
  return give(out, Value::of_int(day_of(us) - days_from_civil(civil_time(us).year, 1, 1) + 1));
}

Status time_iso_week(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_int(iso_week(arguments[0].a.integer).week));
}

Status time_iso_year(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_int(iso_week(arguments[0].a.integer).year));
}

Status time_microseconds(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_int(arguments[0].a.integer));
}

Status time_of_microseconds(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_int(arguments[0].a.integer, Kind::Duration));
}

Status time_to_duration(const Scratch&, const Value* arguments, Value* out) noexcept {
  const std::optional<int64_t> us = parse_duration(arguments[0].text());
  return give(out, us ? Value::of_int(*us, Kind::Duration) : Value::absent());
}

Status time_add_business_days(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const int64_t us = arguments[0].a.integer;
  int64_t left = arguments[1].a.integer;
  const int64_t step = left < 0 ? -1 : 1;
  int64_t day = day_of(us);
  while (left != 0) {
    if (const Status status = scratch.charge(1 + uint64_t{arguments[2].length} / 8); status != Status::Ok) {
      return status;
    }
    day += step;
    left -= is_business_day(day, arguments[2]) ? step : 0;
  }
  return at_day(day, rest_of_day(us), out);
}

Status time_business_days(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const int64_t from = day_of(arguments[0].a.integer);
  const int64_t to = day_of(arguments[1].a.integer);
  int64_t count = 0;
  for (int64_t day = std::min(from, to); day < std::max(from, to); day++) {
    if (const Status status = scratch.charge(1 + uint64_t{arguments[2].length} / 8); status != Status::Ok) {
      return status;
    }
    count += is_business_day(day, arguments[2]) ? 1 : 0;
  }
  return give(out, Value::of_int(from <= to ? count : -count));
}

}  // namespace catalyst::value::library
