#include "runtime/store/store_thread.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace catalyst::store {

struct StoreThread::Impl {
  std::unique_ptr<Store> store;
  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::deque<std::function<void(Store&)>> jobs;
  bool stop = false;
  std::thread thread;

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return stop || !jobs.empty(); });
      if (jobs.empty()) {
        return;
      }
      const auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job(*store);
      lock.lock();
    }
  }
};

StoreThread::StoreThread(std::unique_ptr<Store> store) : impl_(std::make_unique<Impl>()) {
  impl_->store = std::move(store);
  impl_->thread = std::thread([this] { impl_->run(); });
}

StoreThread::~StoreThread() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
}

bool StoreThread::post(std::function<void(Store&)> job) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stop || impl_->jobs.size() >= kQueueMax) {
      return false;
    }
    impl_->jobs.push_back(std::move(job));
  }
  impl_->wake.notify_all();
  return true;
}

}  // namespace catalyst::store
