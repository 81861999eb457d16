#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "server/commands/command.h"
#include "server/commands/importer.h"
#include "server/commands/sources.h"
#include "server/commands/terminal.h"
#include "server/gateway/tool_lock.h"

namespace catalyst::server {
namespace {

struct Options {
  std::string config;
  std::string servers;
  std::string name;
  std::string url;
  std::string command;
  std::vector<std::string> args;
  std::vector<std::string> only;
  std::string folder = "schemas";
  int64_t timeout_s = 60;
  bool lock = false;
  bool json = false;
};

/// The servers to ask, from the files or the command line.
LoadedConfig gather(const Options& options) {
  if (options.url.empty() && options.command.empty()) {
    return load_config_files(options.config, options.servers);
  }
  LoadedConfig out;
  UpstreamConfig server;
  server.name = options.name.empty() ? "server" : options.name;
  server.url = options.url;
  server.command = options.command;
  server.args = options.args;
  out.config.servers.push_back(std::move(server));
  return out;
}

/// Pins what was imported in the configuration's lock file, and says what that changes.
Exit pin(const std::string& file, const std::vector<Imported>& all, bool quiet) {
  auto lock = ToolLock::open(file);
  if (lock.has_error()) {
    print_error(lock.error().message());
    return Exit::System;
  }
  for (const Imported& one : all) {
    if (!one.failure.empty()) {
      continue;
    }
    const auto whole = nlohmann::json::parse(one.json, nullptr, false);
    const auto tools =
        whole.is_object() ? whole.value("tools", nlohmann::json::array()) : nlohmann::json::array();
    for (const HeldTool& changed : (*lock)->pin_all(one.server, tools)) {
      for (size_t i = 0; !quiet && i < changed.changes.size(); ++i) {
        std::printf("%s.%s: %s\n", changed.server.c_str(), changed.tool.c_str(),
                    changed.changes[i].text().c_str());
      }
    }
  }
  if (const Result<void> written = (*lock)->write(); written.has_error()) {
    print_error(written.error().message());
    return Exit::System;
  }
  return Exit::Ok;
}

Exit report(const Options& options, const std::vector<Imported>& all) {
  nlohmann::ordered_json listed = nlohmann::json::array();
  Exit exit = Exit::Ok;
  for (const Imported& one : all) {
    std::string failure = one.failure;
    const std::string path = (std::filesystem::path(options.folder) / (one.server + ".json")).string();
    if (failure.empty()) {
      const auto written = write_file(path, one.json);
      failure = written.has_error() ? written.error().message() : "";
    }
    if (!failure.empty()) {
      exit = Exit::System;
    }
    if (options.json) {
      listed.push_back(
          failure.empty()
              ? nlohmann::ordered_json{{"server", one.server}, {"file", path}, {"tools", one.tools}}
              : nlohmann::ordered_json{{"server", one.server}, {"error", failure}});
    } else if (failure.empty()) {
      const auto s = [](size_t count) { return count == 1 ? "" : "s"; };
      std::printf("%s: %zu tool%s, %zu prompt%s, %zu resource%s\n", path.c_str(), one.tools, s(one.tools),
                  one.prompts, s(one.prompts), one.resources, s(one.resources));
    } else {
      print_error(one.server + ": " + failure);
    }
  }
  if (options.json) {
    std::printf("%s\n", nlohmann::ordered_json{{"servers", listed}}
                            .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                            .c_str());
  }
  return exit;
}

Exit import(const Options& options) {
  LoadedConfig loaded = gather(options);
  if (!loaded.ok()) {
    for (const Problem& problem : loaded.problems) {
      print_error(problem.text());
    }
    return Exit::Findings;
  }
  std::vector<UpstreamConfig> servers;
  for (UpstreamConfig& server : loaded.config.servers) {
    if (options.only.empty() ||
        std::find(options.only.begin(), options.only.end(), server.name) != options.only.end()) {
      servers.push_back(std::move(server));
    }
  }
  if (servers.empty()) {
    print_error("no server to import from; give --config, --servers, --url or --command");
    return Exit::Usage;
  }
  if (options.lock && loaded.config.lock_file.empty()) {
    print_error("--lock needs a configuration with `catalogue: {lock: FILE}`");
    return Exit::Usage;
  }
  std::error_code failure;
  std::filesystem::create_directories(options.folder, failure);
  if (failure) {
    print_error("cannot create " + options.folder + ": " + failure.message());
    return Exit::System;
  }
  std::vector<Imported> all;
  {
    Progress progress("asking " + std::to_string(servers.size()) + " servers", 0);
    all = import_servers(servers, options.timeout_s * 1000);
  }
  const Exit exit = report(options, all);
  if (!options.lock) {
    return exit;
  }
  const Exit pinned = pin(loaded.config.lock_file, all, options.json);
  return exit == Exit::Ok ? pinned : exit;
}

}  // namespace

void add_import_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("import", "Ask servers what they offer and write schemas/NAME.json");
  command->add_option("only", options->only, "names of servers; default: all of the configuration");
  command->add_option("-c,--config", options->config, "catalyst.yaml");
  command->add_option("--servers", options->servers, "a client's file with an mcpServers map");
  command->add_option("--name", options->name, "name of the server given by --url or --command");
  auto* url = command->add_option("--url", options->url, "Streamable HTTP endpoint");
  command->add_option("--command", options->command, "program of a stdio server")->excludes(url);
  command
      ->add_option("--arg", options->args,
                   "one argument of the program; repeat it, and write --arg=-y for dashes")
      ->take_all()
      ->expected(1)
      ->needs("--command");
  command->add_option("-o,--out", options->folder, "folder to write to; default: schemas");
  command->add_option("--timeout", options->timeout_s, "seconds to wait for a server")
      ->check(CLI::Range(1, 3600));
  command->add_flag("--lock", options->lock,
                    "approve what is imported: pin it in the file of catalogue.lock");
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return import(*options); }; });
}

}  // namespace catalyst::server
