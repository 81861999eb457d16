#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <string>

#include "runtime/base/asio.h"
#include "runtime/base/result.h"
#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/message_channel.h"
#include "server/auth/admission.h"

namespace catalyst::server {

struct StdioFrontOptions {
  std::string path = "/mcp";  // which endpoint the client gets
  std::string token;          // shown as a bearer token; "" for none
  size_t max_message_bytes = size_t{4} * 1024 * 1024;
  size_t max_calls = 1024;       // at a time; more are refused
  int64_t admission_ms = 5'000;  // between two looks whether the client would still be let in
  size_t max_queued_bytes =
      size_t{64} * 1024 * 1024;  // written but not taken by the client: then it counts as gone
};

/// One local client on standard input and output: each line is a JSON-RPC message. One io_context; created
/// with make_shared.
class StdioFront : public std::enable_shared_from_this<StdioFront> {
 public:
  /// Takes both descriptors over.
  StdioFront(const Executor& executor, mcp::Endpoint& endpoint, int input, int output,
             StdioFrontOptions options);

  /// Finds out who the client is; an error when nobody that may come in. The authenticator is asked again for
  /// as long as `run` runs.
  Task<Result<void>> admit(Authenticator& authenticator);
  /// Until the client ends its input, takes no output any more, or would not be let in again as the same
  /// principal; calls in flight are cancelled then.
  Task<void> run();
  /// The last of these.
  [[nodiscard]] bool turned_out() const { return turned_out_; }
  /// From the outside: as if the client had ended its input.
  void close();

 private:
  Task<void> watch();
  bool write(std::string_view message);
  void flush();
  void hang_up();

  const Executor executor_;
  const StdioFrontOptions options_;
  asio::posix::stream_descriptor input_;
  asio::posix::stream_descriptor output_;
  const std::shared_ptr<mcp::MessageChannel> channel_;
  Authenticator* authenticator_ = nullptr;
  std::unique_ptr<mcp::HttpExchange> shown_;  // what says who the client is
  std::shared_ptr<const decision::Principal> principal_;
  SteadyTimer watch_timer_;
  std::string queued_;
  std::string writing_;
  bool write_pending_ = false;
  bool closed_ = false;
  bool turned_out_ = false;
};

}  // namespace catalyst::server
