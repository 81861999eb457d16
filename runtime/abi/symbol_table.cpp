#include "runtime/abi/symbol_table.h"

namespace catalyst::abi {

SymbolTable::SymbolTable(std::span<const std::string> names)
    : names_(std::make_shared<const std::vector<std::string>>(names.begin(), names.end())) {
  size_t capacity = 8;
  while (capacity < names.size() * 2) {
    capacity *= 2;
  }
  cells_.resize(capacity);
  mask_ = capacity - 1;
  for (size_t symbol = 0; symbol < names_->size(); ++symbol) {
    const std::string& name = (*names_)[symbol];
    const uint64_t h = hash_text(name);
    uint64_t i = h & mask_;
    while (cells_[i].symbol >= 0) {
      i = (i + 1) & mask_;
    }
    cells_[i] = Cell{h, name.data(), static_cast<uint32_t>(name.size()), static_cast<int32_t>(symbol)};
  }
}

}  // namespace catalyst::abi
