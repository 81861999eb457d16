// Host functions of stdlib/text.cata. Positions and lengths count code points.

#include <algorithm>
#include <cstring>

#include "runtime/value/find_text.h"
#include "runtime/value/library.h"
#include "runtime/value/utf8.h"

namespace catalyst::value::library {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

size_t find_part(std::string_view text, std::string_view part, size_t from) {
  const size_t at = find_text(text.substr(from), part);
  return at == std::string_view::npos ? at : from + at;
}

/// What is missing to `width`, from the beginning of `fill` over and over.
Status pad(const Scratch& scratch, const Value* arguments, bool left, Value* out) {
  const std::string_view text = arguments[0].text();
  const std::string_view fill = arguments[2].text();
  int64_t missing = 0;
  if (__builtin_sub_overflow(arguments[1].a.integer, count_code_points(text), &missing) || missing <= 0 ||
      fill.empty()) {
    return give(out, arguments[0]);
  }
  const auto per_round = static_cast<uint64_t>(count_code_points(fill));
  const uint64_t rounds = static_cast<uint64_t>(missing) / per_round;
  const std::string_view rest = fill.substr(
      0, offset_of_code_point(fill, static_cast<int64_t>(static_cast<uint64_t>(missing) % per_round)));
  if (rounds > UINT32_MAX) {
    return Status::OutOfMemory;
  }
  TextWriter writer(scratch, text.size() + rounds * fill.size() + rest.size());
  if (writer.status() != Status::Ok) {
    return writer.status();
  }
  writer.add(left ? std::string_view() : text);
  for (uint64_t i = 0; i < rounds; i++) {
    writer.add(fill);
  }
  writer.add(rest);
  writer.add(left ? text : std::string_view());
  return writer.finish(out);
}

}  // namespace

Status text_pad_left(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return pad(scratch, arguments, true, out);
}

Status text_pad_right(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return pad(scratch, arguments, false, out);
}

Status text_repeat(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const std::string_view text = arguments[0].text();
  const auto times = static_cast<uint64_t>(std::max<int64_t>(arguments[1].a.integer, 0));
  if (text.empty() || times == 0) {
    return give(out, Value::of_string(""));
  }
  if (times > UINT32_MAX) {
    return Status::OutOfMemory;
  }
  TextWriter writer(scratch, text.size() * times);
  for (uint64_t i = 0; i < times && writer.status() == Status::Ok; i++) {
    writer.add(text);
  }
  return writer.status() == Status::Ok ? writer.finish(out) : writer.status();
}

Status text_position(const Scratch&, const Value* arguments, Value* out) noexcept {
  const std::string_view text = arguments[0].text();
  const size_t at = find_part(text, arguments[1].text(), 0);
  return give(out, at == std::string_view::npos ? Value::absent()
                                                : Value::of_int(count_code_points(text.substr(0, at))));
}

Status text_count(const Scratch&, const Value* arguments, Value* out) noexcept {
  const std::string_view text = arguments[0].text();
  const std::string_view part = arguments[1].text();
  int64_t count = 0;
  for (size_t at = part.empty() ? std::string_view::npos : find_part(text, part, 0);
       at != std::string_view::npos; at = find_part(text, part, at + part.size())) {
    count++;
  }
  return give(out, Value::of_int(count));
}

Status text_words(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const std::string_view text = arguments[0].text();
  ListWriter words(scratch);
  for (size_t at = 0; at < text.size();) {
    const size_t begin = static_cast<size_t>(
        std::find_if_not(text.begin() + static_cast<ptrdiff_t>(at), text.end(), is_blank) - text.begin());
    at = static_cast<size_t>(
        std::find_if(text.begin() + static_cast<ptrdiff_t>(begin), text.end(), is_blank) - text.begin());
    if (at == begin) {
      break;
    }
    if (const Status status = scratch.charge(1); status != Status::Ok) {
      return status;
    }
    if (!words.add(text.substr(begin, at - begin))) {
      return Status::OutOfMemory;
    }
  }
  return words.finish(out);
}

Status text_code_points(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const std::string_view text = arguments[0].text();
  if (const Status status = scratch.charge(text.size()); status != Status::Ok) {
    return status;
  }
  ListWriter codes(scratch);
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8_length(text, at);
    uint32_t code = 0xFFFD;  // a byte that is no character
    if (length != 0) {
      const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
      code = length == 1 ? byte(0) : byte(0) & (0xFFu >> (length + 1));
      for (size_t i = 1; i < length; i++) {
        code = code << 6 | (byte(i) & 0x3Fu);
      }
    }
    at += std::max<size_t>(length, 1);
    if (!codes.add(Value::of_int(code))) {
      return Status::OutOfMemory;
    }
  }
  return codes.finish(out);
}

}  // namespace catalyst::value::library
