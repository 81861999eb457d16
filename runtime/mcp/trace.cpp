#include "runtime/mcp/trace.h"

#include <cstdint>
#include <cstring>
#include <random>

namespace catalyst::mcp {
namespace {

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

/// Not secret: trace ids only have to differ. Seeded per thread from the system's entropy.
uint64_t random_word() {
  static thread_local std::mt19937_64 generator = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return generator();
}

/// Eight hexadecimal digits at once.
void put_hex(char* at, uint32_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  uint64_t digits = word;  // to be spread: a digit a byte, the last digit in the lowest
  digits = (digits | digits << 16) & 0x0000ffff0000ffff;
  digits = (digits | digits << 8) & 0x00ff00ff00ff00ff;
  digits = (digits | digits << 4) & 0x0f0f0f0f0f0f0f0f;
  const uint64_t letters = (digits + kOnes * 6) >> 4 & kOnes;  // 10 and above
  digits = __builtin_bswap64(digits + kOnes * '0' + letters * ('a' - '0' - 10));
  std::memcpy(at, &digits, 8);
}

void put_hex(char* at, uint64_t word) {
  put_hex(at, static_cast<uint32_t>(word >> 32));
  put_hex(at + 8, static_cast<uint32_t>(word));
}

}  // namespace

bool is_traceparent(std::string_view text) {
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') {
    return false;
  }
  const std::string_view version = text.substr(0, 2);
  if (!is_hex(version) || version == "ff" ||
      (version == "00" ? text.size() != 55 : text.size() > 55 && text[55] != '-')) {
    return false;
  }
  return text.size() <= 256 && is_hex(text.substr(3, 32)) && is_hex(text.substr(36, 16)) &&
         is_hex(text.substr(53, 2)) && !is_zero(text.substr(3, 32)) && !is_zero(text.substr(36, 16)) &&
         text.find_first_of("\r\n") == std::string_view::npos;
}

std::string make_traceparent() {
  std::string out(55, '0');
  out[2] = out[35] = out[52] = '-';
  put_hex(out.data() + 3, random_word());
  put_hex(out.data() + 19, random_word() | 1);
  put_hex(out.data() + 36, random_word() | 1);
  out[54] = '1';
  return out;
}

TraceContext continue_trace(std::initializer_list<TraceClaim> claims) {
  for (const TraceClaim& claim : claims) {
    if (is_traceparent(claim.parent)) {
      const bool good =
          claim.state.size() <= 512 && claim.state.find_first_of("\r\n") == std::string_view::npos;
      return {std::string(claim.parent), good ? claim.state : std::string_view()};
    }
  }
  return {make_traceparent(), {}};
}

}  // namespace catalyst::mcp
