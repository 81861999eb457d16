#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "server/commands/command.h"
#include "server/commands/sources.h"

namespace catalyst::server {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string folder;
  bool json = false;
};

constexpr const char* kPolicy = R"(pack starter.@NAME@ 0.1.0

/// The server's name in catalyst.yaml. After `catalyst import`, add `schema "schemas/files.json"` behind the name: then
/// misspelt tools and arguments are found by `catalyst check`.
server files

/// Nobody deletes through an agent.
rule no_deletes
  on call *.delete_*
  deny "Deleting is switched off."

/// Writing takes the role `editor`.
rule writers_only
  on call files.write_file
  when "editor" not in principal.roles
  deny "Writing needs the role editor."

test "deleting is denied to everyone" {
  given principal { id: "ana@example.com", roles: ["editor"] }
  when  call files.delete_file { path: "/tmp/a" }
  then  deny by no_deletes
}

test "an editor writes" {
  given principal { id: "ana@example.com", roles: ["editor"] }
  when  call files.write_file { path: "/tmp/a" }
  then  allow
}

test "others do not write" {
  given principal { id: "eve@example.com", roles: [] }
  when  call files.write_file { path: "/tmp/a" }
  then  deny by writers_only
}
)";

constexpr const char* kConfig = R"(# catalyst run --config catalyst.yaml
listen: 127.0.0.1:8080
policy: [policy.cata]
servers:
  files:
    command: npx
    args: [-y, "@modelcontextprotocol/server-filesystem", .]
)";

std::string identifier(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    out += std::isalnum(byte) != 0 && byte < 0x80 ? static_cast<char>(std::tolower(byte)) : '_';
  }
  return out.empty() || std::isalpha(static_cast<unsigned char>(out.front())) == 0 ? "p" + out : out;
}

Exit create(const Options& options) {
  const fs::path folder = fs::path(options.folder).lexically_normal();
  std::error_code failure;
  if (fs::exists(folder / "policy.cata", failure) || fs::exists(folder / "catalyst.yaml", failure)) {
    print_error(folder.string() + " already holds a policy; choose another folder");
    return Exit::Findings;
  }
  fs::create_directories(folder, failure);
  if (failure) {
    print_error("cannot create " + folder.string() + ": " + failure.message());
    return Exit::System;
  }
  const fs::path named = fs::absolute(folder).lexically_normal();
  std::string policy = kPolicy;
  const std::string marker = "@NAME@";
  const std::string name =
      named.has_filename() ? named.filename().string() : named.parent_path().filename().string();
  policy.replace(policy.find(marker), marker.size(), identifier(name));
  for (const auto& [file, text] :
       {std::pair{"policy.cata", policy}, std::pair{"catalyst.yaml", std::string(kConfig)}}) {
    if (const auto written = write_file((folder / file).string(), text); written.has_error()) {
      print_error(written.error().message());
      return Exit::System;
    }
  }
  if (options.json) {
    std::printf("{\"files\":[\"policy.cata\",\"catalyst.yaml\"]}\n");
  } else {
    std::printf("created %s and %s\nnext: cd %s && catalyst test && catalyst run --config catalyst.yaml\n",
                (folder / "policy.cata").c_str(), (folder / "catalyst.yaml").c_str(), folder.c_str());
  }
  return Exit::Ok;
}

}  // namespace

void add_new_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("new", "Write a first policy with tests, and a configuration, into a folder");
  command->add_option("folder", options->folder, "where; made when it does not exist")->required();
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return create(*options); }; });
}

}  // namespace catalyst::server
