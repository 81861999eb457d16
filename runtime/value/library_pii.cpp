// Host functions of stdlib/pii.cata.

#include <re2/re2.h>

#include <memory>
#include <vector>

#include "runtime/value/library.h"
#include "runtime/value/pii.h"

namespace catalyst::value::library {
namespace {

constexpr int64_t kRegexBytesMax = 8 << 20;

const re2::RE2& pattern(size_t kind) {
  static const auto kPatterns = [] {
    std::vector<std::unique_ptr<re2::RE2>> out;
    for (const PiiKind& each : pii_kinds()) {
      re2::RE2::Options options;
      options.set_log_errors(false);
      options.set_max_mem(kRegexBytesMax);
      out.push_back(
          std::make_unique<re2::RE2>(re2::StringPiece(each.pattern.data(), each.pattern.size()), options));
    }
    return out;
  }();
  return *kPatterns[kind];
}

/// Calls `take(begin, end)` for every match whose checksum holds, until it answers false. The kind's number
/// is stdlib/pii.cata's.
template <class Take>
Status each_match(const Scratch& scratch, const Value* arguments, Take take) {
  const int64_t kind = arguments[1].a.integer;
  if (kind < 0 || static_cast<size_t>(kind) >= pii_kinds().size()) {
    return Status::OutOfRange;
  }
  const re2::RE2& regex = pattern(static_cast<size_t>(kind));
  const PiiCheck check = pii_kinds()[static_cast<size_t>(kind)].check;
  const re2::StringPiece text(arguments[0].text().data(), arguments[0].length);
  size_t at = 0;
  while (at <= text.size()) {
    re2::StringPiece match;
    const bool found = regex.Match(text, at, text.size(), re2::RE2::UNANCHORED, &match, 1);
    const size_t begin = found ? static_cast<size_t>(match.data() - text.data()) : text.size();
    const size_t end = begin + match.size();
    const Status status = scratch.charge(1 + (end - at) / 64 + (text.size() - end) / 4096);
    if (status != Status::Ok || !found) {
      return status;
    }
    if (!pii_check_holds(check, {match.data(), match.size()})) {
      at = begin + 1;
      continue;
    }
    if (!take(begin, end)) {
      return Status::Ok;
    }
    at = end;
  }
  return Status::Ok;
}

}  // namespace

Status pii_find(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const std::string_view text = arguments[0].text();
  ListWriter found(scratch);
  bool room = true;
  const Status status = each_match(scratch, arguments, [&](size_t begin, size_t end) {
    return room = found.add(text.substr(begin, end - begin));
  });
  return status != Status::Ok ? status : room ? found.finish(out) : Status::OutOfMemory;
}

Status pii_contains(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  bool any = false;
  const Status status = each_match(scratch, arguments, [&](size_t, size_t) {
    any = true;
    return false;
  });
  *out = Value::of_bool(any);
  return status;
}

Status pii_mask(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const std::string_view text = arguments[0].text();
  const std::string_view mask = arguments[2].text();
  Value found;
  if (const Status status = pii_find(scratch, arguments, &found); status != Status::Ok) {
    return status;
  }
  uint64_t bytes = text.size() + uint64_t{found.length} * mask.size();
  TextWriter writer(scratch, bytes);
  if (writer.status() != Status::Ok) {
    return writer.status();
  }
  size_t copied = 0;
  for (uint32_t i = 0; i < found.length; i++) {
    // Matches are parts of the text, in order.
    const auto begin = static_cast<size_t>(found.a.items[i].a.text - text.data());
    writer.add(text.substr(copied, begin - copied));
    writer.add(mask);
    copied = begin + found.a.items[i].length;
  }
  writer.add(text.substr(copied));
  return writer.finish(out);
}

Status pii_luhn(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_bool(luhn_holds(arguments[0].text())));
}

Status pii_iban(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_bool(iban_holds(arguments[0].text())));
}

}  // namespace catalyst::value::library
