#include "server/gateway/window_keeper.h"

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "runtime/observe/log.h"

namespace catalyst::server {
namespace {

constexpr auto kPeriod = std::chrono::seconds(1);
constexpr size_t kBatch = 10'000;      // counters of one transaction
constexpr size_t kBatchesAtOnce = 16;  // where more counters change, they take turns

int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string fresh_secret() {
  std::random_device random;
  std::string out;
  while (out.size() < sizeof(decision::HashSecret)) {
    const unsigned word = random();
    out.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return out;
}

decision::HashSecret secret_of(const std::string& bytes) {
  decision::HashSecret out;
  std::memcpy(&out, bytes.data(), std::min(bytes.size(), sizeof out));
  return out;
}

}  // namespace

struct WindowKeeper::Impl {
  Impl(store::StoreThread* s, size_t counters, const decision::HashSecret& secret)
      : store(s), windows(counters, secret) {}

  store::StoreThread* store;
  decision::MemoryWindowStore windows;
  std::mutex mutex;  // guards stop
  std::condition_variable wake;
  bool stop = false;
  std::thread thread;

  void run() {
    std::unique_lock lock(mutex);
    while (!stop) {
      wake.wait_for(lock, kPeriod, [this] { return stop; });
      lock.unlock();
      write(kBatchesAtOnce);
      lock.lock();
    }
    lock.unlock();
    write(SIZE_MAX);  // it may have been told to stop before it looked for the first time
  }

  /// What changes meanwhile waits for the next turn.
  void write(size_t batches) {
    for (bool more = true; more && batches > 0; --batches) {
      const std::vector<decision::WindowRow> changed = windows.take_changed(kBatch);
      more = changed.size() >= kBatch;
      if (changed.empty()) {
        return;
      }
      auto rows = std::make_shared<std::vector<store::WindowRow>>();
      for (const decision::WindowRow& row : changed) {
        rows->push_back({row.id, row.expires_us, row.bytes});
      }
      const bool posted = store->post([rows](store::Store& target) {
        if (auto done = target.put_windows(*rows, now_us()); done.has_error()) {
          observe::log(observe::Level::Error, "what windows count is not kept",
                       {{"reason", done.error().message()}});
        }
      });
      if (!posted) {
        observe::log(observe::Level::Error, "what windows count is not kept",
                     {{"reason", "the store has too much to do"}});
        windows.take_again(changed);
        return;
      }
    }
  }
};

Result<std::unique_ptr<WindowKeeper>> WindowKeeper::open(store::StoreThread* store, size_t counters) {
  const std::string fresh = fresh_secret();
  if (store == nullptr) {
    return std::unique_ptr<WindowKeeper>(
        new WindowKeeper(std::make_unique<Impl>(nullptr, counters, secret_of(fresh))));
  }
  const auto secret = store->call([fresh](store::Store& target) { return target.window_secret(fresh); });
  if (secret.has_error()) {
    return secret.error();
  }
  const auto rows =
      store->call([counters](store::Store& target) { return target.windows(now_us(), counters); });
  if (rows.has_error()) {
    return rows.error();
  }
  auto impl = std::make_unique<Impl>(store, counters, secret_of(*secret));
  for (const store::WindowRow& row : *rows) {
    if (!impl->windows.restore({row.id, row.expires_us, row.bytes})) {
      observe::log(observe::Level::Warn, "a counter of a window is unreadable and begins anew", {});
    }
  }
  return std::unique_ptr<WindowKeeper>(new WindowKeeper(std::move(impl)));
}

WindowKeeper::WindowKeeper(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
  if (impl_->store != nullptr) {
    impl_->thread = std::thread([this] { impl_->run(); });
  }
}

WindowKeeper::~WindowKeeper() {
  if (impl_->store == nullptr) {
    return;
  }
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
}

decision::MemoryWindowStore& WindowKeeper::windows() { return impl_->windows; }

}  // namespace catalyst::server
