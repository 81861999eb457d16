#include "runtime/mcp/held_results.h"

#include "runtime/base/base64.h"
#include "runtime/mcp/seal.h"

namespace catalyst::mcp {
namespace {

constexpr size_t kEntryBytes = 256;  // what an entry costs beside its text

}  // namespace

std::string HeldResults::add(Held held) {
  const size_t bytes = held.result.size() + kEntryBytes;
  if (bytes > max_) {
    return {};
  }
  std::string id = base64url_encode(random_bytes(16));
  const std::lock_guard lock(mutex_);
  // Those whose time is over are the oldest but for what clients wanted otherwise.
  while (!order_.empty() && (bytes_ + bytes > max_ || held_.find(order_.front())->second->made_ms +
                                                              held_.find(order_.front())->second->ttl_ms <
                                                          held.made_ms)) {
    drop_oldest_locked();
  }
  bytes_ += bytes;
  order_.push_back(id);
  held_.emplace(id, std::make_shared<const Held>(std::move(held)));
  return id;
}

std::shared_ptr<const HeldResults::Held> HeldResults::find(std::string_view id, int64_t wall_ms) const {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(id);
  return found == held_.end() || found->second->made_ms + found->second->ttl_ms < wall_ms ? nullptr
                                                                                          : found->second;
}

void HeldResults::drop_oldest_locked() {
  const auto oldest = held_.find(order_.front());
  bytes_ -= oldest->second->result.size() + kEntryBytes;
  held_.erase(oldest);
  order_.pop_front();
}

}  // namespace catalyst::mcp
