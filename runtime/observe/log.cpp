#include "runtime/observe/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <ctime>
#include <memory>

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

void append_time(std::string& out) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  const std::time_t seconds = us / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  out.append(text, length);
  std::snprintf(text, sizeof text, ".%06dZ", static_cast<int>(us % 1'000'000));
  out += text;
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
  append_time(line);
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
  append_time(line);
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

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else {
      out += c;
    }
  }
}

}  // namespace catalyst::observe
