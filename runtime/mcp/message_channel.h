#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/decision/request.h"
#include "runtime/mcp/envelope.h"
#include "runtime/mcp/exchange.h"

namespace catalyst::mcp {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// What a request says about the client and not about its message: its headers without those that a channel
/// writes itself.
HeaderList client_headers(const HttpExchange& exchange);

/// Who speaks on a channel.
struct ChannelClient {
  std::shared_ptr<const decision::Principal> principal;
  std::shared_ptr<const HeaderList> headers;  // `Host` among them
};

struct MessageChannelOptions {
  std::string path;         // which endpoint the client gets
  std::string name;         // begins the ids of its requests
  std::string peer;         // address of the client
  size_t max_calls = 1024;  // at a time; more are refused
  EnvelopeLimits envelope;
};

/// A client that says and hears messages over one channel (standard input and output, an event stream with
/// POSTs, a WebSocket): each message is answered as if it had come over Streamable HTTP, by the same endpoint
/// and under the same rules. The client's session, where its generation has one, and its event stream are
/// kept here. One executor; created with make_shared.
class MessageChannel : public std::enable_shared_from_this<MessageChannel> {
 public:
  /// Answers one exchange: Endpoint::handle.
  using Serve = std::function<Task<void>(HttpExchange& exchange)>;
  /// Takes one message for the client; false when it is gone.
  using Send = std::function<bool(std::string_view message)>;

  MessageChannel(const Executor& executor, Serve serve, Send send, MessageChannelOptions options);
  ~MessageChannel();

  /// Whose messages follow.
  void enter(ChannelClient client) { client_ = std::move(client); }
  /// A request of this client that is not for the endpoint, such as asking who it is.
  [[nodiscard]] std::unique_ptr<HttpExchange> exchange();
  /// One message, or a batch.
  void take(std::string message);
  /// The client is gone: its session ends, calls in flight are cancelled, and this returns when they are
  /// over.
  Task<void> end();

 private:
  class Exchange;
  friend class Exchange;

  void add_protocol(Exchange& exchange, const Envelope* envelope);
  void begin(std::shared_ptr<Exchange> exchange);
  void take_waiting();
  std::shared_ptr<Exchange> session_request(std::string method);

  const Executor executor_;
  const Serve serve_;
  const Send send_;
  const MessageChannelOptions options_;
  ChannelClient client_;
  std::string session_id_;
  std::string protocol_version_;      // of the session
  uint64_t greeting_ = 0;             // number of the initialize that has no answer yet
  std::vector<std::string> waiting_;  // what came meanwhile, for the session that will be there then
  bool listening_ = false;
  bool gone_ = false;
  uint64_t requests_ = 0;
  std::map<uint64_t, std::shared_ptr<Exchange>> exchanges_;
  SteadyTimer idle_;  // cancelled when the last exchange is over
};

}  // namespace catalyst::mcp
