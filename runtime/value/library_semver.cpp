// Host functions of stdlib/semver.cata.

#include "runtime/value/library.h"
#include "runtime/value/semver.h"

namespace catalyst::value::library {

Status semver_part(const Scratch&, const Value* arguments, Value* out) noexcept {
  const std::optional<Semver> version = parse_semver(arguments[0].text());
  const int64_t part = arguments[1].a.integer;
  if (!version || part < 0 || part > 2 || version->parts[static_cast<size_t>(part)] > INT64_MAX) {
    return give(out, Value::absent());
  }
  return give(out, Value::of_int(static_cast<int64_t>(version->parts[static_cast<size_t>(part)])));
}

Status semver_prerelease(const Scratch&, const Value* arguments, Value* out) noexcept {
  const std::optional<Semver> version = parse_semver(arguments[0].text());
  return give(
      out, version && !version->prerelease.empty() ? Value::of_string(version->prerelease) : Value::absent());
}

Status semver_compare(const Scratch&, const Value* arguments, Value* out) noexcept {
  const std::optional<Semver> a = parse_semver(arguments[0].text());
  const std::optional<Semver> b = parse_semver(arguments[1].text());
  if (!a || !b) {
    return give(out, Value::absent());
  }
  const std::strong_ordering order = compare_semver(*a, *b);
  return give(out, Value::of_int(order < 0 ? -1 : order > 0 ? 1 : 0));
}

Status semver_contains(const Scratch&, const Value* arguments, Value* out) noexcept {
  const std::optional<Semver> version = parse_semver(arguments[0].text());
  return give(out, Value::of_bool(version && semver_in_range(*version, arguments[1].text()).value_or(false)));
}

Status semver_is_range(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_bool(semver_in_range(Semver(), arguments[0].text()).has_value()));
}

}  // namespace catalyst::value::library
