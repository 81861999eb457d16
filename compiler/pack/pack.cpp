#include "compiler/pack/pack.h"

#include <algorithm>
#include <charconv>

#include "compiler/pack/describe.h"
#include "compiler/pack/module_codec.h"
#include "compiler/pack/refusal.h"

namespace catalyst::pack {
namespace {

constexpr std::string_view kMagic("CATPACK\x01", 8);  // the last byte is the format
constexpr size_t kWordBytes = 4;
constexpr size_t kManifestBytesMax = 4u * 1024 * 1024;
constexpr std::string_view kIr = "ir";
constexpr std::string_view kSources = "sources";
constexpr std::string_view kSchemas = "schemas";

/// Little endian.
std::string word(size_t x) {
  std::string out;
  for (size_t i = 0; i < kWordBytes; i++) {
    out.push_back(static_cast<char>(x >> (8 * i)));
  }
  return out;
}

/// Takes stretches off the front of a file.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  bool take(uint64_t bytes, std::string_view& out) {
    if (bytes > rest_.size()) {
      return false;
    }
    out = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return true;
  }
  /// A stretch with its length in front.
  bool take_sized(std::string_view& out) {
    std::string_view length;
    if (!take(kWordBytes, length)) {
      return false;
    }
    size_t bytes = 0;
    for (size_t i = kWordBytes; i-- > 0;) {
      bytes = bytes << 8 | static_cast<uint8_t>(length[i]);
    }
    return take(bytes, out);
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::string write_signatures(const std::vector<Signature>& signatures) {
  Writer writer;
  writer(signatures);
  return writer.take();
}

std::string assemble(std::string_view manifest, const std::vector<Signature>& signatures,
                     std::string_view parts) {
  const std::string signed_by = write_signatures(signatures);
  std::string out(kMagic);
  out.append(word(manifest.size())).append(manifest);
  out.append(word(signed_by.size())).append(signed_by);
  out.append(parts);
  return out;
}

void add_part(Manifest& manifest, std::string& parts, std::string_view name, std::string_view bytes) {
  manifest.parts.push_back({std::string(name), bytes.size(), sha256(bytes)});
  parts.append(bytes);
}

std::vector<Input> inputs_of(const std::vector<SourceText>& sources, const std::vector<SourceText>& schemas) {
  std::vector<Input> out;
  for (const SourceText& source : sources) {
    out.push_back({InputKind::Source, source.path, source.text.size(), sha256(source.text)});
  }
  for (const SourceText& schema : schemas) {
    out.push_back({InputKind::Schema, schema.path, schema.text.size(), sha256(schema.text)});
  }
  return out;
}

bool same(const Input& a, const Input& b) {
  return a.kind == b.kind && a.path == b.path && a.bytes == b.bytes && a.sha256 == b.sha256;
}

/// Does the manifest say of the module what it is?
bool tells_the_truth(const Manifest& manifest, const ir::Module& module) {
  return manifest.name == module.pack_name && manifest.version == module.pack_version &&
         manifest.rules == module.rules.size() && manifest.tests == module.tests.size() &&
         manifest.tests_sha256 == sha256(write_tests(module));
}

Result<void> read_head(Cursor& file, Opened& out, const Limits& limits) {
  std::string_view magic;
  std::string_view signatures;
  if (!file.take(kMagic.size(), magic) || magic.substr(0, 7) != kMagic.substr(0, 7)) {
    return refuse(Refusal::NotAPack, "");
  }
  if (magic != kMagic) {
    return refuse(Refusal::UnknownFormat, "format " + std::to_string(static_cast<uint8_t>(magic.back())));
  }
  if (!file.take_sized(out.manifest_bytes) || !file.take_sized(signatures)) {
    return refuse(Refusal::Truncated, "in its head");
  }
  if (out.manifest_bytes.size() > kManifestBytesMax) {
    return refuse(Refusal::TooLarge, "its manifest");
  }
  Reader manifest(out.manifest_bytes, limits.memory_bytes);
  manifest(out.manifest);
  if (!manifest.ok() || !manifest.at_end()) {
    return refuse(Refusal::Malformed, "its manifest: " + manifest.problem());
  }
  Reader signed_by(signatures, limits.memory_bytes);
  signed_by(out.signatures);
  if (!signed_by.ok() || !signed_by.at_end()) {
    return refuse(Refusal::Malformed, "its signatures: " + signed_by.problem());
  }
  if (out.signatures.size() > limits.signatures) {
    return refuse(Refusal::TooLarge, std::to_string(out.signatures.size()) + " signatures");
  }
  return {};
}

}  // namespace

std::string build(const BuildInput& input) {
  Manifest manifest;
  manifest.name = input.module->pack_name;
  manifest.version = input.module->pack_version;
  manifest.sequence = input.sequence;
  manifest.language = kLanguageVersion;
  manifest.compiler = input.compiler;
  manifest.ir_format = ir_format();
  manifest.rules = static_cast<uint32_t>(input.module->rules.size());
  manifest.tests = static_cast<uint32_t>(input.module->tests.size());
  manifest.tests_sha256 = sha256(write_tests(*input.module));
  manifest.inputs = inputs_of(input.sources, input.schemas);
  std::string parts;
  add_part(manifest, parts, kIr, write_module(*input.module));
  add_part(manifest, parts, kSources, write_texts(input.sources));
  add_part(manifest, parts, kSchemas, write_texts(input.schemas));
  if (!input.native.empty()) {
    add_part(manifest, parts, kNativePart, input.native);
  }
  Writer writer;
  writer(manifest);
  return assemble(writer.take(), {}, parts);
}

uint64_t sequence_of(std::string_view version) {
  constexpr uint64_t kPartMax = (uint64_t{1} << 20) - 1;
  version = version.substr(0, version.find('-'));
  uint64_t out = 0;
  for (int part = 0; part < 3; part++) {
    uint64_t number = 0;
    const auto [end, problem] = std::from_chars(version.data(), version.data() + version.size(), number);
    out = out << 20 | (problem == std::errc::result_out_of_range ? kPartMax : std::min(number, kPartMax));
    version.remove_prefix(static_cast<size_t>(end - version.data()));
    version.remove_prefix(version.starts_with('.') ? 1 : 0);
  }
  return out;
}

std::string_view Opened::part(std::string_view name) const {
  for (size_t i = 0; i < parts.size(); i++) {
    if (manifest.parts[i].name == name) {
      return parts[i];
    }
  }
  return {};
}

Result<Opened> open(std::string_view bytes, const Limits& limits) {
  if (bytes.size() > limits.file_bytes) {
    return refuse(Refusal::TooLarge,
                  std::to_string(bytes.size()) + " bytes of at most " + std::to_string(limits.file_bytes));
  }
  Opened out;
  Cursor file(bytes);
  if (auto head = read_head(file, out, limits); head.has_error()) {
    return head.error();
  }
  for (const Part& part : out.manifest.parts) {
    if (!file.take(part.bytes, out.parts.emplace_back())) {
      return refuse(Refusal::Truncated, "in its part " + part.name);
    }
    if (sha256(out.parts.back()) != part.sha256) {
      return refuse(Refusal::Altered, "its part " + part.name + " has another digest than its manifest says");
    }
  }
  if (!file.at_end()) {
    return refuse(Refusal::Malformed, "something stands behind its last part");
  }
  out.digest = sha256(out.manifest_bytes);
  return out;
}

Result<Contents> read(const Opened& pack, const Limits& limits) {
  Contents out;
  for (const auto& [name, texts] : {std::pair(kSources, &out.sources), std::pair(kSchemas, &out.schemas)}) {
    auto read = read_texts(pack.part(name), limits.memory_bytes);
    if (read.has_error()) {
      return read.error();
    }
    *texts = std::move(*read);
  }
  const std::vector<Input> inputs = inputs_of(out.sources, out.schemas);
  if (!std::equal(inputs.begin(), inputs.end(), pack.manifest.inputs.begin(), pack.manifest.inputs.end(),
                  same)) {
    return refuse(Refusal::Malformed, "its manifest lists other sources than it holds");
  }
  if (pack.manifest.language > kLanguageVersion) {
    return refuse(Refusal::UnknownFormat, "language version " + std::to_string(pack.manifest.language));
  }
  if (pack.manifest.ir_format != ir_format()) {
    return out;
  }
  auto module = read_module(pack.part(kIr), out.sources, limits.memory_bytes);
  if (module.has_error()) {
    return module.error();
  }
  if (!tells_the_truth(pack.manifest, **module)) {
    return refuse(Refusal::Malformed, "its manifest describes other rules than it holds");
  }
  out.module = std::move(*module);
  return out;
}

std::string with_signatures(std::string_view bytes, const Opened& pack,
                            const std::vector<Signature>& signatures) {
  const size_t parts_begin =
      pack.parts.empty() ? bytes.size() : static_cast<size_t>(pack.parts.front().data() - bytes.data());
  return assemble(pack.manifest_bytes, signatures, bytes.substr(parts_begin));
}

std::string title(const Opened& pack) {
  return pack.manifest.name + " " + pack.manifest.version + " (" + hex(pack.digest).substr(0, 12) + ")";
}

}  // namespace catalyst::pack
