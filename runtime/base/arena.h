#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace catalyst {

/// Bump allocator of one evaluation. `reset` keeps the blocks, so a warm arena allocates nothing;
/// `limit_bytes` bounds what one evaluation may take (alloc then answers nullptr). Not thread-safe: one per
/// thread.
class Arena {
 public:
  static constexpr size_t kBlockBytes = 16 * 1024;
  static constexpr size_t kDefaultLimitBytes = 8 * 1024 * 1024;

  explicit Arena(size_t limit_bytes = kDefaultLimitBytes) : limit_bytes_(limit_bytes) {}

  /// `bytes` of uninitialised storage, 8-byte aligned; nullptr when the limit is reached, and only then: zero
  /// bytes have an address too.
  void* alloc(size_t bytes) noexcept {
    bytes = (bytes + (bytes == 0) + 7) & ~size_t{7};
    if (bytes <= static_cast<size_t>(end_ - cursor_)) [[likely]] {
      void* p = cursor_;
      cursor_ += bytes;
      return p;
    }
    return alloc_slow(bytes);
  }

  template <class T>
  T* alloc_array(size_t count) noexcept {
    return static_cast<T*>(alloc(sizeof(T) * count));
  }

  /// A copy of `text` that lives until reset; data() is nullptr when the limit is reached.
  std::string_view copy(std::string_view text) noexcept {
    char* p = static_cast<char*>(alloc(text.size()));
    if (p == nullptr) {
      return {};
    }
    if (!text.empty()) {  // an empty view may point nowhere, which memcpy must not be given
      std::memcpy(p, text.data(), text.size());
    }
    return {p, text.size()};
  }

  void reset() noexcept;

 private:
  struct Block {
    std::unique_ptr<std::byte[]> data;
    size_t size;
  };

  void* alloc_slow(size_t bytes) noexcept;

  size_t limit_bytes_;
  size_t used_bytes_ = 0;  // of blocks before the current one
  size_t current_ = 0;     // index of the block in use plus one; 0 before the first
  std::byte* cursor_ = nullptr;
  std::byte* end_ = nullptr;
  std::vector<Block> blocks_;
};

}  // namespace catalyst
