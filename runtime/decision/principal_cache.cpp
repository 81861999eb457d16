#include <algorithm>

#include "runtime/decision/evaluation.h"

namespace catalyst::decision {

void PrincipalCache::prepare(const abi::Unit& unit, uint32_t places) {
  unit_ = &unit;
  symbol_features_.clear();
  mask_features_.clear();
  mask_words_ = 0;
  for (uint32_t i = abi::SymbolFeature::kServer + 1; i < unit.symbol_features.size(); ++i) {
    if (is_cached_root(unit.slots[unit.symbol_features[i].slot].root)) {
      symbol_features_.push_back(i);
    }
  }
  for (uint32_t i = 0; i < unit.mask_features.size(); ++i) {
    const abi::MaskFeature& feature = unit.mask_features[i];
    if (feature.parts == nullptr && is_cached_root(unit.slots[feature.slot].root)) {
      mask_features_.push_back(i);
      mask_words_ += feature.words;
    }
  }
  const size_t count = std::max<size_t>(places, 1);
  keys_.assign(count, 0);
  symbols_.assign(count * symbol_features_.size(), 0);
  masks_.assign(count * mask_words_, 0);
}

bool PrincipalCache::fill(const Principal& principal, int32_t* symbols, uint64_t* masks) {
  const size_t place = principal.cache_key % keys_.size();
  if (keys_[place] != principal.cache_key && !read(principal, place)) {
    return false;
  }
  const int32_t* symbol = symbols_.data() + place * symbol_features_.size();
  for (const uint32_t i : symbol_features_) {
    symbols[i] = *symbol++;
  }
  const uint64_t* word = masks_.data() + place * mask_words_;
  for (const uint32_t i : mask_features_) {
    const abi::MaskFeature& feature = unit_->mask_features[i];
    std::copy_n(word, feature.words, masks + feature.word);
    word += feature.words;
  }
  return true;
}

bool PrincipalCache::read(const Principal& principal, size_t place) {
  keys_[place] = 0;
  if (principal.roles.size() > kMaskItemsMax) {
    return false;
  }
  int32_t* symbol = symbols_.data() + place * symbol_features_.size();
  for (const uint32_t i : symbol_features_) {
    const abi::SymbolFeature& feature = unit_->symbol_features[i];
    const bool is_id = unit_->slots[feature.slot].root == abi::InputRoot::PrincipalId;
    *symbol++ = feature.table.find(is_id ? principal.id : principal.tenant);
  }
  uint64_t* word = masks_.data() + place * mask_words_;
  for (const uint32_t i : mask_features_) {
    const abi::MaskFeature& feature = unit_->mask_features[i];
    std::fill_n(word, feature.words, 0);
    for (const std::string_view role : principal.roles) {
      const int32_t bit = feature.table.find(role);
      if (bit >= 0) {
        word[bit >> 6] |= uint64_t{1} << (bit & 63);
      }
    }
    word += feature.words;
  }
  keys_[place] = principal.cache_key;
  return true;
}

}  // namespace catalyst::decision
