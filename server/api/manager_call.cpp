#include "server/api/manager_call.h"

#include <boost/system/errc.hpp>

#include "compiler/pack/refusal.h"
#include "runtime/store/store.h"
#include "server/api/problem.h"

namespace catalyst::server {
namespace {

struct Problem {
  int status;
  std::string type;
  std::string title;
};

Problem problem_of(const Error& why) {
  namespace errc = boost::system::errc;
  if (const std::string_view slug = pack::slug(why.code); !slug.empty()) {
    return {422, std::string(slug), why.code.message()};
  }
  if (why.code == errc::not_supported) {
    return {409, "no-store", "Nothing can be deployed without a store"};
  }
  if (why.code == errc::operation_not_permitted) {
    return {409, "files-in-force", "Policy files are in force"};
  }
  if (why.code == errc::no_such_file_or_directory) {
    return {404, "not-there", "There is no such thing"};
  }
  if (why.code == errc::invalid_argument) {
    return {400, "bad-request", "The request cannot be read"};
  }
  if (why.code == errc::bad_message) {
    return {422, "mistakes", "The policy has mistakes"};
  }
  if (why.code == errc::resource_unavailable_try_again) {
    return {503, "busy", "Too many deployments at once"};
  }
  if (why.code.category() == make_error_code(store::Errc::None).category()) {
    return {503, "store", "The store failed"};
  }
  return {422, "not-loaded", "The policy does not load"};
}

Task<void> send(mcp::HttpExchange& exchange, int status, std::string_view type, std::string body) {
  const mcp::Header headers[] = {{"Content-Type", type}, {"Cache-Control", "no-store"}};
  // A client that went away meanwhile is nobody's problem.
  [[maybe_unused]] const Result<void> sent = co_await exchange.respond(status, headers, body);
}

}  // namespace

Task<void> send_json(mcp::HttpExchange& exchange, int status, const nlohmann::ordered_json& body) {
  co_await send(exchange, status, "application/json",
                body.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

Task<void> send_failure(mcp::HttpExchange& exchange, const Error& why) {
  const Problem problem = problem_of(why);
  // The context says everything where the code is one of problem_of's own.
  const bool said = why.code.category() == boost::system::generic_category() && !why.context.empty();
  co_await send(
      exchange, problem.status, kProblemType,
      problem_json(problem.status, problem.type, problem.title, said ? why.context : why.message()));
}

Task<void> send_slow(mcp::HttpExchange& exchange) {
  co_await send(exchange, 504, kProblemType,
                problem_json(504, "slow", "Still at work", "GET /api/v1/deployments says how it went"));
}

Task<void> send_no_such_path(mcp::HttpExchange& exchange) {
  co_await send(
      exchange, 404, kProblemType,
      problem_json(404, "no-such-path", "No such path or method", "docs/operations.md lists what there is"));
}

std::string who(const mcp::HttpExchange& exchange) {
  const std::string_view id = exchange.principal().id;
  return id.empty() ? "anonymous at " + std::string(exchange.peer()) : std::string(id);
}

}  // namespace catalyst::server
