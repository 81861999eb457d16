#include "runtime/decision/engine.h"

#include <atomic>
#include <mutex>
#include <utility>

#include "runtime/decision/in_force.h"

namespace catalyst::decision {

/// Readers look at the generation on every request and take the lock only after a swap.
struct Engine::Impl {
  mutable std::mutex mutex;
  std::shared_ptr<const InForce> in_force;  // guarded by mutex
  std::atomic<uint64_t> generation{0};
};

namespace {

std::shared_ptr<const InForce> alone(std::shared_ptr<const Pack> pack) {
  auto out = std::make_shared<InForce>();
  out->stable = std::move(pack);
  return out;
}

}  // namespace

uint32_t InForce::place_of(std::string_view principal) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, and a last mixing so that similar names part
  for (const char c : principal) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  }
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
  return static_cast<uint32_t>((hash ^ hash >> 33) % kWhole);
}

Engine::Engine(std::shared_ptr<const Pack> pack) : impl_(std::make_unique<Impl>()) {
  impl_->in_force = alone(std::move(pack));
}

Engine::~Engine() = default;

std::shared_ptr<const InForce> Engine::in_force() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->in_force;
}

std::shared_ptr<const Pack> Engine::current() const { return in_force()->stable; }

void Engine::swap(std::shared_ptr<const Pack> pack) { swap(alone(std::move(pack))); }

void Engine::swap(std::shared_ptr<const InForce> in_force) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->in_force.swap(in_force);
  }
  // After the packs: whoever sees the new number finds the new packs (or later ones).
  impl_->generation.fetch_add(1, std::memory_order_release);
}

uint64_t Engine::generation() const { return impl_->generation.load(std::memory_order_acquire); }

}  // namespace catalyst::decision
