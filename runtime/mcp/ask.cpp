// The router's part in what servers ask of clients: who may be asked what, and the ways of a question between
// the generations.

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>

#include "runtime/base/clock.h"
#include "runtime/mcp/asking.h"
#include "runtime/mcp/json_reader.h"
#include "runtime/mcp/router.h"
#include "runtime/mcp/upstream_wire.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

using Edit = MemberEdit::Kind;

constexpr std::string_view kRound = "round";
constexpr std::string_view kParked = "parked";
constexpr auto kPollPause = std::chrono::milliseconds(200);

abi::Hook hook_of(AskKind kind) {
  switch (kind) {
    case AskKind::Sampling:
      return abi::Hook::Sample;
    case AskKind::Elicitation:
      return abi::Hook::Elicit;
    case AskKind::Roots:
      return abi::Hook::Roots;
  }
  return abi::Hook::Sample;
}

/// As if the server had answered with this error.
UpstreamReply error_reply(std::string message) {
  UpstreamReply reply;
  reply.is_error = true;
  reply.body = error_object(code::kInternalError, message);
  reply.payload = reply.body;
  return reply;
}

/// The answers to one round of questions, coming in from other threads.
struct Gathering : std::enable_shared_from_this<Gathering> {
  explicit Gathering(const Executor& executor) : timer(executor) {}
  SteadyTimer timer;                                         // the call's executor, like everything below
  std::vector<std::pair<std::string, std::string>> answers;  // by key
  std::string failed;                                        // error object text
  size_t open = 0;

  Session::AskDone take(std::string key) {
    ++open;
    return [self = shared_from_this(), key = std::move(key)](bool is_error, std::string payload) {
      asio::post(self->timer.get_executor(), [self, key, is_error, payload = std::move(payload)] {
        --self->open;
        if (is_error) {
          self->failed = payload;
        } else {
          self->answers.emplace_back(key, payload);
        }
        self->timer.cancel();
      });
    };
  }
};

}  // namespace

std::optional<std::string> Router::refuse_question(RequestContext& context, uint32_t server,
                                                   Question& question) {
  if (!can_be_asked(context.capabilities(), question.kind, question.params)) {
    return error_object(code::kMethodNotFound, "Server \"" + upstreams_[server]->name() + "\" asks " +
                                                   question.method + ", which the client did not declare.");
  }
  ServerRequestRuling ruling =
      decide_server_request(context, hook_of(question.kind), server, question.params);
  if (!ruling.params.empty()) {
    question.params = std::move(ruling.params);
  }
  return std::move(ruling.refusal);
}

std::string Router::permitted_answer(RequestContext& context, uint32_t server, const Question& question,
                                     std::string answer) {
  std::string changed =
      redact_client_answer(context, hook_of(question.kind), server, question.params, answer);
  return changed.empty() ? answer : changed;
}

std::optional<Reply> Router::response(RequestContext& context) {
  if (context.session == nullptr) {
    return std::nullopt;
  }
  if (asked_elsewhere(context.envelope.id_json)) {
    return refusal({}, 400, code::kInvalidRequest,
                   "Another engine has asked this, or this one before a restart: make the call again",
                   R"({"reason":"unknown_question"})");
  }
  const std::string_view text = context.envelope.text;
  std::string_view payload = find_member(text, "result");
  const bool is_error = !payload.starts_with('{');
  if (is_error) {
    payload = find_member(text, "error");
  }
  context.session->end_ask(context.envelope.id_json, is_error,
                           payload.starts_with('{')
                               ? std::string(payload)
                               : error_object(code::kInternalError, "The client's answer is no object."));
  return std::nullopt;
}

void Router::ask_client(RequestContext& context, std::string_view method, std::string_view params,
                        Session::AskDone done) {
  Session& session = *context.session;
  const bool streams = context.stream != nullptr && context.stream->possible();
  const std::string id = streams || session.has_stream() ? session.begin_ask(done) : std::string();
  if (id.empty()) {
    done(true, error_object(code::kInternalError, "The client has no stream on which it could be asked."));
    return;
  }
  context.questions.push_back(id);
  std::string message = request_message(id, method, params);
  if (streams) {
    context.stream->notify(context.executor, std::move(message));
  } else {
    session.events().push(std::move(message));
  }
}

void Router::relay_question(RequestContext& context, uint32_t server, ServerRequest request) {
  const std::optional<AskKind> kind = ask_kind(request.method);
  Question question{{}, kind.value_or(AskKind::Roots), request.method, request.params};
  if (kind) {
    if (std::optional<std::string> refused = refuse_question(context, server, question)) {
      request.answer(true, std::move(*refused));
      return;
    }
  }
  if (!context.task.id.empty() && !question.params.empty()) {
    question.params = related_task(question.params, context.task.id, context.task.ours);
  }
  ++*context.unanswered;
  // The answer comes in on another connection: what the rules make of it is decided where the call runs.
  auto decided = [this, &context, server, kind, question, answer = request.answer](bool is_error,
                                                                                   std::string payload) {
    answer(is_error, is_error || !kind ? std::move(payload)
                                       : permitted_answer(context, server, question, std::move(payload)));
  };
  ask_client(
      context, question.method, question.params,
      [unanswered = context.unanswered, executor = context.executor, alive = std::weak_ptr(context.alive),
       decided = std::move(decided), answer = request.answer](bool is_error, std::string payload) {
        --*unanswered;
        asio::post(executor, [alive, decided, answer, is_error, payload = std::move(payload)]() mutable {
          if (const auto still = alive.lock()) {
            decided(is_error, std::move(payload));
          } else {
            answer(true, error_object(code::kInternalError, "The call that asked this is over."));
          }
        });
      });
}

Task<Result<UpstreamReply>> Router::answer_rounds(RequestContext& context, uint32_t server,
                                                  UpstreamCall& call, UpstreamReply reply) {
  const std::string asked_params(call.params.empty() ? std::string_view("{}") : call.params);
  std::string params;
  for (size_t round = 0; !reply.is_error && wants_input(reply.payload); ++round) {
    if (round == options_.ask_rounds) {
      co_return error_reply("The server asks more than " + std::to_string(options_.ask_rounds) +
                            " times in one call.");
    }
    const std::optional<std::vector<Question>> questions = read_questions(reply.payload);
    if (!questions) {
      co_return error_reply("The server asks what no client knows.");
    }
    Result<std::string> responses = co_await gather_answers(context, server, *questions);
    if (!responses) {
      co_return error_reply(responses.error().context);
    }
    const std::string_view state = find_member(reply.payload, "requestState");
    const MemberEdit edits[] = {
        {questions->empty() ? Edit::Remove : Edit::Set, "inputResponses", *responses},
        {state.empty() ? Edit::Remove : Edit::Set, "requestState", state},
    };
    params = edit_object(asked_params, edits);
    call.params = params;
    Result<UpstreamReply> next = co_await way(context, server)->call(call);
    if (!next) {
      co_return next.error();
    }
    reply = std::move(*next);
  }
  co_return std::move(reply);
}

Task<Result<std::string>> Router::gather_answers(RequestContext& context, uint32_t server,
                                                 std::vector<Question> questions) {
  const auto gathering = std::make_shared<Gathering>(context.executor);
  if (questions.empty()) {
    gathering->timer.expires_after(kPollPause);  // the server only wants to be called again
    co_await gathering->timer.async_wait(use_awaitable);
    co_return std::string("{}");
  }
  for (Question& question : questions) {
    if (std::optional<std::string> refused = refuse_question(context, server, question)) {
      co_return error(string_of(find_member(*refused, "message")));
    }
  }
  for (const Question& question : questions) {
    std::string params = bridge_question(question, Era::Legacy);
    if (!context.task.id.empty()) {
      params = about_task(params, context.task.ours);
    }
    ask_client(context, question.method, params, gathering->take(question.key));
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.ask_timeout_ms);
  while (gathering->open > 0 && gathering->failed.empty()) {
    gathering->timer.expires_at(deadline);
    const auto [ec] = co_await gathering->timer.async_wait(asio::as_tuple(use_awaitable));
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      co_return error(asio::error::operation_aborted, "the call was cancelled");
    }
    if (!ec) {
      co_return error(asio::error::timed_out, "The client did not answer the server's question.");
    }
  }
  if (!gathering->failed.empty()) {
    co_return error("The client refused the server's question: " +
                    string_of(find_member(gathering->failed, "message")));
  }
  std::string responses = "{";
  for (const Question& question : questions) {
    const auto found = std::find_if(gathering->answers.begin(), gathering->answers.end(),
                                    [&](const auto& entry) { return entry.first == question.key; });
    responses += responses.size() > 1 ? "," : "";
    value::append_json_string(responses, question.key);
    responses += ':';
    responses += permitted_answer(context, server, question, found->second);
  }
  co_return responses + "}";
}

std::string Router::seal_state(const RequestContext& context, uint32_t server, std::string_view purpose,
                               std::string_view text) const {
  const Envelope& asked = context.envelope;
  const std::string binding = digest_of({purpose, context.exchange.principal().id, upstreams_[server]->name(),
                                         asked.method, asked.name, asked.uri, asked.arguments_json});
  std::string state =
      sealer_.seal(binding, std::to_string(wall_ms() + options_.ask_timeout_ms) + ":" + std::string(text));
  return purpose == kParked ? peers_.mark(std::move(state)) : state;
}

std::optional<std::string> Router::open_state(const RequestContext& context, uint32_t server,
                                              std::string_view purpose, std::string_view state_json) const {
  const Envelope& asked = context.envelope;
  const std::string binding = digest_of({purpose, context.exchange.principal().id, upstreams_[server]->name(),
                                         asked.method, asked.name, asked.uri, asked.arguments_json});
  const std::string state = string_of(state_json);
  std::optional<std::string> text = sealer_.open(binding, EnginePeers::unmarked(state));
  int64_t until_ms = 0;
  const size_t colon = text ? text->find(':') : std::string::npos;
  if (colon == std::string::npos) {
    return std::nullopt;
  }
  std::from_chars(text->data(), text->data() + colon, until_ms);
  if (wall_ms() > until_ms) {
    return std::nullopt;
  }
  return text->substr(colon + 1);
}

Reply Router::bad_state(RequestContext& context, std::string_view why) const {
  return failure(context, code::kInvalidParams, "Invalid or expired requestState" + std::string(why),
                 R"({"reason":"invalid_request_state"})");
}

std::optional<std::string> Router::unseal_round(RequestContext& context, uint32_t server,
                                                std::string_view params, std::optional<Reply>& reply) {
  // The search spares every other request the walk.
  if (params.find("requestState") == std::string_view::npos &&
      params.find("inputResponses") == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view state = find_member(params, "requestState");
  std::optional<std::string> own;
  if (!state.empty()) {
    own = open_state(context, server, kRound, state);
    if (!own) {
      reply = bad_state(context);
      return std::nullopt;
    }
  }
  std::vector<MemberEdit> edits;
  if (crossing(context, server).server == Era::Legacy) {
    edits = {{Edit::Remove, "requestState", {}}, {Edit::Remove, "inputResponses", {}}};  // it knows neither
    return edit_object(params, edits);
  }
  const std::string responses = permitted_answers(context, server, find_member(params, "inputResponses"));
  if (own) {
    edits.push_back({Edit::Set, "requestState", *own});
  }
  if (!responses.empty()) {
    edits.push_back({Edit::Set, "inputResponses", responses});
  }
  return edits.empty() ? std::nullopt : std::optional(edit_object(params, edits));
}

std::string Router::permitted_answers(RequestContext& context, uint32_t server,
                                      std::string_view responses_json) {
  JsonReader reader;
  std::string_view key;
  std::vector<std::pair<std::string_view, std::string_view>> members;
  if (!responses_json.starts_with('{') || !reader.open(responses_json) || !reader.enter_object()) {
    return {};
  }
  while (reader.next_member(key)) {
    members.emplace_back(key, reader.value());
  }
  bool changed = false;
  std::string out = "{";
  for (const auto& [raw, answer] : members) {
    const std::optional<AskKind> kind = kind_of_answer(answer);
    // What was asked is not known here any more, only what kind of answer this is.
    const std::string redacted =
        kind ? redact_client_answer(context, hook_of(*kind), server, {}, answer) : std::string();
    changed = changed || !redacted.empty();
    out.append(out.size() > 1 ? ",\"" : "\"").append(raw).append("\":");
    out += redacted.empty() ? std::string(answer) : redacted;
  }
  return changed ? out + "}" : std::string();
}

Reply Router::input_required_reply(RequestContext& context, std::string_view result_json) const {
  Reply reply;
  reply.message = result_message(context.envelope.id_json, result_json);
  return reply;
}

Reply Router::pass_questions(RequestContext& context, uint32_t server, std::string_view result_json) {
  std::optional<std::vector<Question>> questions = read_questions(result_json);
  if (!questions) {
    return failure(context, code::kInternalError, "The server asks what no client knows.");
  }
  bool changed = false;
  for (Question& question : *questions) {
    const std::string before = question.params;
    if (std::optional<std::string> refused = refuse_question(context, server, question)) {
      Reply reply;
      reply.error_code = error_code_of(*refused);
      reply.message = error_message(context.envelope.id_json, *refused);
      return reply;
    }
    changed = changed || question.params != before;
  }
  std::vector<MemberEdit> edits;
  const std::string requests = changed ? questions_json(*questions) : std::string();
  if (changed) {
    edits.push_back({Edit::Set, "inputRequests", requests});
  }
  const std::string_view state = find_member(result_json, "requestState");
  const std::string sealed =
      state.empty() ? std::string() : value::json_string(seal_state(context, server, kRound, state));
  if (!state.empty()) {
    edits.push_back({Edit::Set, "requestState", sealed});
  }
  return input_required_reply(context,
                              edits.empty() ? std::string(result_json) : edit_object(result_json, edits));
}

Task<Router::Sent> Router::send_parked(RequestContext& context, uint32_t server, const UpstreamCall& call) {
  const std::string_view state = find_member(call.params, "requestState");
  std::shared_ptr<ParkedCall> parked;
  if (!state.empty()) {
    const std::optional<std::string> id = open_state(context, server, kParked, state);
    parked = id ? parked_.take(*id) : nullptr;
    if (parked == nullptr) {
      co_return Sent{id ? bad_state(context,
                                    ": the call that asked is over, or waits at another engine; "
                                    "make it again without requestState")
                        : bad_state(context),
                     std::nullopt};
    }
    parked->answer(find_member(call.params, "inputResponses"),
                   [&](const Question& question, std::string answer) {
                     return permitted_answer(context, server, question, std::move(answer));
                   });
  } else {
    const MemberEdit edit = {Edit::Remove, "inputResponses", {}};
    const std::string params = edit_object(call.params, {&edit, 1});
    UpstreamCall fresh = call;
    fresh.params = params;
    parked =
        std::make_shared<ParkedCall>(context.executor, way(context, server), fresh, context.upstream_session);
    parked->start();
  }
  const ParkedCall::Listening listening = parked->listen(
      context.executor, [this, &context](std::string message) { relay(context, std::move(message)); });
  for (;;) {
    co_await parked->wait();
    const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
      parked->cancel();
      Reply abandoned;
      abandoned.abandoned = true;
      co_return Sent{std::move(abandoned), std::nullopt};
    }
    if (std::optional<Result<UpstreamReply>> reply = parked->take_reply()) {
      if (*reply && (*reply)->is_error) {
        if (const std::optional<std::vector<Question>> pages = read_url_elicitations((*reply)->payload);
            pages && can_be_asked(call.capabilities, AskKind::Elicitation, pages->front().params)) {
          co_return Sent{input_required_reply(context, input_required(*pages, {}, own_info_)), std::nullopt};
        }
      }
      co_return sent(context, server, std::move(*reply));
    }
    std::vector<Question> open = parked->questions();
    std::vector<Question> asked;
    for (Question& question : open) {
      if (std::optional<std::string> refused = refuse_question(context, server, question)) {
        parked->refuse(question.key, std::move(*refused));
      } else {
        asked.push_back(std::move(question));
      }
    }
    if (!asked.empty()) {
      co_return Sent{park(context, server, std::move(parked), asked), std::nullopt};
    }
  }
}

Reply Router::park(RequestContext& context, uint32_t server, std::shared_ptr<ParkedCall> call,
                   std::span<const Question> questions) {
  const std::string id = parked_.add(call, steady_ms());
  if (id.empty()) {
    call->cancel();
    return failure(context, code::kInternalError, "Too many calls wait for their clients' answers.");
  }
  return input_required_reply(context,
                              input_required(questions, seal_state(context, server, kParked, id), own_info_));
}

}  // namespace catalyst::mcp
