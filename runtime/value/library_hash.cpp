// Host functions of stdlib/hash.cata. Digests are OpenSSL's; each thread keeps one context, so that a warm
// evaluation allocates nothing.

#include <openssl/evp.h>

#include <array>
#include <cstring>
#include <memory>

#include "runtime/value/library.h"
#include "runtime/value/utf8.h"

namespace catalyst::value::library {
namespace {

constexpr size_t kDigestBytesMax = 64;
constexpr size_t kShaBlockBytes = 64;  // of SHA-256

struct Digest {
  std::array<uint8_t, kDigestBytesMax> bytes{};
  size_t size = 0;
};

enum class Algorithm : uint8_t { Sha256, Sha512 };

const EVP_MD* fetched(Algorithm algorithm) {
  static EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static EVP_MD* const kSha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  return algorithm == Algorithm::Sha256 ? kSha256 : kSha512;
}

/// One context for each algorithm and thread: switching a context to another one allocates.
EVP_MD_CTX* context(Algorithm algorithm) {
  using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
  thread_local std::array<Context, 2> contexts = {Context(EVP_MD_CTX_new(), EVP_MD_CTX_free),
                                                  Context(EVP_MD_CTX_new(), EVP_MD_CTX_free)};
  return contexts[static_cast<size_t>(algorithm)].get();
}

/// Of both parts, one behind the other. OutOfMemory when OpenSSL refuses, which it does for want of memory
/// only.
Status digest(Algorithm algorithm, std::string_view first, std::string_view second, Digest* out) {
  EVP_MD_CTX* const at = context(algorithm);
  unsigned size = 0;
  const bool done = at != nullptr && EVP_DigestInit_ex2(at, fetched(algorithm), nullptr) == 1 &&
                    EVP_DigestUpdate(at, first.data(), first.size()) == 1 &&
                    EVP_DigestUpdate(at, second.data(), second.size()) == 1 &&
                    EVP_DigestFinal_ex(at, out->bytes.data(), &size) == 1;
  out->size = size;
  return done ? Status::Ok : Status::OutOfMemory;
}

std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.size};
}

Status hex(const Scratch& scratch, std::string_view bytes, Value* out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  TextWriter writer(scratch, bytes.size() * 2);
  if (writer.status() != Status::Ok) {
    return writer.status();
  }
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    writer.add(kHex[byte >> 4]);
    writer.add(kHex[byte & 15]);
  }
  return writer.finish(out);
}

/// Hashing costs more than looking: 16 bytes a step.
Status hashed(const Scratch& scratch, Algorithm algorithm, std::string_view text, Value* out) {
  Digest sum;
  Status status = scratch.charge(4 + text.size() / 16);
  status = status == Status::Ok ? digest(algorithm, text, {}, &sum) : status;
  return status == Status::Ok ? hex(scratch, bytes_of(sum), out) : status;
}

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

Status base64(const Scratch& scratch, std::string_view text, std::string_view alphabet, bool padded,
              Value* out) {
  TextWriter writer(scratch, (text.size() + 2) / 3 * 4);
  if (writer.status() != Status::Ok) {
    return writer.status();
  }
  for (size_t i = 0; i < text.size(); i += 3) {
    uint32_t group = 0;
    const size_t have = std::min<size_t>(3, text.size() - i);
    for (size_t j = 0; j < 3; j++) {
      group = group << 8 | (j < have ? static_cast<uint8_t>(text[i + j]) : 0u);
    }
    for (size_t j = 0; j < 4; j++) {
      if (j <= have) {
        writer.add(alphabet[group >> (18 - 6 * j) & 63]);
      } else if (padded) {
        writer.add('=');
      }
    }
  }
  return writer.finish(out);
}

/// The value of a letter in either alphabet, or -1.
int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') {
    return c - 'A';
  }
  if (c >= 'a' && c <= 'z') {
    return c - 'a' + 26;
  }
  if (c >= '0' && c <= '9') {
    return c - '0' + 52;
  }
  return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

int hex_value(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

/// Decoded bytes are a string only if they are UTF-8.
Status give_text(const TextWriter& writer, Value* out) {
  return is_utf8(writer.text()) ? writer.finish(out) : give(out, Value::absent());
}

}  // namespace

Status hash_sha256(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return hashed(scratch, Algorithm::Sha256, arguments[0].text(), out);
}

Status hash_sha512(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return hashed(scratch, Algorithm::Sha512, arguments[0].text(), out);
}

/// RFC 2104: H((key ^ opad) | H((key ^ ipad) | text)).
Status hash_hmac_sha256(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  std::string_view key = arguments[0].text();
  const std::string_view text = arguments[1].text();
  Status status = scratch.charge(12 + (key.size() + text.size()) / 16);
  Digest short_key;
  if (status == Status::Ok && key.size() > kShaBlockBytes) {
    status = digest(Algorithm::Sha256, key, {}, &short_key);
    key = bytes_of(short_key);
  }
  std::array<char, kShaBlockBytes> inner{};
  std::array<char, kShaBlockBytes> outer{};
  for (size_t i = 0; i < kShaBlockBytes; i++) {
    const char c = i < key.size() ? key[i] : '\0';
    inner[i] = static_cast<char>(c ^ 0x36);
    outer[i] = static_cast<char>(c ^ 0x5C);
  }
  Digest sum;
  status =
      status == Status::Ok ? digest(Algorithm::Sha256, {inner.data(), inner.size()}, text, &sum) : status;
  const Digest first = sum;
  status = status == Status::Ok
               ? digest(Algorithm::Sha256, {outer.data(), outer.size()}, bytes_of(first), &sum)
               : status;
  return status == Status::Ok ? hex(scratch, bytes_of(sum), out) : status;
}

Status hash_to_base64(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return base64(scratch, arguments[0].text(), kBase64, true, out);
}

Status hash_to_base64url(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return base64(scratch, arguments[0].text(), kBase64Url, false, out);
}

Status hash_from_base64(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  std::string_view text = arguments[0].text();
  const bool padded = text.ends_with('=');
  if (padded && text.size() % 4 != 0) {
    return give(out, Value::absent());
  }
  for (int i = 0; i < 2 && text.ends_with('='); i++) {
    text.remove_suffix(1);
  }
  TextWriter writer(scratch, text.size());
  if (writer.status() != Status::Ok) {
    return writer.status();
  }
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) {
      return give(out, Value::absent());
    }
    bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xFFFFFF;
    count += 6;
    if (count >= 8) {
      count -= 8;
      writer.add(static_cast<char>(bits >> count & 0xFF));
    }
  }
  // One letter alone says nothing; bits left over must be zero, so that a text has one form.
  const bool whole = text.size() % 4 != 1 && (bits & ((1u << count) - 1)) == 0;
  return whole ? give_text(writer, out) : give(out, Value::absent());
}

Status hash_to_hex(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return hex(scratch, arguments[0].text(), out);
}

Status hash_from_hex(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const std::string_view text = arguments[0].text();
  TextWriter writer(scratch, text.size());
  if (writer.status() != Status::Ok) {
    return writer.status();
  }
  if (text.size() % 2 != 0) {
    return give(out, Value::absent());
  }
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) {
      return give(out, Value::absent());
    }
    writer.add(static_cast<char>(high * 16 + low));
  }
  return give_text(writer, out);
}

}  // namespace catalyst::value::library
