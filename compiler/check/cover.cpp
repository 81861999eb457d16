#include "compiler/check/cover.h"

#include <algorithm>
#include <utility>

#include "runtime/base/budget.h"

namespace catalyst::check {
namespace {

/// Remembered dead ends; beyond this many the search only gets slower.
constexpr size_t kMaxRemembered = 200'000;

void narrow(Bits& bits, const Bits& by) {
  for (size_t i = 0; i < bits.size(); ++i) {
    bits[i] &= by[i];
  }
}

bool intersects(const Bits& a, const Bits& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if ((a[i] & b[i]) != 0) {
      return true;
    }
  }
  return false;
}

void widen(Bits& bits, const Bits& by) {
  for (size_t i = 0; i < bits.size(); ++i) {
    bits[i] |= by[i];
  }
}

}  // namespace

std::optional<Cover> Cover::make(const ir::Module& module, const std::vector<Column>& columns,
                                 size_t box_count) {
  Cover out(box_count);
  for (const Column& column : columns) {
    if (!Budget::spend()) {
      return std::nullopt;
    }
    std::vector<const ir::TableCell*> cells;
    for (const auto& set : column.sets) {
      cells.insert(cells.end(), set.begin(), set.end());
    }
    std::optional<Regions> regions = Regions::cut(module, column.type, cells);
    if (!regions) {
      return std::nullopt;
    }
    Axis axis{std::move(*regions), {}, column.boxes, {}, {}};
    for (const auto& set : column.sets) {
      Bits& matching = axis.sets.emplace_back(bits_for(axis.regions.size(), true));
      for (const ir::TableCell* cell : set) {
        narrow(matching, axis.regions.matching(*cell));
      }
    }
    out.add(std::move(axis));
  }
  out.full_from_.assign(out.axes_.size() + 1, bits_for(box_count, true));
  for (size_t i = out.axes_.size(); i-- > 0;) {
    const Axis& axis = out.axes_[i];
    const Bits all = bits_for(axis.regions.size(), true);
    out.full_from_[i] = out.full_from_[i + 1];
    for (size_t box = 0; box < box_count; ++box) {
      if (axis.sets[axis.boxes[box]] != all) {
        out.full_from_[i][box >> 6] &= ~(uint64_t{1} << (box & 63));
      }
    }
  }
  return out;
}

void Cover::add(Axis made) {
  Axis& axis = axes_.emplace_back(std::move(made));
  std::vector<Bits> boxes(axis.sets.size(), bits_for(box_count_));
  for (size_t box = 0; box < box_count_; ++box) {
    set_bit(boxes[axis.boxes[box]], box);
  }
  axis.matching.assign(axis.regions.size(), bits_for(box_count_));
  axis.touching.resize(axis.sets.size());
  for (size_t set = 0; set < axis.sets.size(); ++set) {
    for (size_t region = 0; region < axis.regions.size(); ++region) {
      if (has_bit(axis.sets[set], region)) {
        if (!Budget::spend(boxes[set].size())) {
          return;
        }
        widen(axis.matching[region], boxes[set]);
      }
    }
  }
}

std::string Cover::key(size_t axis, const Bits& boxes) const {
  std::string out(reinterpret_cast<const char*>(boxes.data()), boxes.size() * sizeof(uint64_t));
  return out + static_cast<char>(axis);
}

/// Goes through the axes from `axis` on with the boxes that match what was chosen so far; true with `point`
/// filled when a choice leaves none.
bool Cover::search(size_t axis, const Bits& boxes, size_t within, std::vector<size_t>& point) {
  if (intersects(boxes, full_from_[axis])) {
    return false;
  }
  if (axis == axes_.size()) {
    return true;
  }
  const std::string known = key(axis, boxes);
  if (covered_.contains(known)) {
    return false;
  }
  const Axis& at = axes_[axis];
  const Bits* inside = within == kEverywhere ? nullptr : &at.sets[at.boxes[within]];
  Bits left = boxes;
  Bits previous;
  bool first = true;
  for (size_t region = 0; region < at.regions.size(); ++region) {
    if (inside != nullptr && !has_bit(*inside, region)) {
      continue;
    }
    if (++steps_ > kMaxSteps || !Budget::spend(left.size() + 1)) {
      return false;
    }
    left = boxes;
    narrow(left, at.matching[region]);
    if (!first && left == previous) {
      continue;
    }
    first = false;
    previous = left;
    point[axis] = region;
    if (search(axis + 1, left, within, point)) {
      return true;
    }
  }
  if (covered_.size() < kMaxRemembered && !out_of_steps()) {
    covered_.insert(known);
  }
  return false;
}

std::optional<Cover::Witness> Cover::gap(const Bits& boxes, size_t within) {
  covered_.clear();
  std::vector<size_t> point(axes_.size());
  if (out_of_steps() || !search(0, boxes, within, point) || out_of_steps()) {
    return std::nullopt;
  }
  Witness out;
  for (size_t i = 0; i < axes_.size(); ++i) {
    out.push_back(axes_[i].regions.sample(point[i]));
  }
  return out;
}

Bits Cover::overlapping(size_t box) {
  Bits out = bits_for(box_count_, true);
  for (Axis& axis : axes_) {
    const uint32_t set = axis.boxes[box];
    Bits& touching = axis.touching[set];
    if (touching.empty()) {
      touching = bits_for(box_count_);
      for (size_t region = 0; region < axis.regions.size(); ++region) {
        if (has_bit(axis.sets[set], region)) {
          widen(touching, axis.matching[region]);
        }
      }
    }
    narrow(out, touching);
  }
  return out;
}

Cover::Witness Cover::common(size_t a, size_t b) const {
  Witness out;
  for (const Axis& axis : axes_) {
    for (size_t region = 0; region < axis.regions.size(); ++region) {
      if (has_bit(axis.matching[region], a) && has_bit(axis.matching[region], b)) {
        out.push_back(axis.regions.sample(region));
        break;
      }
    }
  }
  return out;
}

bool Cover::is_void(size_t box) const {
  return std::any_of(axes_.begin(), axes_.end(),
                     [&](const Axis& axis) { return is_empty(axis.sets[axis.boxes[box]]); });
}

}  // namespace catalyst::check
