#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/value/time.h"
#include "server/commands/admin_client.h"
#include "server/commands/command.h"
#include "server/commands/pack_files.h"
#include "server/commands/sources.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPath = "/api/v1/deployments";

struct Connection {
  std::string url;
  std::string token;
  bool json = false;

  void add_to(CLI::App& command) {
    command.add_option("url", url, "the running engine, http://127.0.0.1:8080")->required();
    command.add_option("--token", token, "bearer token of an administrator; better in the environment")
        ->envname("CATALYST_TOKEN");
    command.add_flag("--json", json, kJsonHelp);
  }
};

struct DeployOptions {
  Connection to;
  std::string pack;
  std::string canary;
  bool shadow = false;
};

struct RollbackOptions {
  Connection to;
  std::string release;
  bool canary = false;
  bool shadow = false;
};

struct StatusOptions {
  Connection to;
  bool shadow = false;
};

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void print_policy(const char* what, const Json& policy, const std::string& more) {
  const std::string digest = text_at(policy, "digest").substr(0, 12);
  std::printf("%-8s %s %s%s%s%s%s\n", what, text_at(policy, "pack").c_str(),
              text_at(policy, "version").c_str(), digest.empty() ? "" : " (", digest.c_str(),
              digest.empty() ? "" : ")", more.c_str());
}

void print_differences(const Json& shadow) {
  std::printf("\n%llu decisions compared, %llu different\n", shadow.value("compared", 0ull),
              shadow.value("different", 0ull));
  for (const Json& group : shadow.value("differences", Json::array())) {
    const std::string server = text_at(group, "server");
    const std::string tool = text_at(group, "tool");
    const std::string what = text_at(group, "hook") + (server.empty() && tool.empty() ? "" : " ") + server +
                             (server.empty() || tool.empty() ? "" : ".") + tool;
    std::printf("%8llu  %s: %s -> %s (last: %s)\n", group.value("count", 0ull), what.c_str(),
                text_at(group, "before").c_str(), text_at(group, "after").c_str(),
                text_at(group, "last_principal").c_str());
  }
}

void print_status(const Json& status, bool shadow_only) {
  const Json& stable = status.at("stable");
  const Json& shadow = status.at("shadow");
  if (!shadow_only) {
    print_policy("stable", stable,
                 ", from " + (text_at(stable, "source") == "files" ? std::string("files") : "a deployment"));
    if (const Json& canary = status.at("canary"); canary.is_object()) {
      char share[32];
      std::snprintf(share, sizeof share, ", %g%% of principals", canary.value("percent", 0.0));
      print_policy("canary", canary, share);
    }
  }
  if (shadow.is_object()) {
    print_policy("shadow", shadow, "");
    if (shadow_only) {
      print_differences(shadow);
    } else {
      std::printf("         %llu decisions compared, %llu different; --shadow lists them\n",
                  shadow.value("compared", 0ull), shadow.value("different", 0ull));
    }
  } else if (shadow_only) {
    std::printf("no shadow is compared; `catalyst deploy URL PACK --shadow` begins\n");
  }
  if (!shadow_only) {
    for (const Json& release : status.value("releases", Json::array())) {
      std::string when;
      value::append_time(when, release.value("added_at_ms", int64_t{0}) / 1'000 * 1'000'000);
      std::printf("release  %s %s (%s) by %s, %s\n", text_at(release, "pack").c_str(),
                  text_at(release, "version").c_str(), text_at(release, "digest").substr(0, 12).c_str(),
                  text_at(release, "added_by").c_str(), when.c_str());
    }
  }
}

/// Prints what the engine answered; a problem document is a finding.
Exit report(const Connection& to, const Result<AdminAnswer>& answer, bool shadow_only) {
  if (answer.has_error()) {
    print_error(answer.error().message());
    return Exit::System;
  }
  const Json body = Json::parse(answer->body, nullptr, false);
  const bool good = answer->status == 200 && body.is_object() && body.contains("stable");
  if (to.json) {
    std::printf("%s\n", body.is_discarded()
                            ? "{}"
                            : body.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else if (good) {
    print_status(body, shadow_only);
  } else {
    const std::string detail = body.is_object() ? text_at(body, "detail") : "";
    const std::string plain =
        body.is_object() ? text_at(body, "error_description") : "";  // of a refused token
    const std::string remedy =
        answer->status == 401 ? "; CATALYST_TOKEN or --token has the token of an administrator" : "";
    print_error("HTTP " + std::to_string(answer->status) + ": " + (detail.empty() ? plain : detail) + remedy);
  }
  return good ? Exit::Ok : answer->status >= 500 ? Exit::System : Exit::Findings;
}

Exit deploy(const DeployOptions& options) {
  const auto bytes = read_pack_file(options.pack);
  if (bytes.has_error()) {
    print_error(bytes.error().message());
    return Exit::System;
  }
  std::string path = kPath;
  if (!options.canary.empty()) {
    path += "/canary/" + options.canary.substr(0, options.canary.find('%'));
  } else if (options.shadow) {
    path += "/shadow";
  }
  return report(
      options.to,
      call_admin(options.to.url, "POST", path, *bytes, "application/octet-stream", options.to.token), false);
}

Exit rollback(const RollbackOptions& options) {
  if (options.canary || options.shadow) {
    const std::string path = std::string(kPath) + (options.canary ? "/canary" : "/shadow");
    return report(options.to, call_admin(options.to.url, "DELETE", path, "", "", options.to.token), false);
  }
  const std::string body = options.release.empty() ? "{}" : Json{{"to", options.release}}.dump();
  return report(options.to,
                call_admin(options.to.url, "POST", std::string(kPath) + "/rollback", body, "application/json",
                           options.to.token),
                false);
}

Exit status(const StatusOptions& options) {
  return report(options.to, call_admin(options.to.url, "GET", kPath, "", "", options.to.token),
                options.shadow);
}

}  // namespace

void add_deploy_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<DeployOptions>();
  CLI::App* command = app.add_subcommand("deploy", "Put a pack in force on a running engine");
  options->to.add_to(*command);
  command->add_option("pack", options->pack, "the .catpack file")->required();
  auto* canary = command->add_option("--canary", options->canary,
                                     "for this percentage of the principals alone, 5 or 0.5");
  command
      ->add_flag("--shadow", options->shadow, "decide beside what is in force, compare, and enforce nothing")
      ->excludes(canary);
  command->callback([options, &chosen] { chosen = [options] { return deploy(*options); }; });
}

void add_rollback_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<RollbackOptions>();
  CLI::App* command = app.add_subcommand("rollback", "Go back to an earlier release on a running engine");
  options->to.add_to(*command);
  auto* to =
      command->add_option("--to", options->release,
                          "a version, the beginning of a digest, or `files`; default: the release before");
  auto* canary =
      command->add_flag("--canary", options->canary, "end the canary and leave the rest")->excludes(to);
  command->add_flag("--shadow", options->shadow, "end the shadow and leave the rest")
      ->excludes(to)
      ->excludes(canary);
  command->callback([options, &chosen] { chosen = [options] { return rollback(*options); }; });
}

void add_status_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* command = app.add_subcommand("status", "Say which packs decide on a running engine");
  options->to.add_to(*command);
  command->add_flag("--shadow", options->shadow, "list what the shadow would have decided otherwise");
  command->callback([options, &chosen] { chosen = [options] { return status(*options); }; });
}

}  // namespace catalyst::server
