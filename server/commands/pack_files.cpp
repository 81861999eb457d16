#include "server/commands/pack_files.h"

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "compiler/pack/module_codec.h"
#include "compiler/pack/refusal.h"
#include "server/commands/sources.h"

namespace catalyst::server {

using Json = nlohmann::ordered_json;

Result<std::string> read_pack_file(const std::string& path) {
  return read_file(path,
                   pack::Limits{}.file_bytes + 1);  // one more, so that the pack says that it is too large
}

Result<std::vector<pack::Key>> read_public_keys(const std::vector<std::string>& paths) {
  std::vector<pack::Key> keys;
  for (const std::string& path : paths) {
    const auto pem = read_file(path, size_t{64} * 1024);
    auto key = pem.has_error()
                   ? Result<pack::Key>(pem.error())
                   : pack::Key::public_from_pem(*pem, std::filesystem::path(path).stem().string());
    if (key.has_error()) {
      return key.error();
    }
    keys.push_back(std::move(*key));
  }
  return keys;
}

std::optional<pack::NativeObject> native_of(const pack::Opened& pack) {
  const std::string_view part = pack.part(pack::kNativePart);
  if (part.empty()) {
    return std::nullopt;
  }
  auto native = pack::read_native(part, pack::Limits{}.memory_bytes);
  return native.has_error() ? std::nullopt : std::optional(std::move(*native));
}

Json pack_json(const pack::Opened& pack) {
  const pack::Manifest& m = pack.manifest;
  Json out = {{"name", m.name},
              {"version", m.version},
              {"sequence", m.sequence},
              {"digest", pack::hex(pack.digest)},
              {"language", m.language},
              {"compiler", m.compiler},
              {"ir_format", m.ir_format},
              {"rules", m.rules},
              {"tests", m.tests},
              {"tests_sha256", pack::hex(m.tests_sha256)},
              {"inputs", Json::array()},
              {"parts", Json::array()},
              {"signatures", Json::array()}};
  for (const pack::Input& input : m.inputs) {
    out["inputs"].push_back({{"kind", input.kind == pack::InputKind::Source ? "source" : "schema"},
                             {"path", input.path},
                             {"bytes", input.bytes},
                             {"sha256", pack::hex(input.sha256)}});
  }
  for (const pack::Part& part : m.parts) {
    out["parts"].push_back({{"name", part.name}, {"bytes", part.bytes}, {"sha256", pack::hex(part.sha256)}});
  }
  if (const auto native = native_of(pack)) {
    out["native"] = {{"triple", native->target.triple},     {"cpu", native->target.cpu},
                     {"features", native->target.features}, {"llvm", native->target.llvm},
                     {"program", native->target.program},   {"code_bytes", native->code.size()}};
  }
  for (const pack::Signature& signature : pack.signatures) {
    out["signatures"].push_back({{"algorithm", "ed25519"}, {"key", pack::hex(signature.key)}});
  }
  return out;
}

Exit refused(const Error& why, bool json) {
  const std::string_view slug = pack::slug(why.code);
  if (json) {
    const Json out = {{"ok", false}, {"refusal", slug}, {"reason", why.message()}};
    std::printf("%s\n", out.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    print_error(why.message());
  }
  return slug.empty() ? Exit::System : Exit::Findings;
}

}  // namespace catalyst::server
