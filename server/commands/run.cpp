#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "server/commands/launch.h"

namespace catalyst::server {

void add_run_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<LaunchOptions>();
  CLI::App* command = app.add_subcommand("run", "Stand between MCP clients and servers, and decide");
  command->add_option("-c,--config", options->config, "catalyst.yaml");
  command->add_option("--servers", options->servers, "a client's file with an mcpServers map");
  command->add_option("--listen", options->listen, "HOST:PORT to listen on; default 127.0.0.1:8080");
  command->add_option("policy", options->policy, "policy files; they replace those of the configuration");
  command->add_flag("--json", options->json, "log in JSON, and print the address as one JSON document");
  command->footer(
      "SIGHUP reloads the policy, SIGTERM drains and ends. MCP is served at /mcp (all servers) "
      "and\n/mcp/NAME (one); "
      "/healthz, /readyz and /metrics say how it goes.");
  command->callback([options, &chosen] { chosen = [options] { return launch(*options); }; });
}

}  // namespace catalyst::server
