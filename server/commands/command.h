#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace catalyst::server {

/// How a command ended; documented in docs/cli.md and kept stable for scripts.
enum class Exit : int {
  Ok = 0,
  Findings = 1,  // the input has mistakes: diagnostics, failed tests, unformatted files
  Usage = 2,     // the command line is wrong
  System = 3,    // a file, socket or server failed
};

/// What main runs once the command line is read.
using Action = std::function<Exit()>;

/// Each adds one subcommand to `app`; when it is chosen, `chosen` is set to what it does. One file each.
void add_new_command(CLI::App& app, Action& chosen);
void add_check_command(CLI::App& app, Action& chosen);
void add_diff_command(CLI::App& app, Action& chosen);
void add_why_not_command(CLI::App& app, Action& chosen);
void add_fmt_command(CLI::App& app, Action& chosen);
void add_test_command(CLI::App& app, Action& chosen);
void add_eval_command(CLI::App& app, Action& chosen);
void add_repl_command(CLI::App& app, Action& chosen);
void add_explain_command(CLI::App& app, Action& chosen);
void add_import_command(CLI::App& app, Action& chosen);
void add_run_command(CLI::App& app, Action& chosen);
void add_stdio_command(CLI::App& app, Action& chosen);
void add_bench_command(CLI::App& app, Action& chosen);
void add_build_command(CLI::App& app, Action& chosen);
void add_keygen_command(CLI::App& app, Action& chosen);
void add_sign_command(CLI::App& app, Action& chosen);
void add_verify_command(CLI::App& app, Action& chosen);
void add_inspect_command(CLI::App& app, Action& chosen);
void add_deploy_command(CLI::App& app, Action& chosen);
void add_rollback_command(CLI::App& app, Action& chosen);
void add_status_command(CLI::App& app, Action& chosen);
void add_replay_command(CLI::App& app, Action& chosen);
void add_key_command(CLI::App& app, Action& chosen);

/// Help of the option that every command has.
inline constexpr const char* kJsonHelp = "print one JSON document instead of text";

}  // namespace catalyst::server
