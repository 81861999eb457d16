#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/decision/engine.h"
#include "runtime/mcp/bridge.h"
#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/event_hub.h"
#include "runtime/mcp/parked_call.h"
#include "runtime/mcp/request_context.h"
#include "runtime/mcp/seal.h"

namespace catalyst::mcp {

/// The one place where rules decide and messages are sent on. One handler per method family, each in its own
/// file (handle_*.cpp). Shared by all io threads; its own state is immutable or guards itself.
class Router : public std::enable_shared_from_this<Router> {
 public:
  Router(const asio::any_io_executor& home, std::vector<std::shared_ptr<Upstream>> upstreams,
         decision::Engine& engine, EndpointOptions options);

  /// Call once, when the router is owned by a shared_ptr.
  void start();
  /// Ends every event stream toward clients.
  void close_streams();
  Task<void> stop();

  /// Answers one request. Throws only when the calling coroutine is cancelled.
  Task<Reply> request(RequestContext& context);
  /// Takes one notification of a client.
  Task<void> notification(RequestContext& context);
  /// Takes a client's response to a question.
  void response(RequestContext& context);

  [[nodiscard]] const EndpointOptions& options() const { return options_; }
  [[nodiscard]] SessionTable& sessions() { return sessions_; }
  [[nodiscard]] const std::vector<std::shared_ptr<Upstream>>& upstreams() const { return upstreams_; }
  [[nodiscard]] const CatalogueKeeper& keeper() const { return *keeper_; }
  void inspect_again() { keeper_->inspect_again(); }
  [[nodiscard]] std::optional<uint32_t> server_index(std::string_view name) const;

 private:
  using Handler = Task<Reply> (Router::*)(RequestContext&);
  struct Method;
  [[nodiscard]] static const Method* find_method(std::string_view name);

  Task<Reply> handle_initialize(RequestContext& context);
  Task<Reply> handle_discover(RequestContext& context);
  Task<Reply> handle_ping(RequestContext& context);
  Task<Reply> handle_set_level(RequestContext& context);
  Task<Reply> handle_tools_list(RequestContext& context);
  Task<Reply> handle_tools_call(RequestContext& context);
  /// Sends a call that the rules allow, and lets them see the result.
  Task<Reply> call_tool(RequestContext& context, Catalogue::Found found);
  [[nodiscard]] std::optional<Reply> check_param_headers(RequestContext& context,
                                                         const Catalogue::Found& found) const;
  Task<Reply> handle_list(RequestContext& context);
  Task<Reply> handle_prompts_get(RequestContext& context);
  Task<Reply> handle_complete(RequestContext& context);
  Task<Reply> handle_resources_read(RequestContext& context);
  Task<Reply> handle_subscribe(RequestContext& context);
  Task<Reply> handle_unsubscribe(RequestContext& context);
  Task<Reply> handle_listen(RequestContext& context);
  Task<Reply> handle_unknown(RequestContext& context);

  // forward.cpp
  struct Sent {
    Reply reply;  // what the client gets when `upstream` is not set
    std::optional<UpstreamReply> upstream;
  };
  /// Sends the request to `server` with these params; the reply as it came, or the answer that says why there
  /// is none.
  Task<Sent> send(RequestContext& context, uint32_t server, std::string_view params, std::string_view name);
  Task<Sent> send_modern(RequestContext& context, uint32_t server, UpstreamCall& call, Era era);
  Task<Sent> send_legacy(RequestContext& context, uint32_t server, UpstreamCall& call, Era era);
  [[nodiscard]] Sent sent(RequestContext& context, uint32_t server, Result<UpstreamReply> reply) const;
  /// send, and the reply bridged to the client's era.
  Task<Reply> forward(RequestContext& context, uint32_t server, const ParamsEdit& edit,
                      std::string_view name);
  [[nodiscard]] Reply answer(RequestContext& context, uint32_t server, const UpstreamReply& upstream) const;
  void relay(RequestContext& context, std::string message) const;

  // ask.cpp
  /// Why a server must not ask this client this, as the text of an error object.
  [[nodiscard]] std::optional<std::string> refuse_question(RequestContext& context, uint32_t server,
                                                           const Question& question);
  /// Sends a request to the legacy client of a call; `done` gets what becomes of it.
  void ask_client(RequestContext& context, std::string_view method, std::string_view params,
                  Session::AskDone done);
  /// A legacy server asks a legacy client.
  void relay_question(RequestContext& context, uint32_t server, ServerRequest request);
  /// A modern server asks a legacy client: asks and calls again until the reply is one.
  Task<Result<UpstreamReply>> answer_rounds(RequestContext& context, uint32_t server, UpstreamCall& call,
                                            UpstreamReply reply);
  Task<Result<std::string>> gather_answers(RequestContext& context, uint32_t server,
                                           const std::vector<Question>& questions);
  /// A modern server asks a modern client.
  [[nodiscard]] Reply pass_questions(RequestContext& context, uint32_t server, std::string_view result_json);
  /// A legacy server that may ask a modern client.
  Task<Sent> send_parked(RequestContext& context, uint32_t server, const UpstreamCall& call);
  [[nodiscard]] Reply park(RequestContext& context, uint32_t server, std::shared_ptr<ParkedCall> call);
  /// The params with the client's requestState replaced by the server's own; sets `reply` when it is no good.
  [[nodiscard]] std::optional<std::string> unseal_round(RequestContext& context, uint32_t server,
                                                        std::string_view params, std::optional<Reply>& reply);
  [[nodiscard]] std::string seal_state(const RequestContext& context, uint32_t server,
                                       std::string_view purpose, std::string_view text) const;
  [[nodiscard]] std::optional<std::string> open_state(const RequestContext& context, uint32_t server,
                                                      std::string_view purpose,
                                                      std::string_view state_json) const;
  [[nodiscard]] Reply bad_state(RequestContext& context) const;
  [[nodiscard]] Reply input_required_reply(RequestContext& context, std::string_view result_json) const;

  // decide.cpp
  [[nodiscard]] std::shared_ptr<const decision::Pack> current_pack() const;
  const decision::Verdict& decide(RequestContext& context, decision::Request& request);
  [[nodiscard]] decision::Request decision_request(const RequestContext& context, abi::Hook hook,
                                                   std::string_view server, const Item& tool) const;
  [[nodiscard]] bool is_hidden(RequestContext& context, std::string_view server, const Item& tool);
  [[nodiscard]] Reply denied(RequestContext& context, const decision::Verdict& verdict) const;
  std::optional<Reply> decide_call(RequestContext& context, const Catalogue::Found& found,
                                   std::string& arguments);
  std::optional<Reply> decide_result(RequestContext& context, const Catalogue::Found& found,
                                     std::string_view arguments, std::string_view payload,
                                     std::string& result);

  // router.cpp
  [[nodiscard]] Reply result(RequestContext& context, std::string_view members) const;
  [[nodiscard]] Reply failure(RequestContext& context, int code, std::string_view message,
                              std::string_view data_json = {}) const;
  [[nodiscard]] Reply unknown(RequestContext& context, std::string_view what, std::string_view name) const;
  [[nodiscard]] Reply unavailable(RequestContext& context, uint32_t server, std::string why) const;
  /// The answer to a list or greeting when a single server is not there.
  [[nodiscard]] std::optional<Reply> missing_server(RequestContext& context) const;
  [[nodiscard]] std::string server_info(Scope scope, const Catalogue& catalogue) const;
  [[nodiscard]] std::string capabilities(const RequestContext& context) const;
  [[nodiscard]] std::string instructions(const RequestContext& context) const;
  [[nodiscard]] Crossing crossing(const RequestContext& context, uint32_t server) const;
  Task<std::optional<Catalogue::Found>> find(RequestContext& context, ListKind kind, std::string_view name);
  Task<void> watch(uint32_t server, std::string uri);
  Task<void> unwatch(uint32_t server, std::string uri);
  void on_upstream_event(uint32_t server, std::string_view method, std::string_view message);
  void on_greeted(uint32_t server);
  Task<void> restore(uint32_t server);
  [[nodiscard]] std::optional<LogLevel> lowest_level() const;
  Task<void> sweep_sessions();

  const uint64_t id_;  // tells this router's cached state from that of one that stood at the same address
  const asio::any_io_executor home_;
  const std::vector<std::shared_ptr<Upstream>> upstreams_;
  decision::Engine& engine_;
  const EndpointOptions options_;
  const std::string own_info_;  // serverInfo of the federation, JSON
  const Sealer sealer_;
  SessionTable sessions_;
  ParkedCalls parked_;
  EventHub hub_;
  std::shared_ptr<CatalogueKeeper> keeper_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace catalyst::mcp
