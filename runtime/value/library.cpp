#include "runtime/value/library.h"

#include <algorithm>

namespace catalyst::value::library {

TextWriter::TextWriter(const Scratch& scratch, uint64_t capacity) noexcept
    : status_(scratch.charge_scan(capacity)) {
  if (status_ == Status::Ok) {
    text_ = capacity > UINT32_MAX ? nullptr : static_cast<char*>(scratch.arena->alloc(capacity));
    status_ = text_ == nullptr ? Status::OutOfMemory : Status::Ok;
  }
}

bool ListWriter::add(const Value& item) noexcept {
  if (size_ == capacity_) {
    capacity_ = capacity_ == 0 ? 8 : capacity_ * 2;
    Value* larger = new_items(scratch_, capacity_);
    if (larger == nullptr) {
      return false;
    }
    std::copy(items_, items_ + size_, larger);
    items_ = larger;
  }
  items_[size_++] = item;
  return true;
}

}  // namespace catalyst::value::library
