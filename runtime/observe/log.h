#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace catalyst::observe {

enum class Level : uint8_t { Trace, Debug, Info, Warn, Error, Off };
enum class Format : uint8_t { Auto, Json, Text };  // Auto: text on a terminal, JSON elsewhere

struct LogOptions {
  Level level = Level::Info;
  Format format = Format::Auto;
  size_t queue =
      8192;  // lines waiting for the writer; when full, the oldest is dropped rather than a request delayed
};

/// One named value of a log line. Views must live until `log` returns.
struct Field {
  enum class Kind : uint8_t { Text, Integer, Real, Flag };
  Field(std::string_view k, std::string_view v) : key(k), kind(Kind::Text), text(v) {}
  Field(std::string_view k, const char* v) : key(k), kind(Kind::Text), text(v) {}
  Field(std::string_view k, const std::string& v) : key(k), kind(Kind::Text), text(v) {}
  Field(std::string_view k, int64_t v) : key(k), kind(Kind::Integer), integer(v) {}
  Field(std::string_view k, uint64_t v) : key(k), kind(Kind::Integer), integer(static_cast<int64_t>(v)) {}
  Field(std::string_view k, int v) : key(k), kind(Kind::Integer), integer(v) {}
  Field(std::string_view k, uint32_t v) : key(k), kind(Kind::Integer), integer(v) {}
  Field(std::string_view k, double v) : key(k), kind(Kind::Real), real(v) {}
  Field(std::string_view k, bool v) : key(k), kind(Kind::Flag), flag(v) {}

  std::string_view key;
  Kind kind;
  std::string_view text;
  int64_t integer = 0;
  double real = 0;
  bool flag = false;
};

/// Starts the log on standard error; before it (and in commands that never call it) `log` does nothing. Call
/// once, from main.
void start_log(const LogOptions& options);
/// Writes what waits and stops the writer thread.
void stop_log();

bool log_enabled(Level level);

/// One line: time, level, message, fields. Any thread; never blocks on the terminal or file. Control bytes
/// are escaped, so that no input can forge a line. Callers never pass credentials: there is no filter behind
/// this.
void log(Level level, std::string_view message, std::initializer_list<Field> fields = {});

/// `us` since 1970 as RFC 3339 text in UTC, to the microsecond: kTimeBytes bytes at `at`. Answers what
/// follows them.
inline constexpr size_t kTimeBytes = 27;
char* put_time(char* at, int64_t us);

/// `text` with everything that is not printable written as an escape of JSON, without the quotes around it.
void append_escaped(std::string& out, std::string_view text);
/// The same at `at`, when it is just the text, and what follows it; nullptr, and nothing of use is written,
/// when something must be escaped. There must be room for kPlainRoom bytes more than the text.
inline constexpr size_t kPlainRoom = 8;
[[nodiscard]] char* put_plain(char* at, std::string_view text);

}  // namespace catalyst::observe
