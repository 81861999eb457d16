#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/pack/manifest.h"
#include "runtime/base/result.h"

// A pack is one file (docs/packs.md): head, manifest, signatures, parts. Nothing is compressed, so no byte
// stands for more than itself.

namespace catalyst::pack {

struct Limits {
  size_t file_bytes = 64u * 1024 * 1024;     // 10,000 ordinary rules take about 3 MiB
  size_t memory_bytes = 256u * 1024 * 1024;  // of what is read from it
  size_t signatures = 16;
};

struct BuildInput {
  const ir::Module* module = nullptr;
  std::vector<SourceText> sources;  // by FileId of the module's spans
  std::vector<SourceText> schemas;
  uint64_t sequence = 0;
  std::string compiler;
  std::string native;  // what write_native gave; empty: none
};

/// The part with native code. Nothing but its digest is verified by open and read: it may run only where a
/// trusted key signed the pack.
inline constexpr std::string_view kNativePart = "native";

/// One byte sequence for one input, wherever it is built.
std::string build(const BuildInput& input);

/// A release's sequence number unless it is said: 1.2.3 is (1 * 2^20 + 2) * 2^20 + 3, so it grows with the
/// version. Parts beyond 2^20 - 1 count as that; what is behind a `-` is not counted.
uint64_t sequence_of(std::string_view version);

/// A pack whose head, manifest and digests are good; what stands in the parts is not looked at yet. Views
/// point into the bytes that were opened.
struct Opened {
  Manifest manifest;
  std::vector<Signature> signatures;
  std::string_view manifest_bytes;      // what signatures are made for
  Digest digest{};                      // of manifest_bytes: names this very pack, however it is signed
  std::vector<std::string_view> parts;  // as in the manifest

  /// Empty when there is none.
  [[nodiscard]] std::string_view part(std::string_view name) const;
};
Result<Opened> open(std::string_view bytes, const Limits& limits = {});

struct Contents {
  std::vector<SourceText> sources;
  std::vector<SourceText> schemas;
  /// nullptr when the rules are in a notation of another version: compile the sources, which are the same
  /// pack.
  std::shared_ptr<ir::Module> module;
};
/// Reads the parts, everything in them verified, and holds them against the manifest.
Result<Contents> read(const Opened& pack, const Limits& limits = {});

/// The same pack with other signatures.
std::string with_signatures(std::string_view bytes, const Opened& pack,
                            const std::vector<Signature>& signatures);

/// "acme.gateway 1.4.0 (a1b2c3d4e5f6)"
std::string title(const Opened& pack);

}  // namespace catalyst::pack
