#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/mcp/asking.h"
#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

/// A call to a legacy server on behalf of a modern client, which outlives the request that began it: when the
/// server asks something, the client gets the questions as its answer and comes back with a new request. The
/// call itself runs on the executor where it was begun; everything else may be used from any thread. One
/// handler at a time waits.
class ParkedCall : public std::enable_shared_from_this<ParkedCall> {
 public:
  /// Everything in `call` is copied; its callbacks are replaced. `session` is what call.session points to.
  /// `key_prefix` begins the keys of questions, where they must differ from those of other calls.
  ParkedCall(const Executor& executor, std::shared_ptr<Upstream> upstream, const UpstreamCall& call,
             std::shared_ptr<UpstreamSession> session, std::string key_prefix = {});

  void start();
  /// Where notifications of the call go until the handle that this answers is destroyed; `take` runs on
  /// `executor`.
  using Listening = std::shared_ptr<void>;
  [[nodiscard]] Listening listen(const Executor& executor, std::function<void(std::string message)> take);

  /// Until the reply is there, or a question is open that `answer` has not seen. Returns early when the
  /// calling coroutine is cancelled.
  Task<void> wait();
  /// The reply, once; nullopt while there is none.
  std::optional<Result<UpstreamReply>> take_reply();
  /// Whether the server has answered, or will not.
  [[nodiscard]] bool over() const;
  /// What the server waits for.
  [[nodiscard]] std::vector<Question> questions() const;
  /// Gives the server those answers of an inputResponses object that fit open questions, as `permitted` makes
  /// them.
  using Permitted = std::function<std::string(const Question& question, std::string answer)>;
  void answer(std::string_view responses_json, const Permitted& permitted);
  /// Refuses one question.
  void refuse(std::string_view key, std::string error_json);
  /// Nobody wants the reply any more: cancels the call at the server.
  void cancel();

 private:
  struct Open {
    Question question;
    std::function<void(bool is_error, std::string payload)> answer;
  };
  struct Listener {
    Executor executor;
    std::function<void(std::string)> take;
  };

  Task<void> run();
  void take_request(ServerRequest request);
  void take_notification(std::string message);
  void wake_locked();

  const Executor executor_;
  const std::shared_ptr<Upstream> upstream_;
  const std::shared_ptr<UpstreamSession> session_;
  const std::string key_prefix_;
  UpstreamCall call_;
  std::vector<std::unique_ptr<std::string>> texts_;  // what call_'s views point into
  asio::cancellation_signal cancel_;                 // executor_ only
  const std::shared_ptr<std::atomic<int>> unanswered_ = std::make_shared<std::atomic<int>>(0);

  mutable std::mutex mutex_;
  std::optional<Result<UpstreamReply>> reply_;
  std::vector<Open> open_;
  uint64_t asked_ = 0;
  std::weak_ptr<Listener> listener_;
  std::shared_ptr<SteadyTimer> waiter_;
  bool over_ = false;
};

/// Parked calls by the id that their clients bring back. Any thread.
class ParkedCalls {
 public:
  ParkedCalls(size_t max, int64_t keep_ms) : max_(max), keep_ms_(keep_ms) {}

  /// The id to come back with; "" when there are too many.
  std::string add(std::shared_ptr<ParkedCall> call, int64_t now_ms);
  /// Takes it out again; nullptr when it is not there.
  std::shared_ptr<ParkedCall> take(std::string_view id);
  /// The same for calls that several may look at, under ids that their owner chooses; none of them waits for
  /// one. False when there are too many.
  bool put(std::string id, const std::shared_ptr<ParkedCall>& call, int64_t now_ms);
  [[nodiscard]] std::shared_ptr<ParkedCall> find(std::string_view id) const;
  /// Cancels it, if it is there.
  void drop(std::string_view id);
  /// Cancels calls that nobody came back for.
  void sweep(int64_t now_ms);
  void cancel_all();

 private:
  struct Entry {
    std::shared_ptr<ParkedCall> call;
    int64_t until_ms = 0;
  };
  const size_t max_;
  const int64_t keep_ms_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> calls_;
};

}  // namespace catalyst::mcp
