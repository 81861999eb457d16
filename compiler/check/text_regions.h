#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"

namespace catalyst::check {

/// All texts that hold in the same tests, by the shortest of them.
struct TextRegion {
  std::string sample;
  std::vector<uint32_t> holding;  // indexes of tests, ascending
};

/// Cuts all texts by `tests`, exactly: equality, order, prefixes, suffixes, parts and globs are regular, so
/// the product of their automata is searched breadth first. Nothing when there are more than `limit` regions
/// or too many states.
std::optional<std::vector<TextRegion>> cut_texts(const ir::Module& module,
                                                 const std::vector<ir::TableTest>& tests, size_t limit);

}  // namespace catalyst::check
