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
    Cell cell;
    cell.key = TextKey::of((*names_)[symbol]);
    cell.symbol = static_cast<int32_t>(symbol);
    uint64_t i = cell.key.hash() & mask_;
    while (cells_[i].symbol >= 0) {
      i = (i + 1) & mask_;
    }
    cells_[i] = cell;
  }
}

}  // namespace catalyst::abi
