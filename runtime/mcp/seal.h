#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::mcp {

/// Turns small records into text that clients may keep for us: encrypted and authenticated (AES-256-GCM, NIST
/// SP 800-38D), in the characters that headers and JSON strings take unchanged. Immutable after construction;
/// any thread.
class Sealer {
 public:
  /// The first secret seals, every one of them opens, so that keys can be rotated and several engines can
  /// share them. Each is stretched into a key once, here (HKDF-SHA-256, RFC 5869). None: a random key, and
  /// what was sealed ends with this process.
  explicit Sealer(const std::vector<std::string>& secrets = {});

  /// `purpose` is authenticated but not kept: text sealed for one purpose does not open for another. Put into
  /// it whatever the text is bound to.
  [[nodiscard]] std::string seal(std::string_view purpose, std::string_view text) const;
  /// nullopt for anything that was not sealed for this purpose with one of the keys.
  [[nodiscard]] std::optional<std::string> open(std::string_view purpose, std::string_view sealed) const;
  /// The same text for the same two, which says nothing of them to whoever lacks the first secret
  /// (HMAC-SHA-256, RFC 2104; 43 characters).
  [[nodiscard]] std::string name(std::string_view purpose, std::string_view text) const;

 private:
  struct Key {
    std::array<unsigned char, 4> id;  // says which key to open with
    std::array<unsigned char, 32> bytes;
    std::array<unsigned char, 32> naming;
  };
  std::vector<Key> keys_;
};

/// That many bytes that nobody can guess.
[[nodiscard]] std::string random_bytes(size_t count);

/// SHA-256 of the parts, each led by its length, so that no two lists of parts have the same digest.
[[nodiscard]] std::string digest_of(std::initializer_list<std::string_view> parts);

}  // namespace catalyst::mcp
