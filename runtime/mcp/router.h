#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/decision/engine.h"
#include "runtime/decision/limits.h"
#include "runtime/mcp/bridge.h"
#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/engine_peers.h"
#include "runtime/mcp/event_hub.h"
#include "runtime/mcp/held_results.h"
#include "runtime/mcp/label_store.h"
#include "runtime/mcp/parked_call.h"
#include "runtime/mcp/request_context.h"
#include "runtime/mcp/route_book.h"
#include "runtime/mcp/routed_upstream.h"
#include "runtime/mcp/seal.h"
#include "runtime/mcp/task_forms.h"
#include "runtime/mcp/task_table.h"

namespace catalyst::mcp {

/// What the rules are asked about, beside who asks.
struct Subject {
  abi::Hook hook = abi::Hook::Call;
  std::string_view server = {};
  std::string_view thing = {};  // tool, prompt or uri as the server knows it
  std::string_view definition = {};
  std::string_view args = {};
  std::string_view params = {};
  std::string_view result = {};
};

/// How long to wait before a task is looked at again, as it says of itself, within bounds.
int64_t poll_pause_ms(std::string_view task_json);

/// What the rules make of a server's request to the client.
struct ServerRequestRuling {
  std::optional<std::string> refusal;  // a JSON-RPC error object for the server: the client is not asked
  std::string params;                  // changed by rules; empty: as they came
};

/// The one place where rules decide and messages are sent on. One handler per method family, each in its own
/// file (handle_*.cpp). Shared by all io threads; its own state is immutable or guards itself.
class Router : public std::enable_shared_from_this<Router> {
 public:
  Router(const Executor& home, std::vector<std::shared_ptr<Upstream>> upstreams, decision::Engine& engine,
         EndpointOptions options);

  /// Call once, when the router is owned by a shared_ptr.
  void start();
  /// Ends every event stream toward clients.
  void close_streams();
  Task<void> stop();

  /// Answers one request. Throws only when the calling coroutine is cancelled.
  Task<Reply> request(RequestContext& context);
  /// Takes one notification of a client.
  Task<void> notification(RequestContext& context);
  /// Takes a client's response to a question; the refusal when another engine has asked it.
  [[nodiscard]] std::optional<Reply> response(RequestContext& context);

  [[nodiscard]] const EndpointOptions& options() const { return options_; }
  [[nodiscard]] SessionTable& sessions() { return sessions_; }
  [[nodiscard]] const Sealer& sealer() const { return sealer_; }
  [[nodiscard]] EnginePeers& peers() { return peers_; }
  /// Called for every request that the router makes on behalf of a client's stream, as for the client's own.
  using OnAnswer = std::function<void(RequestContext& context, const Reply& reply, int64_t start_ns)>;
  void on_answer(OnAnswer callback) { on_answer_ = std::move(callback); }
  /// Called every few seconds, for what stands around the router and has limits of time.
  void on_sweep(std::function<void(int64_t now_ms)> callback) { on_sweep_ = std::move(callback); }
  [[nodiscard]] const std::vector<std::shared_ptr<Upstream>>& upstreams() const { return upstreams_; }
  [[nodiscard]] const CatalogueKeeper& keeper() const { return *keeper_; }
  void inspect_again() { keeper_->inspect_again(); }
  [[nodiscard]] const std::shared_ptr<RoutedUpstream>& routed(uint32_t server) const {
    return routed_[server];
  }
  [[nodiscard]] std::vector<RouteStatus> routes() const;
  [[nodiscard]] std::optional<uint32_t> server_index(std::string_view name) const;
  /// Name of the server that a scope is about; "" for all.
  [[nodiscard]] std::string_view scope_name(Scope scope) const {
    return scope.federated() ? std::string_view() : std::string_view(upstreams_[scope.server]->name());
  }

 private:
  using Handler = Task<Reply> (Router::*)(RequestContext&);
  struct Method;
  [[nodiscard]] static const Method* find_method(std::string_view name);

  Task<Reply> handle_initialize(RequestContext& context);
  Task<std::string> greet_for(RequestContext& context, const SessionTerms& terms);
  Task<Reply> handle_discover(RequestContext& context);
  Task<Reply> handle_ping(RequestContext& context);
  Task<Reply> handle_set_level(RequestContext& context);
  Task<Reply> handle_tools_call(RequestContext& context);
  /// Sends a call that the rules allow, and lets them see the result.
  Task<Reply> call_tool(RequestContext& context, Catalogue::Found found);
  [[nodiscard]] std::optional<Reply> check_param_headers(RequestContext& context,
                                                         const Catalogue::Found& found) const;
  Task<Reply> handle_list(RequestContext& context);
  /// The JSON array of what this client may see.
  [[nodiscard]] std::string visible_list(RequestContext& context, ListKind kind);
  Task<Reply> handle_prompts_get(RequestContext& context);

  // handle_tasks.cpp
  Task<Reply> handle_task(RequestContext& context);
  Task<Reply> handle_tasks_list(RequestContext& context);
  [[nodiscard]] std::optional<std::string> listed_task(const RequestContext& context,
                                                       const TaskTable::Entry& task,
                                                       const std::optional<UpstreamReply>& reply) const;
  /// Whether this call may become a task: client and server agreed on it, each in its way.
  [[nodiscard]] bool may_be_task(const RequestContext& context, const Catalogue::Found& found) const;
  /// The refusal when the tool runs as a task alone, and the client takes none.
  [[nodiscard]] std::optional<Reply> insists_on_task(RequestContext& context,
                                                     const Catalogue::Found& found) const;
  /// Takes the task out of the edit where none can be made; the refusal where the client must know.
  [[nodiscard]] std::optional<Reply> refuse_task(RequestContext& context, uint32_t server,
                                                 std::string_view arguments, ParamsEdit& edit) const;
  /// Whether the client's revision has tasks.
  [[nodiscard]] static bool knows_tasks(const RequestContext& context);
  /// Whether a server behind this endpoint makes tasks.
  [[nodiscard]] bool any_tasks(const RequestContext& context) const;
  /// Whether this client must be told that tools of new servers may become tasks.
  [[nodiscard]] bool marks_tasks(const RequestContext& context, uint32_t server) const;
  [[nodiscard]] bool marks_tasks(const RequestContext& context) const;
  [[nodiscard]] static bool is_task(Era server, const UpstreamReply& reply);
  [[nodiscard]] Reply task_created(RequestContext& context, const Catalogue::Found& found,
                                   std::string_view arguments, const UpstreamReply& upstream);
  [[nodiscard]] std::string seal_task(const RequestContext& context, const TaskRef& task) const;
  /// nullopt for what is no task of this principal at this endpoint.
  [[nodiscard]] std::optional<TaskRef> open_task(const RequestContext& context, std::string_view id) const;
  [[nodiscard]] std::string visible_task(const RequestContext& context, std::string_view task_json,
                                         std::string_view ours) const;
  [[nodiscard]] Reply no_task(RequestContext& context) const;
  [[nodiscard]] Reply takes_no_tasks(RequestContext& context) const;
  [[nodiscard]] Reply task_result(RequestContext& context, UpstreamReply upstream);
  [[nodiscard]] Reply task_state(RequestContext& context, UpstreamReply upstream);
  std::optional<Reply> decide_task_result(RequestContext& context, std::string_view result_json,
                                          std::string& changed);
  /// notifications/tasks/status of a server for one client; nullopt when it has no such task.
  [[nodiscard]] std::optional<std::string> task_notice(std::string_view principal_id, uint32_t server,
                                                       std::string_view message) const;

  // cross_tasks.cpp
  static void offer_tasks(RequestContext& context);
  Task<Reply> task_of_old_server(RequestContext& context);
  Task<Reply> update_old_task(RequestContext& context, std::string_view params);
  Task<Reply> task_of_new_server(RequestContext& context);
  Task<Reply> cancel_at_old_server(RequestContext& context, std::string_view params);
  Task<Reply> cancel_at_new_server(RequestContext& context, std::string_view params);
  static void tell_standing(RequestContext& context, std::string_view task_json);
  Task<Reply> await_new_task(RequestContext& context, std::string_view params);
  [[nodiscard]] Reply state_of_new_task(RequestContext& context, const UpstreamReply& upstream) const;
  [[nodiscard]] Reply end_of_new_task(RequestContext& context, std::string_view task_json, TaskStatus status);
  [[nodiscard]] Reply end_of_old_task(RequestContext& context, std::string_view task_json,
                                      const UpstreamReply& upstream);
  [[nodiscard]] Reply questions_of_old_task(RequestContext& context, std::string_view task_json);
  [[nodiscard]] Reply task_standing(RequestContext& context, std::string_view task_json, TaskStatus status,
                                    std::optional<MemberEdit> more = std::nullopt) const;
  /// Keeps the result of a call that its client wanted as a task until the client fetches it.
  [[nodiscard]] Reply hold_result(RequestContext& context, const Catalogue::Found& found,
                                  std::string_view arguments, std::string_view result_json);
  [[nodiscard]] std::string held_standing(const HeldResults::Held& held, std::string_view ours) const;
  [[nodiscard]] Reply held_task(RequestContext& context);

  // listen_tasks.cpp
  Task<void> watch_tasks(const RequestContext& listening, std::shared_ptr<Listener> listener);
  Task<std::string> look_at_task(const RequestContext& listening, std::string_view id, bool& gone);

  Task<Reply> handle_complete(RequestContext& context);
  Task<Reply> handle_resources_read(RequestContext& context);
  Task<Reply> read_from(RequestContext& context, uint32_t server, std::string_view uri);
  [[nodiscard]] Reply no_resource(RequestContext& context, std::string_view uri) const;
  [[nodiscard]] Subject resource_subject(const RequestContext& context, uint32_t server,
                                         std::string_view uri) const;
  [[nodiscard]] bool is_resource_hidden(RequestContext& context, uint32_t server, const Subject& read);
  Task<Reply> handle_subscribe(RequestContext& context);
  Task<Reply> handle_unsubscribe(RequestContext& context);
  Task<Reply> handle_listen(RequestContext& context);
  Task<Reply> handle_unknown(RequestContext& context);
  static Task<Reply> refuse(Reply reply);

  // forward.cpp
  struct Sent {
    Reply reply;  // what the client gets when `upstream` is not set
    std::optional<UpstreamReply> upstream;
  };
  /// Sends the request to `server` with these params, under its own method unless another is given; the reply
  /// as it came, or the answer that says why there is none.
  Task<Sent> send(RequestContext& context, uint32_t server, std::string_view params, std::string_view name,
                  std::string_view method = {});
  Task<Sent> send_task_result(RequestContext& context, uint32_t server, const UpstreamCall& call);
  Task<Sent> send_modern(RequestContext& context, uint32_t server, UpstreamCall& call, Era era);
  Task<Sent> send_legacy(RequestContext& context, uint32_t server, UpstreamCall& call, Era era);
  [[nodiscard]] Sent sent(RequestContext& context, uint32_t server, Result<UpstreamReply> reply) const;
  /// send, and the reply bridged to the client's era; redacted by the rules that let `decided` pass, when
  /// given.
  Task<Reply> forward(RequestContext& context, uint32_t server, const ParamsEdit& edit, std::string_view name,
                      const Subject* decided = nullptr);
  [[nodiscard]] Reply answer(RequestContext& context, uint32_t server, const UpstreamReply& upstream) const;
  void relay(RequestContext& context, std::string message) const;
  static void drop_questions(RequestContext& context);

  // route_calls.cpp
  /// What the choice of a target for a call depends on. `tool` nullptr: something else is asked for.
  void plan_route(RequestContext& context, uint32_t server, const Item* tool, std::string_view arguments);
  /// The same when the pack has a route for the call.
  void plan_declared(RequestContext& context, const Catalogue::Found& found, std::string_view arguments);
  /// Servers among the route's that define the tool otherwise than the call's own does.
  [[nodiscard]] static std::vector<uint32_t> unfit_for(const RequestContext& context,
                                                       const Catalogue::Found& found, const Lanes& lanes);
  /// Credentials and sessions for targets that are servers of the configuration; the refusal when the client
  /// may not use one of them.
  Task<std::optional<Sent>> prepare_route(RequestContext& context, uint32_t server);
  [[nodiscard]] std::function<std::shared_ptr<UpstreamSession>(uint32_t)> sessions_of(
      RequestContext& context);
  /// Where a call to `server` is sent.
  [[nodiscard]] const std::shared_ptr<Upstream>& way(const RequestContext& context, uint32_t server) const {
    return context.way != nullptr ? context.way : upstreams_[server];
  }
  /// The reply to a token that lacks a scope for the server, if it does.
  [[nodiscard]] std::optional<Sent> challenged(RequestContext& context, const std::string& server,
                                               std::string_view tool) const;

  // ask.cpp
  /// Why a server must not ask this client this, as the text of an error object; else the rules may have
  /// changed its params.
  [[nodiscard]] std::optional<std::string> refuse_question(RequestContext& context, uint32_t server,
                                                           Question& question);
  /// The client's answer as the server may see it.
  [[nodiscard]] std::string permitted_answer(RequestContext& context, uint32_t server,
                                             const Question& question, std::string answer);
  /// Sends a request to the legacy client of a call; `done` gets what becomes of it.
  void ask_client(RequestContext& context, std::string_view method, std::string_view params,
                  Session::AskDone done);
  /// A legacy server asks a legacy client.
  void relay_question(RequestContext& context, uint32_t server, ServerRequest request);
  /// A modern server asks a legacy client: asks and calls again until the reply is one.
  Task<Result<UpstreamReply>> answer_rounds(RequestContext& context, uint32_t server, UpstreamCall& call,
                                            UpstreamReply reply);
  Task<Result<std::string>> gather_answers(RequestContext& context, uint32_t server,
                                           std::vector<Question> questions);
  /// A modern server asks a modern client.
  [[nodiscard]] Reply pass_questions(RequestContext& context, uint32_t server, std::string_view result_json);
  /// A legacy server that may ask a modern client.
  Task<Sent> send_parked(RequestContext& context, uint32_t server, const UpstreamCall& call);
  [[nodiscard]] Reply park(RequestContext& context, uint32_t server, std::shared_ptr<ParkedCall> call,
                           std::span<const Question> questions);
  /// The params with the client's requestState replaced by the server's own; sets `reply` when it is no good.
  [[nodiscard]] std::optional<std::string> unseal_round(RequestContext& context, uint32_t server,
                                                        std::string_view params, std::optional<Reply>& reply);
  /// inputResponses as the server may see them; "" when unchanged.
  [[nodiscard]] std::string permitted_answers(RequestContext& context, uint32_t server,
                                              std::string_view responses_json);
  [[nodiscard]] std::string seal_state(const RequestContext& context, uint32_t server,
                                       std::string_view purpose, std::string_view text) const;
  [[nodiscard]] std::optional<std::string> open_state(const RequestContext& context, uint32_t server,
                                                      std::string_view purpose,
                                                      std::string_view state_json) const;
  [[nodiscard]] Reply bad_state(RequestContext& context, std::string_view why = {}) const;
  [[nodiscard]] Reply input_required_reply(RequestContext& context, std::string_view result_json) const;

  // decide.cpp
  /// Takes the packs in force for this request: to its end it is decided by one.
  void take_pack(RequestContext& context) const;
  /// Nobody has anything to say at this hook.
  [[nodiscard]] bool ignores(const RequestContext& context, abi::Hook hook) const;
  const decision::Verdict& decide(RequestContext& context, decision::Request& request);
  /// The route of a call that is allowed; nullptr when none is for it. Good until the next decision.
  const decision::RouteChoice* ask_route(RequestContext& context, const Subject& call) const;
  [[nodiscard]] decision::Request decision_request(const RequestContext& context,
                                                   const Subject& subject) const;
  [[nodiscard]] Subject subject_of(abi::Hook hook, const Catalogue::Found& found) const;
  /// What the rules of a list hook say; recorded when the thing is being asked for rather than listed.
  struct Shown {
    bool hidden = false;
    std::optional<std::string> description;  // instead of the thing's own
  };
  [[nodiscard]] Shown look_at(RequestContext& context, const Subject& listed, decision::Listing listing);
  [[nodiscard]] bool is_hidden(RequestContext& context, const Subject& listed,
                               decision::Listing listing = decision::Listing::Derived) {
    return look_at(context, listed, listing).hidden;
  }
  /// Puts what was emitted since there were `first` events to the rules on events, and what those emit.
  void react(RequestContext& context, const decision::Request& cause, size_t first);
  /// Before something is asked for: hidden by a rule of its list hook. What the default lets nobody ask for
  /// is refused like this, too, but that is looked into only once the request is denied.
  [[nodiscard]] bool is_hidden_by_rule(RequestContext& context, const Subject& listed) {
    return is_hidden(context, listed, decision::Listing::OwnRules);
  }
  /// A rule, and not the default, has decided this request: whoever is denied is told so.
  [[nodiscard]] static bool ruled(const RequestContext& context) {
    return context.record.rule != decision::Verdict::kNoRule;
  }
  /// The error object of a denied request.
  [[nodiscard]] std::string denial(const RequestContext& context, const decision::Verdict& verdict) const;
  /// `more`: further members of its data, each after a comma.
  [[nodiscard]] std::string denial(const RequestContext& context, uint32_t rule, std::string_view message,
                                   std::string_view more) const;
  [[nodiscard]] Reply denied(RequestContext& context, const decision::Verdict& verdict) const;
  /// What stands between an allowed request and its way on: requirements that nobody here can fulfil, limits.
  [[nodiscard]] std::optional<Reply> hold_back(RequestContext& context, const decision::Verdict& verdict);
  [[nodiscard]] Reply held_back(RequestContext& context, uint32_t rule, std::string_view message,
                                std::string_view more) const;
  /// The refusal of a request of a client, if there is one; `arguments` are the new ones when rules set any.
  std::optional<Reply> decide_request(RequestContext& context, const Subject& subject,
                                      std::string& arguments);
  /// The same for what comes back from a tool; `result` is the new one when rules redact.
  std::optional<Reply> decide_result(RequestContext& context, const Subject& subject, std::string& result);
  /// What the rules that let the request pass redact in its answer; `changed` stays empty when nothing.
  void redact_answer(RequestContext& context, const Subject& subject, std::string_view answer,
                     std::string& changed);
  void redact(RequestContext& context, const decision::Verdict& verdict, abi::RedactPlace place,
              std::string_view text, std::string& changed) const;
  /// May this client connect? Legacy clients are asked when they initialize; modern ones have no session, so
  /// each of their requests is.
  std::optional<Reply> decide_session(RequestContext& context, const SessionTerms& terms);
  /// A request that a server makes of the client: hooks Sample, Elicit, Roots.
  [[nodiscard]] ServerRequestRuling decide_server_request(RequestContext& context, abi::Hook hook,
                                                          uint32_t server, std::string_view params);
  /// The client's answer to it, on its way to the server: redacted, or empty when it goes as it is. `params`
  /// are those that decide_server_request was asked about.
  [[nodiscard]] std::string redact_client_answer(RequestContext& context, abi::Hook hook, uint32_t server,
                                                 std::string_view params, std::string_view answer);

  // router.cpp
  [[nodiscard]] Reply result(RequestContext& context, std::string_view members) const;
  [[nodiscard]] Reply failure(RequestContext& context, int code, std::string_view message,
                              std::string_view data_json = {}) const;
  [[nodiscard]] Reply unknown(RequestContext& context, std::string_view what, std::string_view name) const;
  /// Why a server gave no answer, as clients are told.
  enum class Absence : uint8_t { Unavailable, Timeout, Busy };
  /// `why` is for the log.
  [[nodiscard]] Reply unavailable(RequestContext& context, uint32_t server, std::string why,
                                  Absence absence = Absence::Unavailable) const;
  /// Says in the log which server would have what is not known, when that is not there.
  void note_missing(RequestContext& context, std::string_view name) const;
  /// The answer to a list or greeting when a single server is not there.
  [[nodiscard]] std::optional<Reply> missing_server(RequestContext& context) const;
  [[nodiscard]] std::string server_info(Scope scope, const Catalogue& catalogue) const;
  [[nodiscard]] std::string capabilities(const RequestContext& context) const;
  [[nodiscard]] std::string task_capability(const RequestContext& context) const;
  [[nodiscard]] std::string instructions(const RequestContext& context) const;
  [[nodiscard]] Crossing crossing(const RequestContext& context, uint32_t server) const;
  /// What the catalogue does not know yet: once the servers in scope have settled.
  Task<std::optional<Catalogue::Found>> find_later(RequestContext& context, ListKind kind,
                                                   std::string_view name);
  Task<void> sweep_sessions();

  // upstream_events.cpp
  /// The client's own session with a server that keeps sessions, else nullptr.
  std::shared_ptr<UpstreamSession> session_with(RequestContext& context, uint32_t server);
  [[nodiscard]] ClientTerms terms_of(const std::shared_ptr<Session>& session, uint32_t server);
  [[nodiscard]] ClientTerms terms_of(const std::string& principal_id, uint32_t server);
  void on_upstream_event(uint32_t server, std::string_view method, std::string_view message);
  void on_session_event(Session& session, uint32_t server, std::string_view method, std::string_view message);
  static void ask_session(Session& session, ServerRequest& request);
  Task<void> restore(std::shared_ptr<Session> session, uint32_t server);
  Task<void> restore(std::string principal_id, uint32_t server);
  Task<void> restore(uint32_t server);
  Task<void> set_level(uint32_t server, std::optional<LogLevel> level,
                       std::shared_ptr<UpstreamSession> session);
  Task<void> tell(uint32_t server, std::string_view method, std::string uri,
                  std::shared_ptr<UpstreamSession> session);
  /// On whose behalf a resource is watched: a principal over its session with the server, or everybody (""
  /// and nullptr) where a server keeps none.
  struct Watcher {
    std::string principal_id;
    std::shared_ptr<UpstreamSession> session;
  };
  [[nodiscard]] bool is_modern(uint32_t server) const;
  /// Whoever may not read a resource may not learn when it changes.
  [[nodiscard]] bool may_watch(RequestContext& context, uint32_t server, std::string_view uri);
  [[nodiscard]] Watcher watcher_of(RequestContext& context, uint32_t server);
  void watch(const Watcher& watcher, uint32_t server, const std::string& uri);
  void unwatch(const Watcher& watcher, uint32_t server, const std::string& uri);
  /// The least severe level that a session of the principal asked for; of any session when it is nullopt.
  [[nodiscard]] std::optional<LogLevel> lowest_level(std::optional<std::string_view> principal_id) const;

  const uint64_t id_;  // tells this router's cached state from that of one that stood at the same address
  const Executor home_;
  const std::vector<std::shared_ptr<Upstream>> upstreams_;
  const std::vector<std::shared_ptr<RoutedUpstream>> routed_;  // by server; nullptr: it has one place
  decision::Engine& engine_;
  const EndpointOptions options_;
  routing::ResultCache no_cache_;
  RouteBook book_;
  const std::string own_info_;  // serverInfo of the federation, JSON
  const Sealer sealer_;
  EnginePeers peers_;
  decision::MemoryLimitStore limits_;
  LabelStore labels_;
  TaskTable tasks_;
  HeldResults held_;
  SessionTable sessions_;
  PrincipalSessions principals_;
  ParkedCalls parked_;
  ParkedCalls task_calls_;  // tasks/result at servers of the old generation, by our id of the task
  EventHub hub_;
  std::shared_ptr<CatalogueKeeper> keeper_;
  std::function<void(int64_t)> on_sweep_ = [](int64_t) {};
  OnAnswer on_answer_ = [](RequestContext&, const Reply&, int64_t) {};
  std::atomic<bool> stopped_ = false;
};

}  // namespace catalyst::mcp
