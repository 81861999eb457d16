#include "server/commands/importer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "server/gateway/upstreams.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kPagesMax = 100;
constexpr size_t kItemsMax = 10'000;

/// One list, all pages; empty when the server does not know the method.
Task<Result<Json>> list_all(mcp::Upstream& upstream, std::string method, std::string member,
                            int64_t timeout_ms) {
  Json items = Json::array();
  std::string params = "{}";
  for (size_t page = 0; page < kPagesMax && items.size() < kItemsMax; ++page) {
    mcp::UpstreamCall call;
    call.method = method;
    call.params = params;
    call.timeout_ms = timeout_ms;
    const Result<mcp::UpstreamReply> reply = co_await upstream.call(call);
    if (reply.has_error()) {
      co_return add_context(reply.error(), method);
    }
    const Json payload = Json::parse(reply->payload, nullptr, false);
    if (reply->is_error) {
      constexpr int kMethodNotFound = -32601;
      if (payload.is_object() && payload.value("code", Json(0)) == Json(kMethodNotFound)) {
        co_return items;
      }
      co_return error(method + " answered the error " +
                      payload.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    const auto found = payload.is_object() ? payload.find(member) : payload.end();
    if (!payload.is_object() || found == payload.end() || !found->is_array()) {
      co_return error(method + " answered no list of " + member);
    }
    items.insert(items.end(), found->begin(), found->end());
    const auto cursor = payload.find("nextCursor");
    if (cursor == payload.end() || !cursor->is_string()) {
      co_return items;
    }
    params = Json{{"cursor", *cursor}}.dump();
  }
  co_return items;
}

bool offers(const std::string& capabilities, const char* what) {
  const Json json = Json::parse(capabilities, nullptr, false);
  return json.is_object() && json.contains(what);
}

Task<Result<Json>> ask(mcp::Upstream& upstream, int64_t timeout_ms) {
  const auto info = co_await upstream.ready(timeout_ms);
  if (info.has_error()) {
    co_return info.error();
  }
  Json out = {{"server", upstream.name()}};
  struct List {
    const char* capability;
    const char* method;
    const char* member;
  };
  static constexpr List kLists[] = {{"tools", "tools/list", "tools"},
                                    {"prompts", "prompts/list", "prompts"},
                                    {"resources", "resources/list", "resources"},
                                    {"resources", "resources/templates/list", "resourceTemplates"}};
  for (const List& list : kLists) {
    out[list.member] = Json::array();
    if (offers((*info)->capabilities, list.capability)) {
      Result<Json> items = co_await list_all(upstream, list.method, list.member, timeout_ms);
      if (items.has_error()) {
        co_return items.error();
      }
      out[list.member] = std::move(*items);
    }
  }
  co_return out;
}

Task<void> import_one(std::shared_ptr<mcp::Upstream> upstream, int64_t timeout_ms, Imported& out) {
  upstream->start([](std::string_view, std::string_view) {});
  const Result<Json> answer = co_await ask(*upstream, timeout_ms);
  if (answer.has_error()) {
    const std::string why = upstream->last_error();
    out.failure = answer.error().message() + (why.empty() ? "" : " (" + why + ")");
  } else {
    out.json = answer->dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    out.tools = (*answer)["tools"].size();
    out.prompts = (*answer)["prompts"].size();
    out.resources = (*answer)["resources"].size();
  }
  co_await upstream->stop();
}

}  // namespace

std::vector<Imported> import_servers(const std::vector<UpstreamConfig>& servers, int64_t timeout_ms) {
  std::vector<Imported> out(servers.size());
  asio::io_context io(1);
  for (size_t i = 0; i < servers.size(); ++i) {
    out[i].server = servers[i].name;
    const auto credentials = make_credentials(servers[i]);
    if (credentials.has_error()) {
      out[i].failure = credentials.error().message();
      continue;
    }
    auto upstream = make_upstream(servers[i], io.get_executor(), *credentials);
    if (upstream.has_error()) {
      out[i].failure = upstream.error().message();
      continue;
    }
    asio::co_spawn(io, import_one(*upstream, timeout_ms, out[i]), asio::detached);
  }
  io.run();
  return out;
}

}  // namespace catalyst::server
