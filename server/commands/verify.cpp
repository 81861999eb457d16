#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "compiler/driver/packs.h"
#include "compiler/pack/module_codec.h"
#include "server/commands/command.h"
#include "server/commands/pack_files.h"
#include "server/commands/sources.h"

namespace catalyst::server {
namespace {

struct VerifyOptions {
  std::string pack;
  std::vector<std::string> keys;
  size_t required = 1;
  bool json = false;
};

struct InspectOptions {
  std::string pack;
  bool json = false;
};

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

Exit verify(const VerifyOptions& options) {
  const auto bytes = read_pack_file(options.pack);
  auto keys = read_public_keys(options.keys);
  if (bytes.has_error() || keys.has_error()) {
    return refused(bytes.has_error() ? bytes.error() : keys.error(), options.json);
  }
  driver::LoadOptions loading;
  loading.trust = {std::move(*keys), options.required};
  const auto loaded = driver::load_pack(*bytes, loading);
  if (loaded.has_error()) {
    return refused(add_context(loaded.error(), options.pack), options.json);
  }
  if (options.json) {
    const nlohmann::ordered_json out = {{"ok", true},
                                        {"digest", pack::hex(loaded->digest)},
                                        {"signed_by", loaded->signed_by},
                                        {"recompiled", loaded->recompiled}};
    std::printf("%s\n", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::printf("ok: %s %s, %s\n", loaded->manifest.name.c_str(), loaded->manifest.version.c_str(),
                options.keys.empty() ? "not altered; nobody's signature was asked for (--key)"
                                     : ("signed by " + joined(loaded->signed_by)).c_str());
  }
  return Exit::Ok;
}

void print_manifest(const pack::Opened& pack) {
  const pack::Manifest& m = pack.manifest;
  std::printf("%s %s\n", m.name.c_str(), m.version.c_str());
  std::printf("  digest     %s\n", pack::hex(pack.digest).c_str());
  std::printf("  sequence   %llu\n", static_cast<unsigned long long>(m.sequence));
  std::printf("  built by   catalyst %s, language %u, rules in format %s\n", m.compiler.c_str(), m.language,
              m.ir_format.c_str());
  std::printf("  rules      %u\n", m.rules);
  std::printf("  tests      %u, sha256 %s\n", m.tests, pack::hex(m.tests_sha256).c_str());
  for (const pack::Input& input : m.inputs) {
    std::printf("  %s     %s  %10llu  %s\n", input.kind == pack::InputKind::Source ? "source" : "schema",
                pack::hex(input.sha256).c_str(), static_cast<unsigned long long>(input.bytes),
                input.path.c_str());
  }
  for (const pack::Part& part : m.parts) {
    std::printf("  part       %s  %10llu  %s\n", pack::hex(part.sha256).c_str(),
                static_cast<unsigned long long>(part.bytes), part.name.c_str());
  }
  if (const auto native = native_of(pack)) {
    const abi::Target& target = native->target;
    std::printf("  native     for %s%s%s on %s, by LLVM %s in build %s\n", target.cpu.c_str(),
                target.features.empty() ? "" : " with ", target.features.c_str(), target.triple.c_str(),
                target.llvm.c_str(), target.program.c_str());
  }
  for (const pack::Signature& signature : pack.signatures) {
    std::printf("  signature  ed25519 by key %s\n", pack::hex(signature.key).c_str());
  }
}

Exit inspect(const InspectOptions& options) {
  const auto bytes = read_pack_file(options.pack);
  const auto opened = bytes.has_error() ? Result<pack::Opened>(bytes.error()) : pack::open(*bytes);
  if (opened.has_error()) {
    return refused(bytes.has_error() ? opened.error() : add_context(opened.error(), options.pack),
                   options.json);
  }
  if (options.json) {
    std::printf("%s\n",
                pack_json(*opened).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    print_manifest(*opened);
  }
  return Exit::Ok;
}

}  // namespace

void add_verify_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command =
      app.add_subcommand("verify", "Hold a pack against its digests, its rules and your keys");
  command->add_option("pack", options->pack, "the .catpack file")->required();
  command->add_option("-k,--key", options->keys, "Ed25519 public keys that are trusted, PEM");
  command->add_option("--required", options->required, "how many of the keys must have signed; default 1")
      ->check(CLI::Range(size_t{1}, size_t{16}));
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return verify(*options); }; });
}

void add_inspect_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command =
      app.add_subcommand("inspect", "List what a pack was made from, with digests and signatures");
  command->add_option("pack", options->pack, "the .catpack file")->required();
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return inspect(*options); }; });
}

}  // namespace catalyst::server
