#include <openssl/rand.h>
#include <sys/stat.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/base/base64.h"
#include "server/commands/command.h"
#include "server/commands/sources.h"
#include "server/config/config.h"
#include "server/config/digest.h"

namespace catalyst::server {
namespace {

struct Options {
  std::string id;
  std::string tenant;
  std::vector<std::string> roles;
  std::vector<std::string> scopes;
  std::string expires;
  std::string file;
  bool json = false;
};

/// 256 random bits behind a prefix that scanners for lost secrets can look for.
std::string make_key() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return {};
  }
  return "cat_" + base64url_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// One element of a keys file. JSON is YAML, and quotes whatever the values hold.
std::string entry_of(const Options& options, const std::string& key) {
  nlohmann::ordered_json entry = {{"sha256", hex_digest(sha256(key))}, {"id", options.id}};
  if (!options.tenant.empty()) {
    entry["tenant"] = options.tenant;
  }
  if (!options.roles.empty()) {
    entry["roles"] = options.roles;
  }
  if (!options.scopes.empty()) {
    entry["scopes"] = options.scopes;
  }
  if (!options.expires.empty()) {
    entry["expires"] = options.expires;
  }
  return "- " + entry.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// Adds to the file, which it makes readable for its owner alone.
Result<void> add_entry(const std::string& file, const std::string& entry) {
  std::string text;
  std::error_code failure;
  const bool there = std::filesystem::exists(file, failure);
  if (there) {
    Result<std::string> read = read_file(file);
    if (read.has_error()) {
      return read.error();
    }
    text = std::move(*read);
    if (!text.empty() && text.back() != '\n') {
      text += '\n';
    }
  }
  text += entry;
  std::vector<Problem> problems;
  read_keys({file, text}, problems);
  if (!problems.empty()) {
    return error(problems.front().text());
  }
  if (Result<void> written = write_file(file, text); written.has_error()) {
    return written;
  }
  if (!there) {
    ::chmod(file.c_str(), S_IRUSR | S_IWUSR);
  }
  return {};
}

Exit create(const Options& options) {
  const std::string key = make_key();
  if (key.empty()) {
    print_error("the system gives no random bytes");
    return Exit::System;
  }
  const std::string entry = entry_of(options, key);
  std::vector<Problem> problems;
  read_keys({"the new key", entry}, problems);
  if (!problems.empty()) {
    print_error(problems.front().message +
                (problems.front().remedy.empty() ? "" : "; " + problems.front().remedy));
    return Exit::Usage;
  }
  if (!options.file.empty()) {
    if (const Result<void> added = add_entry(options.file, entry); added.has_error()) {
      print_error(added.error().message());
      return Exit::System;
    }
  }
  if (options.json) {
    std::printf("%s\n",
                nlohmann::ordered_json{{"key", key}, {"id", options.id}, {"sha256", hex_digest(sha256(key))}}
                    .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                    .c_str());
  } else if (options.file.empty()) {
    std::printf("%s\n", key.c_str());
    std::fprintf(stderr, "the key is shown this once; put this line into the keys file:\n%s", entry.c_str());
  } else {
    std::printf("%s\n", key.c_str());
    std::fprintf(stderr, "the key is shown this once; %s holds its digest\n", options.file.c_str());
  }
  return Exit::Ok;
}

}  // namespace

void add_key_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* group = app.add_subcommand("key", "Make keys for clients (auth.keys_file)");
  group->require_subcommand(1);
  CLI::App* command = group->add_subcommand("new", "Make a key, print it, and add its digest to a keys file");
  command->add_option("--id", options->id, "principal.id of requests with the key")->required();
  command->add_option("--tenant", options->tenant, "principal.tenant");
  command->add_option("--role", options->roles, "a role; may be given again");
  command->add_option("--scope", options->scopes, "a scope; may be given again");
  command->add_option("--expires", options->expires,
                      "when it ends, such as 2027-01-31T00:00:00Z; default never");
  command->add_option("--file", options->file, "the keys file to add it to; made when it does not exist");
  command->add_flag("--json", options->json, kJsonHelp);
  command->footer(
      "A running engine reads its keys file again when it changes. To revoke a key, delete its line.");
  command->callback([options, &chosen] { chosen = [options] { return create(*options); }; });
}

}  // namespace catalyst::server
