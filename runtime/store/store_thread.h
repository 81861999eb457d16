#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <type_traits>

#include "runtime/store/store.h"

namespace catalyst::store {

/// The one thread that talks to a store: what the others hand in runs there in order. Destroying it runs what
/// is queued.
class StoreThread {
 public:
  /// Jobs that may wait; `run` beyond that is refused.
  static constexpr size_t kQueueMax = 1024;

  explicit StoreThread(std::unique_ptr<Store> store);
  ~StoreThread();
  StoreThread(const StoreThread&) = delete;
  StoreThread& operator=(const StoreThread&) = delete;

  /// Any thread, never waits. False: the queue is full, and the job is dropped.
  bool post(std::function<void(Store&)> job);

  /// Runs `job` there and waits for its answer: for threads that may wait, never those of requests.
  template <class Job>
  std::invoke_result_t<Job, Store&> call(Job job) {
    using Answer = std::invoke_result_t<Job, Store&>;
    auto promise = std::make_shared<std::promise<Answer>>();
    std::future<Answer> answer = promise->get_future();
    if (!post([promise, job](Store& store) { promise->set_value(job(store)); })) {
      return error(make_error_code(Errc::Busy), "the store has too much to do");
    }
    return answer.get();
  }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::store
