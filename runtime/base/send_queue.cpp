#include "runtime/base/send_queue.h"

#include <boost/asio/post.hpp>

namespace catalyst {

namespace {
/// So many wait at most: the first of a round must not wait for all that the last ones take.
constexpr size_t kBurst = 16;
}  // namespace

boost::asio::execution_context::id SendQueue::id;

SendQueue::SendQueue(boost::asio::execution_context& context)
    : boost::asio::execution_context::service(context),
      context_(static_cast<boost::asio::io_context&>(context)) {
  waiting_.reserve(kBurst);
}

void SendQueue::shutdown() {
  for (Sender* sender : waiting_) {
    if (sender != nullptr) {
      sender->queue_ = nullptr;
    }
  }
  waiting_.clear();
}

void SendQueue::add(Sender& sender) {
  sender.queue_ = this;
  sender.place_ = waiting_.size();
  waiting_.push_back(&sender);
  if (waiting_.size() >= kBurst) {
    send_all();
  } else if (!posted_) {
    posted_ = true;
    boost::asio::post(context_, [this] {
      posted_ = false;
      send_all();
    });
  }
}

void SendQueue::send_all() {
  for (Sender* sender : waiting_) {
    if (sender != nullptr) {
      sender->queue_ = nullptr;
      sender->send();
    }
  }
  waiting_.clear();
}

void Sender::leave() {
  if (queue_ != nullptr) {
    queue_->waiting_[place_] = nullptr;
    queue_ = nullptr;
  }
}

void Sender::send_early() {
  if (queue_ != nullptr) {
    leave();
    send();
  }
}

}  // namespace catalyst
