#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/diagnostics/diagnostic.h"
#include "compiler/driver/worker.h"
#include "server/commands/command.h"
#include "server/commands/sources.h"
#include "server/version.h"

int main(int argc, char** argv) {
  using namespace catalyst::server;
  using catalyst::driver::Worker;

  // Not a command: how an engine starts the process that compiles for it.
  if (argc > 1 && argv[1] == Worker::kVerb) {
    return Worker::serve({argv + 2, argv + argc});
  }

  // A pipe to a child that died, or `catalyst check | head`, is an error of that write and no reason to die.
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App app{"Catalyst decides what AI agents may do with MCP servers.", "catalyst"};
  app.set_version_flag("-V,--version", std::string("catalyst ") + kVersion);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 findings, 2 wrong usage, 3 a file, socket or server failed.\n"
      "`catalyst COMMAND --help` says more.");

  Action chosen;
  add_new_command(app, chosen);
  add_check_command(app, chosen);
  add_diff_command(app, chosen);
  add_why_not_command(app, chosen);
  add_fmt_command(app, chosen);
  add_test_command(app, chosen);
  add_eval_command(app, chosen);
  add_repl_command(app, chosen);
  add_explain_command(app, chosen);
  add_import_command(app, chosen);
  add_run_command(app, chosen);
  add_stdio_command(app, chosen);
  add_bench_command(app, chosen);
  add_build_command(app, chosen);
  add_keygen_command(app, chosen);
  add_sign_command(app, chosen);
  add_verify_command(app, chosen);
  add_inspect_command(app, chosen);
  add_deploy_command(app, chosen);
  add_rollback_command(app, chosen);
  add_status_command(app, chosen);
  add_replay_command(app, chosen);
  add_key_command(app, chosen);

  std::vector<std::string_view> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  if (argc > 1 && *argv[1] != '-' && std::find(names.begin(), names.end(), argv[1]) == names.end()) {
    const std::string meant(catalyst::diagnostics::did_you_mean(argv[1], names));
    print_error("there is no command `" + std::string(argv[1]) + "`" +
                (meant.empty() ? "; `catalyst --help` lists them" : "; did you mean `" + meant + "`?"));
    return static_cast<int>(Exit::Usage);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    const bool asked = problem.get_exit_code() == 0;  // --help, --version
    app.exit(problem);
    return static_cast<int>(asked ? Exit::Ok : Exit::Usage);
  }
  return static_cast<int>(chosen());
}
