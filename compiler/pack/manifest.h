#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace catalyst::pack {

using Digest = std::array<uint8_t, 32>;  // SHA-256

struct SourceText {
  std::string path;  // relative to the folder that all sources have in common
  std::string text;
  std::string imported;  // driver::Analysis::imported
  bool operator==(const SourceText&) const = default;
};

enum class InputKind : uint8_t { Source, Schema };

/// A file that the pack was made from.
struct Input {
  InputKind kind = InputKind::Source;
  std::string path;
  uint64_t bytes = 0;
  Digest sha256{};
};

/// A stretch of the pack behind its head.
struct Part {
  std::string name;  // "ir", "sources", "schemas", "native"
  uint64_t bytes = 0;
  Digest sha256{};
};

/// What a pack says about itself; what signatures are made for. Its own digest is the pack's identity.
struct Manifest {
  std::string name;
  std::string version;
  uint64_t sequence = 0;  // never decreases from one release of a pack to the next
  uint32_t language = 0;  // of the rules, see kLanguageVersion
  std::string compiler;   // version of Catalyst that built it
  std::string ir_format;  // fingerprint of the notation of the "ir" part
  uint32_t rules = 0;
  uint32_t tests = 0;
  Digest tests_sha256{};  // of the tests as they stand in the "ir" part
  std::vector<Input> inputs;
  std::vector<Part> parts;
};

/// Made by one Ed25519 key.
struct Signature {
  Digest key{};  // SHA-256 of the raw public key
  std::vector<uint8_t> bytes;
};

inline constexpr uint32_t kLanguageVersion = 1;

}  // namespace catalyst::pack
