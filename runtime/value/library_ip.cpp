// Host functions of stdlib/ip.cata. A network is an address with a prefix; an address has one of full length.

#include <cstring>

#include "runtime/value/library.h"
#include "runtime/value/ops.h"

namespace catalyst::value::library {
namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr int64_t kV4Bits = 96;  // in front of an IPv4 address

struct Octets {
  uint8_t at[16];
  explicit Octets(const Value& ip) {
    std::memcpy(at, &ip.a, 8);
    std::memcpy(at + 8, &ip.b, 8);
  }
  /// All bits behind the prefix become `bit`.
  void fill(unsigned prefix, bool bit) {
    for (unsigned i = prefix; i < 128; i++) {
      const auto mask = static_cast<uint8_t>(0x80u >> (i % 8));
      at[i / 8] = static_cast<uint8_t>(bit ? at[i / 8] | mask : at[i / 8] & ~mask);
    }
  }
  [[nodiscard]] Value with(int64_t prefix) const { return Value::of_ip(at, static_cast<uint8_t>(prefix)); }
};

bool is_v4(const Value& ip) {
  return ip.scale >= kV4Bits && std::memcmp(Octets(ip).at, kMappedPrefix, sizeof kMappedPrefix) == 0;
}

}  // namespace

Status ip_is_v4(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_bool(is_v4(arguments[0])));
}

Status ip_prefix(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_int(arguments[0].scale - (is_v4(arguments[0]) ? kV4Bits : 0)));
}

Status ip_network(const Scratch&, const Value* arguments, Value* out) noexcept {
  const int64_t front = is_v4(arguments[0]) ? kV4Bits : 0;
  const int64_t prefix = arguments[1].a.integer;
  if (prefix < 0 || prefix > 128 - front || front + prefix > arguments[0].scale) {
    return give(out, Value::absent());
  }
  Octets octets(arguments[0]);
  octets.fill(static_cast<unsigned>(front + prefix), false);
  return give(out, octets.with(front + prefix));
}

Status ip_first(const Scratch&, const Value* arguments, Value* out) noexcept {
  Octets octets(arguments[0]);
  octets.fill(arguments[0].scale, false);
  return give(out, octets.with(128));
}

Status ip_last(const Scratch&, const Value* arguments, Value* out) noexcept {
  Octets octets(arguments[0]);
  octets.fill(arguments[0].scale, true);
  return give(out, octets.with(128));
}

Status ip_is_network(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_bool(arguments[0].scale != 128));
}

Status ip_in_range(const Scratch&, const Value* arguments, Value* out) noexcept {
  const Octets ip(arguments[0]);
  const Octets from(arguments[1]);
  Octets to(arguments[2]);
  to.fill(arguments[2].scale, true);
  Octets last(arguments[0]);
  last.fill(arguments[0].scale, true);
  const bool inside = is_v4(arguments[0]) == is_v4(arguments[1]) && std::memcmp(ip.at, from.at, 16) >= 0 &&
                      std::memcmp(last.at, to.at, 16) <= 0;
  return give(out, Value::of_bool(inside));
}

}  // namespace catalyst::value::library
