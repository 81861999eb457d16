#include "runtime/base/arena.h"

#include <algorithm>
#include <new>

namespace catalyst {

void Arena::reset() noexcept {
  used_bytes_ = 0;
  current_ = 0;
  cursor_ = nullptr;
  end_ = nullptr;
}

void* Arena::alloc_slow(size_t bytes) noexcept {
  // A kept block that is large enough serves before a new one is made.
  while (current_ < blocks_.size()) {
    Block& block = blocks_[current_++];
    if (used_bytes_ + block.size > limit_bytes_) {
      return nullptr;
    }
    used_bytes_ += block.size;
    if (block.size >= bytes) {
      cursor_ = block.data.get() + bytes;
      end_ = block.data.get() + block.size;
      return block.data.get();
    }
  }
  const size_t size = std::max(bytes, kBlockBytes);
  if (used_bytes_ + size > limit_bytes_) {
    return nullptr;
  }
  std::byte* data = new (std::nothrow) std::byte[size];
  if (data == nullptr) {
    return nullptr;
  }
  blocks_.push_back(Block{std::unique_ptr<std::byte[]>(data), size});
  current_ = blocks_.size();
  used_bytes_ += size;
  cursor_ = data + bytes;
  end_ = data + size;
  return data;
}

}  // namespace catalyst
