#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"

namespace catalyst::check {

using Bits = std::vector<uint64_t>;

inline void set_bit(Bits& bits, size_t i) { bits[i >> 6] |= uint64_t{1} << (i & 63); }
inline bool has_bit(const Bits& bits, size_t i) { return (bits[i >> 6] >> (i & 63) & 1) != 0; }
inline Bits bits_for(size_t count, bool full = false) {
  Bits out((count + 63) / 64, full ? ~uint64_t{0} : 0);
  if (full && count % 64 != 0) {
    out.back() = (uint64_t{1} << (count % 64)) - 1;
  }
  return out;
}
inline bool is_empty(const Bits& bits) {
  for (const uint64_t word : bits) {
    if (word != 0) {
      return false;
    }
  }
  return true;
}

/// The values of one type, cut into regions inside which no test of a set of cells makes a difference. Exact:
/// every region holds at least one value of the type, and `sample` is one of them as an author would write
/// it.
class Regions {
 public:
  /// Regions are many where texts have many patterns; beyond this the question stays open.
  static constexpr size_t kMaxRegions = 20'000;

  /// Nothing when there are too many regions.
  static std::optional<Regions> cut(const ir::Module& module, types::TypeId type,
                                    const std::vector<const ir::TableCell*>& cells);

  [[nodiscard]] size_t size() const { return samples_.size(); }
  [[nodiscard]] const std::string& sample(size_t region) const { return samples_[region]; }
  /// The regions whose values match the cell.
  [[nodiscard]] Bits matching(const ir::TableCell& cell) const;

 private:
  Regions(const ir::Module& module, types::TypeId type) : module_(&module), type_(type) {}
  void cut_ordered(const std::vector<const ir::TableCell*>& cells);
  void cut_enum();
  bool cut_texts(const std::vector<const ir::TableCell*>& cells);
  [[nodiscard]] Bits matching_test(const ir::TableTest& test) const;
  [[nodiscard]] size_t place(ir::ConstId bound) const;

  const ir::Module* module_;
  types::TypeId type_;  // without `?`
  std::vector<std::string> samples_;
  size_t valued_ = 0;      // regions of values; behind them stands, where there is one, that of absence
  bool optional_ = false;  // the last region is absence

  // Ordered: bounds ascending; region of slot 2i (below bound i) and 2i + 1 (bound i), or none where no value
  // lies.
  std::vector<ir::ConstId> bounds_;
  std::vector<int32_t> region_of_slot_;
  // Texts: the tests that were cut by, and for each the regions it holds in.
  std::vector<ir::TableTest> tests_;
  std::vector<Bits> tests_hold_;
};

}  // namespace catalyst::check
