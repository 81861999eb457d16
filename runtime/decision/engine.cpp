#include "runtime/decision/engine.h"

#include <atomic>
#include <mutex>

namespace catalyst::decision {

/// Readers look at the generation on every request and take the lock only after a swap.
struct Engine::Impl {
  mutable std::mutex mutex;
  std::shared_ptr<const Pack> current;  // guarded by mutex
  std::atomic<uint64_t> generation{0};
};

Engine::Engine(std::shared_ptr<const Pack> pack) : impl_(std::make_unique<Impl>()) {
  impl_->current = std::move(pack);
}

Engine::~Engine() = default;

std::shared_ptr<const Pack> Engine::current() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->current;
}

void Engine::swap(std::shared_ptr<const Pack> pack) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->current.swap(pack);
  }
  // After the pack: whoever sees the new number finds the new pack (or a later one).
  impl_->generation.fetch_add(1, std::memory_order_release);
}

uint64_t Engine::generation() const { return impl_->generation.load(std::memory_order_acquire); }

}  // namespace catalyst::decision
