#include "server/api/rules.h"

#include <boost/system/errc.hpp>
#include <functional>
#include <string>

#include "server/api/manager_call.h"
#include "server/gateway/pack_manager.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;
using Rules = std::vector<driver::ListedRule>;
using Kind = driver::RuleEdit::Kind;

constexpr std::string_view kRoot = "/api/v1/rules";

Json rules_json(const Rules& rules) {
  Json out = Json::array();
  for (const driver::ListedRule& rule : rules) {
    out.push_back({{"name", rule.name},
                   {"enabled", rule.enabled},
                   {"hook", rule.hook},
                   {"doc", rule.doc},
                   {"file", rule.file},
                   {"line", rule.line},
                   {"source", rule.text}});
  }
  return {{"rules", std::move(out)}};
}

/// The text of {"source": "rule ..."}; "" when it is something else.
std::string source_of(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  const auto source = json.is_object() && json.size() == 1 ? json.find("source") : json.end();
  return json.is_object() && source != json.end() && source->is_string() ? source->get<std::string>() : "";
}

/// What a request asks the manager to do; empty: no such path or method.
std::function<void(PackManager::RulesDone)> action(PackManager& packs, mcp::HttpExchange& exchange) {
  std::string_view rest = exchange.path().substr(kRoot.size());
  const std::string_view method = exchange.method();
  const auto edit = [&](driver::RuleEdit what) {
    return [&packs, what = std::move(what), by = who(exchange)](PackManager::RulesDone done) {
      packs.edit_rules(what, by, std::move(done));
    };
  };
  if (rest.empty() && method == "GET") {
    return [&packs](PackManager::RulesDone done) { packs.list_rules(std::move(done)); };
  }
  if (rest.empty() && method == "POST") {
    std::string source = source_of(exchange.body());
    if (source.empty()) {
      return [](const PackManager::RulesDone& done) {
        done(error(make_error_code(boost::system::errc::invalid_argument),
                   R"(a rule comes as {"source": "rule ..."})"));
      };
    }
    return edit({Kind::Add, "", std::move(source)});
  }
  if (rest.empty() || rest.front() != '/') {
    return {};
  }
  rest.remove_prefix(1);
  const size_t slash = rest.find('/');
  const std::string name(rest.substr(0, slash));
  const std::string_view verb = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  if (verb.empty() && method == "DELETE") {
    return edit({Kind::Remove, name, ""});
  }
  if (verb == "disable" && method == "POST") {
    return edit({Kind::Disable, name, ""});
  }
  if (verb == "enable" && method == "POST") {
    return edit({Kind::Enable, name, ""});
  }
  return {};
}

}  // namespace

bool RulesApi::is_ours(std::string_view path) {
  return path.starts_with(kRoot) && (path.size() == kRoot.size() || path[kRoot.size()] == '/');
}

Task<void> RulesApi::handle(mcp::HttpExchange& exchange) const {
  const auto what = action(packs_, exchange);
  if (!what) {
    co_await send_no_such_path(exchange);
    co_return;
  }
  const std::optional<Result<Rules>> answer = co_await wait_for<Result<Rules>>(what);
  co_await send_answer(exchange, answer, rules_json);
}

}  // namespace catalyst::server
