#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/value/scratch.h"
#include "runtime/value/value.h"

// The host's side of the library: one function a row of library.def. Arguments have the types of the row's
// signature; results that need memory come from the scratch's arena; `*out` counts only on Ok.

namespace catalyst::value::library {

#define LIBRARY(name, text, signature, function) \
  Status function(const Scratch& scratch, const Value* arguments, Value* out) noexcept;
#include "runtime/value/library.def"
#undef LIBRARY

// ---- what the modules share ----

inline Status give(Value* out, const Value& v) {
  *out = v;
  return Status::Ok;
}

/// Text of a known largest size, written into the arena.
class TextWriter {
 public:
  /// `capacity` bytes at most; charged as a scan. Check `status` before writing.
  TextWriter(const Scratch& scratch, uint64_t capacity) noexcept;
  [[nodiscard]] Status status() const { return status_; }
  void add(char c) { text_[size_++] = c; }
  void add(std::string_view part) {
    part.copy(text_ + size_, part.size());
    size_ += part.size();
  }
  [[nodiscard]] std::string_view text() const { return {text_, size_}; }
  Status finish(Value* out) const { return give(out, Value::of_string(text())); }

 private:
  char* text_ = nullptr;
  size_t size_ = 0;
  Status status_;
};

/// A list of at most `capacity` items in the arena; nullptr when there is no room.
inline Value* new_items(const Scratch& scratch, uint64_t capacity) noexcept {
  return capacity > UINT32_MAX ? nullptr : scratch.arena->alloc_array<Value>(capacity);
}

/// A list that grows by moving to a place twice its size.
class ListWriter {
 public:
  explicit ListWriter(const Scratch& scratch) noexcept : scratch_(scratch) {}
  /// False when the arena is full.
  bool add(const Value& item) noexcept;
  bool add(std::string_view text) noexcept { return add(Value::of_string(text)); }
  [[nodiscard]] uint32_t size() const { return size_; }
  Status finish(Value* out) const { return give(out, Value::of_list(items_, size_)); }

 private:
  const Scratch& scratch_;
  Value* items_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
};

}  // namespace catalyst::value::library
