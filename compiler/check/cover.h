#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "compiler/check/regions.h"

namespace catalyst::check {

/// Boxes in a space of columns: what rows of a table or conditions of rules match. Answers exactly where
/// nothing matches and where two do, each with a witness: one sample a column. Columns count as independent.
class Cover {
 public:
  /// In a column a box matches the values that all cells of its set match; a set without cells matches
  /// everything.
  struct Column {
    types::TypeId type;
    std::vector<std::vector<const ir::TableCell*>> sets;
    std::vector<uint32_t> boxes;  // each box's set
  };
  using Witness = std::vector<std::string>;

  /// Steps that all questions to one cover may take together, some seconds at worst.
  static constexpr uint64_t kMaxSteps = 40'000'000;

  /// Nothing when a column has too many regions to tell apart.
  static std::optional<Cover> make(const ir::Module& module, const std::vector<Column>& columns,
                                   size_t box_count);

  /// A point of box `within` (kEverywhere: of the space) that none of `boxes` matches. Nothing when they
  /// cover it, or when out_of_steps() says that it was not found out.
  std::optional<Witness> gap(const Bits& boxes, size_t within);
  static constexpr size_t kEverywhere = SIZE_MAX;
  /// The boxes that have a point in common with box `box`, itself included.
  Bits overlapping(size_t box);
  /// A point of both boxes, which must overlap.
  [[nodiscard]] Witness common(size_t a, size_t b) const;
  /// Matches the box nothing at all?
  [[nodiscard]] bool is_void(size_t box) const;
  /// Does the box match everything?
  [[nodiscard]] bool is_full(size_t box) const { return has_bit(full_from_[0], box); }

  [[nodiscard]] bool out_of_steps() const { return steps_ > kMaxSteps; }
  [[nodiscard]] size_t box_count() const { return box_count_; }

 private:
  struct Axis {
    Regions regions;
    std::vector<Bits> sets;       // regions of each set
    std::vector<uint32_t> boxes;  // each box's set
    std::vector<Bits> matching;   // per region: the boxes that match it
    std::vector<Bits> touching;   // per set: the boxes that overlap it here; empty until asked
  };

  explicit Cover(size_t box_count) : box_count_(box_count) {}
  void add(Axis made);
  bool search(size_t axis, const Bits& boxes, size_t within, std::vector<size_t>& point);
  [[nodiscard]] std::string key(size_t axis, const Bits& boxes) const;

  size_t box_count_;
  std::vector<Axis> axes_;
  std::vector<Bits> full_from_;              // boxes that match everything in this axis and those behind it
  std::unordered_set<std::string> covered_;  // what search() has found to have no gap, for one `within`
  uint64_t steps_ = 0;
};

}  // namespace catalyst::check
