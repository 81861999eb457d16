#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::value {

/// A time zone of the IANA database: the offsets of its clock from UTC, past and future.
class Zone {
 public:
  /// Reads a TZif file (RFC 8536, version 2 or later); nullptr when it is not one.
  static std::unique_ptr<const Zone> parse(std::string_view bytes);

  /// Seconds east of UTC at an instant (seconds since 1970-01-01T00:00:00Z).
  [[nodiscard]] int64_t offset_at(int64_t second) const noexcept;
  /// The instant at which the clock of the zone shows `wall` (its reading, counted as if it were UTC). Of
  /// two, the earlier; of none, because the clock jumps over it, the one that it would have been before the
  /// jump.
  [[nodiscard]] int64_t instant_of(int64_t wall) const noexcept;

 private:
  struct Change {
    int64_t second;
    int32_t offset;
  };
  /// A day of the year and a time on it at which the clock changes, as POSIX writes it.
  struct Day {
    char form = 'M';  // 'M': month.week.weekday, 'J': day 1..365 without 29 February, '0': day 0..365
    int month = 1;
    int week = 1;
    int day = 0;
    int64_t time_s = 7200;
    [[nodiscard]] int64_t second_in(int64_t year) const noexcept;
  };
  /// What holds after the last change.
  struct Future {
    bool known = false;
    bool summer = false;
    int64_t standard_offset = 0;
    int64_t summer_offset = 0;
    Day begin;
    Day end;
    [[nodiscard]] int64_t offset_at(int64_t second) const noexcept;
  };
  class Reader;
  class RuleReader;

  int64_t first_offset_ = 0;
  std::vector<Change> changes_;
  Future future_;
};

/// The system's zones. Names are listed once; a zone is read when it is first asked for and stays.
/// Thread-safe.
class ZoneDatabase {
 public:
  explicit ZoneDatabase(std::string folder);
  ~ZoneDatabase();

  /// nullptr when there is no such zone or its file is damaged. Never looks outside the folder: only listed
  /// names are opened.
  [[nodiscard]] const Zone* find(std::string_view name) const noexcept;
  /// Sorted; empty when there is no database.
  [[nodiscard]] const std::vector<std::string_view>& names() const { return names_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  struct Entry;
  std::string folder_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<std::string_view> names_;
};

/// The one at $TZDIR, else /usr/share/zoneinfo.
const ZoneDatabase& zone_database();

}  // namespace catalyst::value
