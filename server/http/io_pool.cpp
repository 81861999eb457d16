#include "server/http/io_pool.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>

namespace catalyst::server {

IoPool::IoPool(unsigned threads) {
  const unsigned count = threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) {
    // No locks around a socket's operations, since they all happen on its context's thread; posting and
    // timers keep theirs.
    contexts_.push_back(std::make_unique<asio::io_context>(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO));
  }
}

IoPool::~IoPool() { stop(); }

Executor IoPool::executor(size_t index) { return contexts_[index]->get_executor(); }

void IoPool::start() {
  for (auto& context : contexts_) {
    work_.push_back(asio::make_work_guard(*context));
  }
  for (auto& context : contexts_) {
    threads_.emplace_back([&loop = *context] {
      // Signals belong to the main thread.
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
      loop.run();
    });
  }
}

void IoPool::stop() {
  work_.clear();
  for (auto& context : contexts_) {
    context->stop();
  }
  for (auto& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

}  // namespace catalyst::server
