#include "runtime/observe/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>

#include "runtime/base/words.h"

namespace catalyst::observe {
namespace {

constexpr std::string_view kLevelNames[] = {"trace", "debug", "info", "warn", "error", "off"};

struct Log {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::logger> logger;
  bool json = true;
};

// Written by start_log and stop_log on the main thread, before and after the threads that log.
Log g_log;
std::atomic<Level> g_level{Level::Off};

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::Trace:
      return spdlog::level::trace;
    case Level::Debug:
      return spdlog::level::debug;
    case Level::Info:
      return spdlog::level::info;
    case Level::Warn:
      return spdlog::level::warn;
    case Level::Error:
      return spdlog::level::err;
    case Level::Off:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

/// The last `N` decimal digits of `number`, at `at`; answers what follows them.
template <size_t N>
char* put_digits(char* at, uint64_t number) {
  for (size_t i = N; i > 0; --i) {
    at[i - 1] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return at + N;
}

/// How many of the eight bytes at `text` come before one that an escape stands for; 8 when none does.
size_t plain_bytes(const char* text) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHigh = 0x8080808080808080;
  const uint64_t word = word_of(text, 8);
  // The lowest byte that each term marks is one it means; those above may be marked by a borrow.
  const auto zero = [](uint64_t w) { return (w - kOnes) & ~w; };
  const uint64_t control = (word - kOnes * 0x20) & ~word;
  const uint64_t marked =
      (control | zero(word ^ kOnes * '"') | zero(word ^ kOnes * '\\') | zero(word ^ kOnes * 0x7f)) & kHigh;
  return static_cast<size_t>(std::countr_zero(marked)) / 8;
}

/// Bytes that are looked at together; the compiler finds the processor's instructions.
using Block = unsigned char __attribute__((vector_size(16)));

/// All bits of the bytes that an escape stands for.
Block escape_marks(Block bytes) {
  return static_cast<Block>((bytes < 0x20) | (bytes == '"') | (bytes == '\\') | (bytes == 0x7f));
}

bool any(Block marks) {
  uint64_t halves[2];
  std::memcpy(halves, &marks, sizeof halves);
  return (halves[0] | halves[1]) != 0;
}

bool is_escaped(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f;
}

void append_time(std::string& out, int64_t us) {
  char text[kTimeBytes];
  out.append(text, put_time(text, us));
}

template <class Number>
void append_number(std::string& out, Number number) {
  char text[40];
  const auto [end, failure] = std::to_chars(text, text + sizeof text, number);
  out.append(text, failure == std::errc{} ? end : text);
}

void append_value(std::string& out, const Field& field, bool json) {
  switch (field.kind) {
    case Field::Kind::Text: {
      const bool bare =
          !json && !field.text.empty() && field.text.find_first_of(" \"=\\") == std::string_view::npos;
      out += bare ? "" : "\"";
      append_escaped(out, field.text);
      out += bare ? "" : "\"";
      return;
    }
    case Field::Kind::Integer:
      append_number(out, field.integer);
      return;
    case Field::Kind::Real:
      append_number(out, field.real);
      return;
    case Field::Kind::Flag:
      out += field.flag ? "true" : "false";
      return;
  }
}

std::string json_line(Level level, std::string_view message, std::initializer_list<Field> fields) {
  std::string line = R"({"time":")";
  append_time(line, now_us());
  line.append(R"(","level":")").append(kLevelNames[static_cast<size_t>(level)]).append(R"(","message":")");
  append_escaped(line, message);
  line += '"';
  for (const Field& field : fields) {
    line.append(",\"").append(field.key).append("\":");
    append_value(line, field, true);
  }
  line += '}';
  return line;
}

std::string text_line(Level level, std::string_view message, std::initializer_list<Field> fields) {
  std::string line;
  append_time(line, now_us());
  line.append(" ").append(kLevelNames[static_cast<size_t>(level)]);
  line.append(level == Level::Info || level == Level::Warn ? "  " : " ");
  append_escaped(line, message);
  for (const Field& field : fields) {
    line.append(" ").append(field.key).append("=");
    append_value(line, field, false);
  }
  return line;
}

}  // namespace

void start_log(const LogOptions& options) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  g_log.json = options.format == Format::Json || (options.format == Format::Auto && !terminal);
  g_log.pool = std::make_shared<spdlog::details::thread_pool>(options.queue, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  g_log.logger = std::make_shared<spdlog::async_logger>("catalyst", std::move(sink), g_log.pool,
                                                        spdlog::async_overflow_policy::overrun_oldest);
  g_log.logger->set_pattern("%v");
  g_log.logger->set_level(spdlog::level::trace);
  g_log.logger->flush_on(spdlog::level::warn);
  g_level.store(options.level, std::memory_order_release);
}

void stop_log() {
  g_level.store(Level::Off, std::memory_order_release);
  if (g_log.logger) {
    g_log.logger->flush();
    g_log.logger.reset();
    g_log.pool.reset();  // joins the writer once the queue is empty
  }
}

bool log_enabled(Level level) {
  return level >= g_level.load(std::memory_order_relaxed) && level != Level::Off;
}

void log(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (!log_enabled(level)) {
    return;
  }
  const std::string line = g_log.json ? json_line(level, message, fields) : text_line(level, message, fields);
  g_log.logger->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

char* put_time(char* at, int64_t us) {
  using std::chrono::days, std::chrono::microseconds, std::chrono::seconds, std::chrono::sys_time;
  struct Second {
    sys_time<seconds> time = sys_time<seconds>::min();
    char text[21] = "0000-00-00T00:00:00.";
  };
  thread_local Second last;  // most lines are of the same second as the one before
  const sys_time<microseconds> time{microseconds(us)};
  const auto second = std::chrono::floor<seconds>(time);
  if (second != last.time) {
    const auto day = std::chrono::floor<days>(second);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(second - day);
    char* text = put_digits<4>(last.text, static_cast<uint64_t>(static_cast<int>(date.year())));
    text = put_digits<2>(text + 1, static_cast<unsigned>(date.month()));
    text = put_digits<2>(text + 1, static_cast<unsigned>(date.day()));
    text = put_digits<2>(text + 1, static_cast<uint64_t>(clock.hours().count()));
    text = put_digits<2>(text + 1, static_cast<uint64_t>(clock.minutes().count()));
    put_digits<2>(text + 1, static_cast<uint64_t>(clock.seconds().count()));
    last.time = second;
  }
  std::memcpy(at, last.text, sizeof last.text - 1);
  at = put_digits<6>(at + sizeof last.text - 1, static_cast<uint64_t>((time - second).count()));
  *at = 'Z';
  return at + 1;
}

char* put_plain(char* at, std::string_view text) {
  const size_t size = text.size();
  if (size < sizeof(Block)) {
    // Two words, the same one twice if it is short; spaces stand for what is missing.
    constexpr uint64_t kSpaces = 0x2020202020202020;
    const bool two = size >= 8;
    const uint64_t first = word_of(text.data(), size) | (two || size == 0 ? 0 : kSpaces << (8 * size));
    const uint64_t last = two ? word_of(text.data() + size - 8, 8) : first;
    std::memcpy(at, &first, 8);
    std::memcpy(at + (two ? size - 8 : 0), &last, 8);
    Block block;
    std::memcpy(&block, &first, 8);
    std::memcpy(reinterpret_cast<char*>(&block) + 8, &last, 8);
    return size == 0 || !any(escape_marks(block)) ? at + size : nullptr;
  }
  const auto copy = [&](size_t i) {
    Block block;
    std::memcpy(&block, text.data() + i, sizeof block);
    std::memcpy(at + i, &block, sizeof block);
    return escape_marks(block);
  };
  Block marks = copy(size - sizeof(Block));
  for (size_t i = 0; i + sizeof(Block) < size; i += sizeof(Block)) {
    marks |= copy(i);
  }
  return any(marks) ? nullptr : at + size;
}

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  size_t copied = 0;
  for (size_t i = 0; i < text.size();) {
    if (i + 8 <= text.size()) {
      const size_t plain = plain_bytes(text.data() + i);
      i += plain;
      if (plain == 8) {
        continue;
      }
    }
    if (!is_escaped(text[i])) {
      ++i;
      continue;
    }
    const auto byte = static_cast<unsigned char>(text[i]);
    out.append(text.substr(copied, i - copied));
    copied = ++i;
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += static_cast<char>(byte);
    } else if (byte == '\n') {
      out += "\\n";
    } else {
      out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
  }
  out.append(text.substr(copied));
}

}  // namespace catalyst::observe
