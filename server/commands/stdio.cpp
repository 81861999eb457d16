#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <memory>

#include "server/commands/launch.h"

namespace catalyst::server {

void add_stdio_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<LaunchOptions>();
  auto client = std::make_shared<StdioClient>();
  CLI::App* command =
      app.add_subcommand("stdio", "Serve the one client on standard input and output, and decide");
  command->add_option("-c,--config", options->config, "catalyst.yaml");
  command->add_option("--servers", options->servers, "a client's file with an mcpServers map");
  command->add_option("--server", client->server, "serve this server alone, under its own names");
  command->add_option("policy", options->policy, "policy files; they replace those of the configuration");
  command->add_flag("--json", options->json, "log in JSON");
  command->footer(
      "For clients that start their servers themselves. Logs go to standard error. The client is the "
      "anonymous "
      "principal,\nor whom the token in the environment variable CATALYST_TOKEN names.");
  command->callback([options, client, &chosen] {
    if (const char* token = std::getenv("CATALYST_TOKEN")) {
      client->token = token;
    }
    options->stdio = *client;
    chosen = [options] { return launch(*options); };
  });
}

}  // namespace catalyst::server
