// subscriptions/listen: the modern client's event stream.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "runtime/mcp/admission_watch.h"
#include "runtime/mcp/json_reader.h"
#include "runtime/mcp/router.h"
#include "runtime/mcp/sse_headers.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr std::string_view kAcknowledged = "notifications/subscriptions/acknowledged";

/// Reads params.notifications; false when it is not an object or asks for too much.
bool read_filter(std::string_view filter_json, size_t names_max, Listener& listener) {
  JsonReader reader;
  std::string_view key;
  if (filter_json.empty() || !reader.open(filter_json) || !reader.enter_object()) {
    return false;
  }
  while (reader.next_member(key)) {
    if ((key == "resourceSubscriptions" || key == "taskIds") && reader.peek() == '[') {
      std::set<std::string, std::less<>>& names = key == "taskIds" ? listener.tasks : listener.uris;
      reader.enter_array();
      while (reader.next_element()) {
        const std::string_view inside = reader.string();
        if (inside.data() != nullptr && listener.uris.size() + listener.tasks.size() < names_max) {
          names.insert(value::unescape_json(inside).value_or(std::string()));
        }
      }
      continue;
    }
    const bool wanted = reader.value() == "true";
    listener.tools = listener.tools || (key == "toolsListChanged" && wanted);
    listener.prompts = listener.prompts || (key == "promptsListChanged" && wanted);
    listener.resources = listener.resources || (key == "resourcesListChanged" && wanted);
  }
  return reader.finished();
}

std::string honoured(const Listener& listener) {
  std::string out = "{";
  const auto add = [&out](std::string_view text) { out.append(out.size() > 1 ? "," : "").append(text); };
  if (listener.tools) {
    add(R"("toolsListChanged":true)");
  }
  if (listener.prompts) {
    add(R"("promptsListChanged":true)");
  }
  if (listener.resources) {
    add(R"("resourcesListChanged":true)");
  }
  const auto add_names = [&add](std::string_view key, const std::set<std::string, std::less<>>& names) {
    std::string list;
    for (const std::string& name : names) {
      list += list.empty() ? "" : ",";
      value::append_json_string(list, name);
    }
    if (!names.empty()) {
      add("\"" + std::string(key) + "\":[" + list + "]");
    }
  };
  add_names("resourceSubscriptions", listener.uris);
  add_names("taskIds", listener.tasks);
  return out + "}";
}

Task<void> stream_events(HttpExchange& exchange, Listener& listener) {
  const std::string params = R"({"notifications":)" + honoured(listener) + "}";
  Result<void> sent = co_await exchange.begin_stream(
      200, kSseHeaders, sse_event(tagged_notification(kAcknowledged, params, listener.id_json)));
  while (sent) {
    const std::optional<std::string> message = co_await listener.queue.next();
    if (!message) {
      break;
    }
    sent = co_await exchange.write(sse_event(*message));
  }
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (!sent || state.cancelled() != asio::cancellation_type::none) {
    co_return;
  }
  const std::string result =
      R"({"resultType":"complete","_meta":{"io.modelcontextprotocol/subscriptionId":)" + listener.id_json +
      "}}";
  co_await exchange.end_stream(sse_event(result_message(listener.id_json, result)));
}

/// What runs beside a stream and uses its handler's frame: must have ended before that goes.
class TaskWatch {
 public:
  explicit TaskWatch(const Executor& executor) : timer_(executor, SteadyTimer::time_point::max()) {}

  void start(Task<void> watching) {
    running_ = true;
    asio::co_spawn(timer_.get_executor(), std::move(watching),
                   asio::bind_cancellation_slot(cancel_.slot(), [this](const std::exception_ptr&) {
                     running_ = false;
                     timer_.cancel();
                   }));
  }
  /// For a coroutine that cannot be cancelled.
  Task<void> end() {
    cancel_.emit(asio::cancellation_type::terminal);
    while (running_) {
      co_await timer_.async_wait(asio::as_tuple(use_awaitable));
    }
  }

 private:
  SteadyTimer timer_;
  asio::cancellation_signal cancel_;
  bool running_ = false;
};

/// Takes a listener out of the hub however its handler ends.
class HubEntry {
 public:
  HubEntry(EventHub& hub, std::shared_ptr<Listener> listener) : hub_(hub), listener_(std::move(listener)) {}
  ~HubEntry() { hub_.remove(listener_); }
  HubEntry(const HubEntry&) = delete;
  HubEntry& operator=(const HubEntry&) = delete;

 private:
  EventHub& hub_;
  std::shared_ptr<Listener> listener_;
};

}  // namespace

Task<Reply> Router::handle_listen(RequestContext& context) {
  auto listener = std::make_shared<Listener>(context.scope, std::string(context.exchange.principal().id),
                                             std::string(context.envelope.id_json), options_.sessions);
  if (!read_filter(find_member(context.envelope.params_json, "notifications"),
                   options_.sessions.subscriptions, *listener)) {
    co_return failure(context, code::kInvalidParams, "Invalid params: notifications must be an object");
  }
  if (!listener->tasks.empty() && !takes_tasks(context.envelope.meta.client_capabilities_json)) {
    co_return takes_no_tasks(context);
  }
  std::erase_if(listener->tasks, [&](const std::string& id) { return !open_task(context, id); });
  // Only what a server can report, and the client may read, is promised.
  context.catalogue = co_await keeper_->settled(context.scope);
  std::vector<std::pair<uint32_t, std::string>> watched;
  for (auto uri = listener->uris.begin(); uri != listener->uris.end();) {
    const std::optional<uint32_t> server = context.catalogue->find_resource(context.scope, *uri);
    if (!server || !may_watch(context, *server, *uri)) {
      uri = listener->uris.erase(uri);
    } else {
      watched.emplace_back(*server, *uri++);
    }
  }
  if (!hub_.add(listener)) {
    co_return failure(context, code::kInternalError, "Too many subscriptions are open.");
  }
  Reply reply;
  reply.streamed = true;
  {
    const HubEntry entry(hub_, listener);
    for (const auto& [server, uri] : watched) {
      watch(watcher_of(context, server), server, uri);
    }
    const AdmissionWatch admission(context.exchange, co_await asio::this_coro::executor,
                                   options_.channels.admission_ms, [listener] { listener->queue.close(); });
    TaskWatch tasks(co_await asio::this_coro::executor);
    if (!listener->tasks.empty()) {
      tasks.start(watch_tasks(context, listener));
    }
    try {
      co_await stream_events(context.exchange, *listener);
    } catch (const boost::system::system_error&) {
      // The client closed the stream, which is how it unsubscribes.
      reply.abandoned = true;
    }
    // The watch uses this frame: it must be over also when the client has gone.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await tasks.end();
    for (const auto& [server, uri] : watched) {
      unwatch(watcher_of(context, server), server, uri);
    }
  }
  co_return reply;
}

}  // namespace catalyst::mcp
