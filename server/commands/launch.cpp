#include "server/commands/launch.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/observe/log.h"
#include "server/commands/service.h"
#include "server/commands/sources.h"

namespace catalyst::server {
namespace {

observe::LogOptions log_options(const LaunchOptions& options, const LogConfig& config) {
  static constexpr std::string_view kLevels[] = {"trace", "debug", "info", "warn", "error", "off"};
  observe::LogOptions out;
  for (size_t i = 0; i < std::size(kLevels); ++i) {
    if (config.level == kLevels[i]) {
      out.level = static_cast<observe::Level>(i);
    }
  }
  if (options.json || config.format == "json") {
    out.format = observe::Format::Json;
  } else if (config.format == "text") {
    out.format = observe::Format::Text;
  }
  return out;
}

void print_problems(const std::vector<Problem>& problems, bool json) {
  nlohmann::ordered_json listed = nlohmann::json::array();
  for (const Problem& problem : problems) {
    if (!json) {
      std::fprintf(stderr, "%s\n", problem.text().c_str());
    }
    listed.push_back({{"file", problem.file},
                      {"line", problem.line},
                      {"column", problem.column},
                      {"message", problem.message},
                      {"remedy", problem.remedy}});
  }
  if (json) {
    std::printf("%s\n", nlohmann::ordered_json{{"problems", listed}}
                            .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                            .c_str());
  } else {
    std::fprintf(stderr, "%s in the configuration\n", counted(problems.size(), "problem").c_str());
  }
}

}  // namespace

Exit launch(const LaunchOptions& options) {
  if (options.config.empty() && options.servers.empty()) {
    print_error("nothing to run: give --config catalyst.yaml, or --servers mcp.json and a policy");
    return Exit::Usage;
  }
  LoadedConfig loaded = load_config_files(options.config, options.servers, {options.listen, options.policy});
  if (loaded.ok() && loaded.config.policy.empty()) {
    loaded.problems.push_back({options.config.empty() ? options.servers : options.config, 0, 0,
                               "no policy is named",
                               "add `policy: [policy.cata]`, or name the files on the command line; "
                               "`catalyst new DIR` writes a first one"});
  }
  if (!loaded.ok()) {
    print_problems(loaded.problems, options.json);
    return Exit::Findings;
  }
  observe::start_log(log_options(options, loaded.config.log));
  Exit exit = Exit::Ok;
  {
    Service service(std::move(loaded.config), options.stdio);
    if (const auto failure = service.start()) {
      if (failure->policy_mistakes && options.json) {
        std::printf("{\"diagnostics\":%s}\n", failure->diagnostics_json.c_str());
      } else if (failure->policy_mistakes) {
        std::fputs(failure->text.c_str(), stderr);
        print_error("the policy has mistakes, so nothing was started");
      } else {
        print_error(failure->text);
      }
      exit = failure->policy_mistakes ? Exit::Findings : Exit::System;
    } else {
      if (options.json && !options.stdio) {
        std::printf(
            "%s\n",
            nlohmann::ordered_json{{"url", service.url()}, {"mcp", service.url() + "/mcp"}}.dump().c_str());
        std::fflush(stdout);
      }
      service.wait();
      observe::log(observe::Level::Info, "stopped");
    }
  }
  observe::stop_log();
  return exit;
}

}  // namespace catalyst::server
