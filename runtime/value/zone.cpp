#include "runtime/value/zone.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

#include "runtime/value/time.h"

namespace catalyst::value {
namespace {

constexpr int64_t kDaySeconds = 86'400;
constexpr uintmax_t kFileBytesMax = 1 << 20;
constexpr uint32_t kChangesMax = 100'000;

bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

}  // namespace

// ---- the rule for the future, "CET-1CEST,M3.5.0,M10.5.0/3" ----

class Zone::RuleReader {
 public:
  explicit RuleReader(std::string_view text) : rest_(text) {}

  Future read() {
    Future out;
    if (!name() || !offset(&out.standard_offset)) {
      return {};
    }
    if (rest_.empty()) {
      out.known = true;
      return out;
    }
    out.summer = true;
    out.summer_offset = out.standard_offset + 3600;
    if (!name() || (!rest_.empty() && rest_.front() != ',' && !offset(&out.summer_offset))) {
      return {};
    }
    out.known = take(',') && day(&out.begin) && take(',') && day(&out.end) && rest_.empty();
    return out.known ? out : Future();
  }

 private:
  bool take(char c) {
    const bool there = !rest_.empty() && rest_.front() == c;
    rest_.remove_prefix(there ? 1 : 0);
    return there;
  }

  bool name() {
    const bool quoted = take('<');
    size_t n = 0;
    while (n < rest_.size() &&
           (quoted ? rest_[n] != '>'
                   : (rest_[n] >= 'A' && rest_[n] <= 'Z') || (rest_[n] >= 'a' && rest_[n] <= 'z'))) {
      n++;
    }
    rest_.remove_prefix(n);
    return n > 0 && (!quoted || take('>'));
  }

  bool number(int* out) {
    size_t n = 0;
    int x = 0;
    for (; n < rest_.size() && n < 4 && rest_[n] >= '0' && rest_[n] <= '9'; n++) {
      x = x * 10 + (rest_[n] - '0');
    }
    rest_.remove_prefix(n);
    *out = x;
    return n > 0;
  }

  /// [+-]hh[:mm[:ss]]
  bool clock(int64_t* seconds) {
    const bool negative = take('-');
    if (!negative) {
      take('+');
    }
    std::array<int, 3> parts{};
    if (!number(&parts[0]) || (take(':') && (!number(&parts[1]) || (take(':') && !number(&parts[2]))))) {
      return false;
    }
    const int64_t total = int64_t{parts[0]} * 3600 + parts[1] * 60 + parts[2];
    *seconds = negative ? -total : total;
    return true;
  }

  /// West of UTC is positive in this notation.
  bool offset(int64_t* seconds) {
    const bool read = clock(seconds);
    *seconds = -*seconds;
    return read && std::abs(*seconds) <= kDaySeconds;
  }

  bool day(Day* out) {
    if (take('M')) {
      out->form = 'M';
      if (!number(&out->month) || !take('.') || !number(&out->week) || !take('.') || !number(&out->day) ||
          out->month < 1 || out->month > 12 || out->week < 1 || out->week > 5 || out->day > 6) {
        return false;
      }
    } else {
      out->form = take('J') ? 'J' : '0';
      if (!number(&out->day) || out->day > 366) {
        return false;
      }
    }
    return !take('/') || clock(&out->time_s);
  }

  std::string_view rest_;
};

int64_t Zone::Day::second_in(int64_t year) const noexcept {
  int64_t at = 0;
  if (form == 'M') {
    const int64_t first = days_from_civil(year, month, 1);
    const int64_t weekday = ((first + 4) % 7 + 7) % 7;  // 0 is Sunday; 1970-01-01 was a Thursday
    at = first + (day - weekday + 7) % 7 + int64_t{7} * (week - 1);
    const int64_t next = month == 12 ? days_from_civil(year + 1, 1, 1) : days_from_civil(year, month + 1, 1);
    at -= at >= next ? 7 : 0;
  } else {
    at = days_from_civil(year, 1, 1) + day;
    if (form == 'J') {
      at += is_leap(year) && day >= 60 ? 0 : -1;
    }
  }
  return at * kDaySeconds + time_s;
}

int64_t Zone::Future::offset_at(int64_t second) const noexcept {
  if (!summer) {
    return standard_offset;
  }
  const int64_t local = second + standard_offset;
  const int64_t year = civil_date(local / kDaySeconds - (local % kDaySeconds < 0 ? 1 : 0)).year;
  const int64_t from = begin.second_in(year) - standard_offset;
  const int64_t to = end.second_in(year) - summer_offset;
  const bool in_summer = from < to ? second >= from && second < to : second >= from || second < to;
  return in_summer ? summer_offset : standard_offset;
}

// ---- TZif ----

class Zone::Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::unique_ptr<const Zone> read() {
    Counts counts;
    // The first block has 32-bit times and is there for old readers.
    if (!header(&counts) || version_ < '2' || !skip(size_of(counts, 4)) || !header(&counts)) {
      return nullptr;
    }
    if (counts.changes > kChangesMax || counts.types == 0 || counts.types > 256 || counts.letters > 65'536 ||
        counts.leaps > kChangesMax || size_of(counts, 8) > rest_.size()) {
      return nullptr;
    }
    auto zone = std::make_unique<Zone>();
    const std::string_view times = take(size_t{counts.changes} * 8);
    const std::string_view indexes = take(counts.changes);
    const std::string_view types = take(size_t{counts.types} * 6);
    skip(counts.letters + size_t{counts.leaps} * 12 + counts.standards + counts.universals);
    const auto offset_of = [&](size_t type) {
      return static_cast<int32_t>(big_endian(types.substr(type * 6, 4)));
    };
    zone->first_offset_ = offset_of(0);
    int64_t previous = INT64_MIN;
    for (size_t i = 0; i < counts.changes; i++) {
      const auto type = static_cast<uint8_t>(indexes[i]);
      const auto second = static_cast<int64_t>(big_endian(times.substr(i * 8, 8)));
      if (type >= counts.types || second < previous) {
        return nullptr;
      }
      previous = second;
      zone->changes_.push_back({second, offset_of(type)});
    }
    if (rest_.size() >= 2 && rest_.front() == '\n') {
      zone->future_ = RuleReader(rest_.substr(1, rest_.find('\n', 1) - 1)).read();
    }
    return zone;
  }

 private:
  struct Counts {
    uint32_t universals, standards, leaps, changes, types, letters;
  };

  static uint64_t big_endian(std::string_view bytes) {
    uint64_t x = 0;
    for (const char c : bytes) {
      x = (x << 8) | static_cast<uint8_t>(c);
    }
    return x;
  }
  static size_t size_of(const Counts& c, size_t time_bytes) {
    return size_t{c.changes} * (time_bytes + 1) + size_t{c.types} * 6 + c.letters +
           size_t{c.leaps} * (time_bytes + 4) + c.standards + c.universals;
  }

  std::string_view take(size_t n) {
    const std::string_view out = rest_.substr(0, n);
    rest_.remove_prefix(out.size());
    return out;
  }
  bool skip(size_t n) { return n <= rest_.size() && take(n).size() == n; }

  bool header(Counts* out) {
    if (rest_.size() < 44 || rest_.substr(0, 4) != "TZif") {
      return false;
    }
    version_ = rest_[4];
    skip(20);
    for (uint32_t* each :
         {&out->universals, &out->standards, &out->leaps, &out->changes, &out->types, &out->letters}) {
      *each = static_cast<uint32_t>(big_endian(take(4)));
    }
    return true;
  }

  std::string_view rest_;
  char version_ = 0;
};

std::unique_ptr<const Zone> Zone::parse(std::string_view bytes) { return Reader(bytes).read(); }

int64_t Zone::offset_at(int64_t second) const noexcept {
  const auto later = std::upper_bound(changes_.begin(), changes_.end(), second,
                                      [](int64_t at, const Change& change) { return at < change.second; });
  if (later == changes_.end() && future_.known) {
    return future_.offset_at(second);
  }
  return later == changes_.begin() ? first_offset_ : std::prev(later)->offset;
}

int64_t Zone::instant_of(int64_t wall) const noexcept {
  const int64_t before = offset_at(wall - kDaySeconds);
  const int64_t after = offset_at(wall + kDaySeconds);
  const int64_t by_before = wall - before;
  const int64_t by_after = wall - after;
  const bool before_holds = offset_at(by_before) == before;
  const bool after_holds = offset_at(by_after) == after;
  if (before_holds && after_holds) {
    return std::min(by_before, by_after);
  }
  return after_holds ? by_after : by_before;
}

// ---- the database ----

struct ZoneDatabase::Entry {
  std::string name;
  std::once_flag once;
  std::unique_ptr<const Zone> zone;
};

ZoneDatabase::ZoneDatabase(std::string folder) : folder_(std::move(folder)) {
  namespace fs = std::filesystem;
  std::error_code failure;
  const fs::path root(folder_);
  auto at = fs::recursive_directory_iterator(root, fs::directory_options::skip_permission_denied, failure);
  for (; !failure && at != fs::recursive_directory_iterator(); at.increment(failure)) {
    const std::string file = at->path().filename().string();
    const bool is_folder = at->is_directory(failure);
    // Zones begin with a capital letter; the tables beside them, and the copies in posix/ and right/, do not.
    const bool zone = file.front() >= 'A' && file.front() <= 'Z' && file.find('.') == std::string::npos;
    if (is_folder && !zone) {
      at.disable_recursion_pending();
    } else if (!is_folder && zone) {
      entries_.push_back(std::make_unique<Entry>());
      entries_.back()->name = at->path().lexically_relative(root).generic_string();
    }
  }
  std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
  for (const auto& entry : entries_) {
    names_.push_back(entry->name);
  }
}

ZoneDatabase::~ZoneDatabase() = default;

const Zone* ZoneDatabase::find(std::string_view name) const noexcept {
  const auto found = std::lower_bound(names_.begin(), names_.end(), name);
  if (found == names_.end() || *found != name) {
    return nullptr;
  }
  Entry& entry = *entries_[static_cast<size_t>(found - names_.begin())];
  std::call_once(entry.once, [&] {
    const std::string path = folder_ + "/" + entry.name;
    std::error_code failure;
    if (std::filesystem::file_size(path, failure) > kFileBytesMax || failure) {
      return;
    }
    std::ifstream in(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    entry.zone = Zone::parse(bytes);
  });
  return entry.zone.get();
}

const ZoneDatabase& zone_database() {
  static const ZoneDatabase database([] {
    const char* named = std::getenv("TZDIR");
    return std::string(named != nullptr && *named != '\0' ? named : "/usr/share/zoneinfo");
  }());
  return database;
}

}  // namespace catalyst::value
