#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/check/cover.h"
#include "compiler/check/pack.h"

namespace catalyst::check {

/// Conditions as unions of boxes over what they test: `a > 3 and not (b in [x, y])` is one box in the space
/// of a and b. Parts that no cell can say count as a bool of their own, so that what is proved is true
/// whatever they are.
class Conditions {
 public:
  explicit Conditions(Pack& pack) : pack_(pack) {}

  /// Adds the boxes of a condition. False, and none, when there would be too many.
  bool add(ExprId condition);
  /// The boxes of the condition added as number `index`.
  [[nodiscard]] const std::vector<size_t>& boxes_of(size_t index) const { return conditions_[index]; }
  [[nodiscard]] size_t box_count() const { return boxes_.size(); }
  /// What a witness gives values for.
  [[nodiscard]] const std::vector<std::string>& subjects() const { return texts_; }
  std::optional<Cover> cover() const;

 private:
  using Box = std::map<uint32_t, std::vector<ir::TableCell>>;  // by subject; all cells must match
  static constexpr size_t kMaxBoxesOfOne = 64;
  static constexpr size_t kMaxBoxes = 4'000;

  bool expand(ExprId id, bool truth, std::vector<Box>& out);
  bool both(ExprId a, bool a_truth, ExprId b, bool b_truth, std::vector<Box>& out);
  bool test(const ir::Expr& e, ir::TableCell& cell, ExprId& subject);
  bool compare(const ir::Expr& e, ir::TableCell& cell, ExprId& subject);
  uint32_t subject(ExprId id);

  Pack& pack_;
  std::map<std::string, uint32_t> known_;
  std::vector<TypeId> types_;
  std::vector<std::string> texts_;
  std::vector<Box> boxes_;
  std::vector<std::vector<size_t>> conditions_;
};

}  // namespace catalyst::check
