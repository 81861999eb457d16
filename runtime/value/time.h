#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace catalyst::value {

/// RFC 3339 date-time ("2026-01-31T08:00:00.25+01:00") or full-date (midnight UTC) to microseconds since the
/// epoch; nullopt when it is not one. Leap seconds read as the last second of their minute.
std::optional<int64_t> parse_time(std::string_view text) noexcept;
/// RFC 3339 in UTC, with as many fraction digits as needed (0, 3 or 6).
void append_time(std::string& out, int64_t us);

/// "30s", "1h30m", "250ms", "2d", "-5m" to microseconds; nullopt when it is not a duration or does not fit.
std::optional<int64_t> parse_duration(std::string_view text) noexcept;
/// The same notation, largest units first, "0s" for zero.
void append_duration(std::string& out, int64_t us);
/// Microseconds of one unit: "us" "ms" "s" "m" "h" "d" "w"; 0 when there is no such unit.
int64_t duration_unit(std::string_view unit) noexcept;

/// Parts of a time in UTC.
struct CivilTime {
  int64_t year;
  int month;    // 1..12
  int day;      // 1..31
  int hour;     // 0..23
  int minute;   // 0..59
  int second;   // 0..59
  int weekday;  // 1 Monday .. 7 Sunday (ISO 8601)
};
CivilTime civil_time(int64_t us) noexcept;
/// The date of a day counted from 1970-01-01; its clock shows zeros.
CivilTime civil_date(int64_t day) noexcept;
/// Days from 1970-01-01 to a date of the Gregorian calendar; `month` 1..12, `day` may lie outside its month.
int64_t days_from_civil(int64_t year, int month, int day) noexcept;

}  // namespace catalyst::value
