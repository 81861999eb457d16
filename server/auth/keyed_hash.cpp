#include "server/auth/keyed_hash.h"

#include <openssl/rand.h>

#include <bit>

#include "runtime/base/check.h"
#include "runtime/base/words.h"

namespace catalyst::server {
namespace {

struct State {
  uint64_t a, b, c, d;

  void rounds(int count) {
    for (; count > 0; --count) {
      a += b;
      c += d;
      b = std::rotl(b, 13) ^ a;
      d = std::rotl(d, 16) ^ c;
      a = std::rotl(a, 32);
      c += b;
      a += d;
      b = std::rotl(b, 17) ^ c;
      d = std::rotl(d, 21) ^ a;
      c = std::rotl(c, 32);
    }
  }
  void take(uint64_t word) {
    d ^= word;
    rounds(2);
    a ^= word;
  }
  uint64_t finish() {
    rounds(4);
    return a ^ b ^ c ^ d;
  }
};

}  // namespace

KeyedHash::KeyedHash() {
  uint8_t key[16];
  CHECK(RAND_bytes(key, sizeof key) == 1, "the system gives no random bytes");
  *this = KeyedHash(key);
}

KeyedHash::KeyedHash(std::span<const uint8_t, 16> key)
    : low_(word_of(reinterpret_cast<const char*>(key.data()), 8)),
      high_(word_of(reinterpret_cast<const char*>(key.data()) + 8, 8)) {}

KeyedHash::Value KeyedHash::operator()(std::string_view text) const {
  State state{low_ ^ 0x736f6d6570736575, high_ ^ 0x646f72616e646f6d ^ 0xee, low_ ^ 0x6c7967656e657261,
              high_ ^ 0x7465646279746573};
  const uint64_t length = uint64_t{text.size()} << 56;
  for (; text.size() >= 8; text.remove_prefix(8)) {
    state.take(word_of(text.data(), 8));
  }
  state.take(length | word_of(text.data(), text.size()));
  state.c ^= 0xee;
  const uint64_t first = state.finish();
  state.b ^= 0xdd;
  return {first, state.finish()};
}

}  // namespace catalyst::server
