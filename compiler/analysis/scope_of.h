#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "compiler/analysis/world.h"

namespace catalyst::analysis {

/// What a formula speaks about, and which of its texts are compared with each other: texts of one group share
/// a partition.
class FormulaScope {
 public:
  explicit FormulaScope(const World& world) : world_(world) {}
  void add(FormulaId formula);

  /// A group of texts and collections, with the sets that tell their values apart.
  struct Group {
    std::set<uint32_t> sets;
    std::set<std::string> literals;
    uint32_t texts = 0;
    uint32_t collections = 0;
    bool related = false;  // values are compared with each other, not only with sets
  };
  /// Groups by number, and where each variable is. Call after everything was added.
  std::vector<Group> groups();
  [[nodiscard]] uint32_t group_of(TextVar v) const { return number_.at(find(text_key(v))); }
  [[nodiscard]] uint32_t group_of(CollVar v) const { return number_.at(find(coll_key(v))); }

  std::set<BoolVar> truths;
  std::set<NumVar> numbers;
  std::set<TextVar> texts;  // bound ones too
  std::set<TextVar> bound;
  std::set<CollVar> collections;
  std::set<NodeId> nodes;  // with everything above them

 private:
  static uint64_t text_key(TextVar v) { return v.index; }
  static uint64_t coll_key(CollVar v) { return (uint64_t{1} << 32) | v.index; }
  [[nodiscard]] uint64_t find(uint64_t key) const;
  void join(uint64_t a, uint64_t b);
  void add_node(NodeId node);
  void add_text(FormulaId text, std::vector<uint64_t>& keys, std::vector<std::string>& literals);
  void relate(const std::vector<uint64_t>& keys, const std::vector<std::string>& literals, bool related);
  void add_leaf(const Formula& f);

  const World& world_;
  std::vector<bool> seen_;
  mutable std::map<uint64_t, uint64_t> up_;
  std::map<uint64_t, std::set<uint32_t>> sets_;
  std::map<uint64_t, std::set<std::string>> literals_;
  std::set<uint64_t> related_;
  std::map<uint64_t, uint32_t> number_;
};

}  // namespace catalyst::analysis
