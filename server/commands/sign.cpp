#include <fcntl.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "compiler/pack/module_codec.h"
#include "compiler/pack/sign.h"
#include "server/commands/command.h"
#include "server/commands/pack_files.h"
#include "server/commands/sources.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;

struct KeygenOptions {
  std::string name;
  bool json = false;
};

struct SignOptions {
  std::string pack;
  std::string key;
  std::string output;
  bool json = false;
};

/// A new file that only its owner reads; an old key is never overwritten.
Result<void> write_secret(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    return error({errno, boost::system::system_category()}, "cannot create " + path);
  }
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool closed = ::close(file) == 0;
  return written && closed ? Result<void>()
                           : error({errno, boost::system::system_category()}, "cannot write " + path);
}

Exit keygen(const KeygenOptions& options) {
  const pack::Key key = pack::Key::generate();
  const std::string secret = options.name + ".key";
  const std::string shared = options.name + ".pub";
  auto written = write_secret(secret, key.private_pem());
  written = written.has_error() ? written : write_file(shared, key.public_pem());
  if (written.has_error()) {
    print_error(written.error().message());
    return Exit::System;
  }
  if (options.json) {
    const Json out = {{"private", secret}, {"public", shared}, {"key", pack::hex(key.id())}};
    std::printf("%s\n", out.dump(2).c_str());
  } else {
    std::printf("%s signs (keep it secret), %s verifies; key %s\n", secret.c_str(), shared.c_str(),
                pack::hex(key.id()).substr(0, 16).c_str());
  }
  return Exit::Ok;
}

/// One signature a key: signing again replaces.
std::vector<pack::Signature> with_new(std::vector<pack::Signature> signatures, const pack::Signature& fresh) {
  signatures.erase(std::remove_if(signatures.begin(), signatures.end(),
                                  [&](const pack::Signature& each) { return each.key == fresh.key; }),
                   signatures.end());
  signatures.push_back(fresh);
  std::sort(signatures.begin(), signatures.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return signatures;
}

Exit sign(const SignOptions& options) {
  const auto pem = read_file(options.key, size_t{64} * 1024);
  const auto bytes = read_pack_file(options.pack);
  if (pem.has_error() || bytes.has_error()) {
    print_error((pem.has_error() ? pem.error() : bytes.error()).message());
    return Exit::System;
  }
  const auto key = pack::Key::private_from_pem(*pem);
  if (key.has_error()) {
    return refused(add_context(key.error(), options.key), options.json);
  }
  const auto opened = pack::open(*bytes);
  const auto contents = opened.has_error() ? Result<pack::Contents>(opened.error()) : pack::read(*opened);
  if (contents.has_error()) {  // nobody signs what would be refused
    return refused(add_context(contents.error(), options.pack), options.json);
  }
  const auto signatures = with_new(opened->signatures, key->sign(*opened));
  if (signatures.size() > pack::Limits{}.signatures) {
    print_error(options.pack + " has as many signatures as a pack may have");
    return Exit::Findings;
  }
  const std::string output = options.output.empty() ? options.pack : options.output;
  if (const auto written = write_file(output, pack::with_signatures(*bytes, *opened, signatures));
      written.has_error()) {
    print_error(written.error().message());
    return Exit::System;
  }
  if (options.json) {
    const Json out = {{"file", output},
                      {"digest", pack::hex(opened->digest)},
                      {"key", pack::hex(key->id())},
                      {"signatures", signatures.size()}};
    std::printf("%s\n", out.dump(2).c_str());
  } else {
    std::printf("%s: %s signed by key %s, %s\n", output.c_str(), pack::title(*opened).c_str(),
                pack::hex(key->id()).substr(0, 16).c_str(), counted(signatures.size(), "signature").c_str());
  }
  return Exit::Ok;
}

}  // namespace

void add_keygen_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<KeygenOptions>();
  CLI::App* command = app.add_subcommand("keygen", "Make an Ed25519 key that signs packs");
  command->add_option("name", options->name, "NAME.key and NAME.pub are written, PEM as OpenSSL's")
      ->required();
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return keygen(*options); }; });
}

void add_sign_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<SignOptions>();
  CLI::App* command = app.add_subcommand("sign", "Sign a pack; several keys may, one after the other");
  command->add_option("pack", options->pack, "the .catpack file")->required();
  command->add_option("-k,--key", options->key, "Ed25519 private key, PEM")->required();
  command->add_option("-o,--output", options->output, "where the signed pack goes; default: in place");
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return sign(*options); }; });
}

}  // namespace catalyst::server
