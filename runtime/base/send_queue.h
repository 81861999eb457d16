#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <vector>

namespace catalyst {

class SendQueue;

/// Has a message that is ready for its socket.
class Sender {
 public:
  Sender() = default;
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// Whether the message still waits in the queue.
  [[nodiscard]] bool is_queued() const { return queue_ != nullptr; }
  /// Sends the message now instead of at the end of the round; nothing when none waits.
  void send_early();

 protected:
  /// Leaves the queue; the message is dropped.
  ~Sender() { leave(); }
  void leave();

 private:
  friend class SendQueue;
  /// Called once for each `add`, no longer queued. Must neither wait nor run a handler.
  virtual void send() = 0;

  SendQueue* queue_ = nullptr;
  size_t place_ = 0;
};

/// What the requests of one io_context send, put off to the end of a round of its events. Each send that
/// finds its reader asleep pays for waking it, which costs more than the send; of a burst only the first one
/// does. Alone on its io_context a request does not wait. One thread only: that of the io_context.
class SendQueue final : public boost::asio::execution_context::service {
 public:
  using key_type = SendQueue;
  static boost::asio::execution_context::id id;

  explicit SendQueue(boost::asio::execution_context& context);

  [[nodiscard]] static SendQueue& of(boost::asio::io_context& context) {
    return boost::asio::use_service<SendQueue>(context);
  }

  /// Whether others are likely to have something to send in this round.
  [[nodiscard]] bool is_shared() const { return requests_ > 1; }
  void add(Sender& sender);

  /// Brackets a request.
  void begin_request() { ++requests_; }
  void end_request() { --requests_; }

 private:
  friend class Sender;
  void shutdown() override;
  void send_all();

  boost::asio::io_context& context_;
  size_t requests_ = 0;
  bool posted_ = false;
  std::vector<Sender*> waiting_;  // nullptr: left
};

}  // namespace catalyst
