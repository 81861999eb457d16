#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/analysis/formula.h"
#include "compiler/ir/ir.h"
#include "runtime/abi/input.h"

namespace catalyst::analysis {

/// An expression that is not followed: any value is taken to be possible.
struct Opaque {
  const ir::Module* module = nullptr;
  source::Span span;
  std::string what;  // "`split`"
};

/// What a truth that is not an input stands for, and what it is in an ordinary request.
enum class Usual : uint8_t { Either, True, False };

struct BoolInfo {
  std::string name;
  Usual usual = Usual::Either;
};
struct NumInfo {
  std::string name;
  bool whole = true;
  bool fits_int = true;  // whole: of 64 bits, as everything but addresses
};
struct TextInfo {
  std::string name;
};
struct CollInfo {
  std::string name;
  bool is_set = false;
  uint32_t elements = UINT32_MAX;  // text set that holds every element; UINT32_MAX: any text
};

/// A window over the past: an input that is there before the rules are asked.
struct WindowInput {
  NumVar value;
  std::string
      family;  // what it counts, of whom and by which key; windows of one family differ in their length
  int64_t within_us = 0;
  bool whole = true;            // a number of requests or texts
  int64_t most = 0;             // that it can be; 0: no bound
  std::set<std::string> names;  // how it is written, in one pack or another
};

/// A place in an input: `call.args.filter.column`. What a request may hold there is free, whatever the schema
/// says; reading it as a type says which of it fits.
struct JsonNode {
  abi::InputRoot root;
  std::string name;  // last step; "" for the root itself
  NodeId parent;     // invalid: none
  std::vector<NodeId> children;
  TextVar text;
  NumVar number;
  BoolVar truth;
  BoolVar inexact;                       // the number has too many digits to be a decimal
  BoolVar fraction;                      // a whole number is written with a point
  BoolVar odd;                           // an object with another member twice
  std::map<std::string, NumVar> parsed;  // "time", "duration", "ip": the text read as that
  std::vector<CollVar> lists;            // the elements, read as texts
};

/// The variables that formulas are about. Names make them equal across packs.
class World {
 public:
  explicit World(Formulas& f) : formulas(f) {}

  BoolVar truth(const std::string& name, Usual usual = Usual::Either);
  NumVar number(const std::string& name, bool whole, bool fits_int = true);
  TextVar text(const std::string& name);
  CollVar collection(const std::string& name, bool is_set, uint32_t elements = UINT32_MAX);
  /// The window of this digest, called `name` in one pack.
  NumVar window(const std::string& digest, const WindowInput& window, const std::string& name);
  NodeId root(abi::InputRoot root);
  NodeId child(NodeId parent, const std::string& name);
  /// "call.args.filter"
  [[nodiscard]] std::string path(NodeId node) const;

  [[nodiscard]] const std::vector<BoolInfo>& truths() const { return truths_; }
  [[nodiscard]] const std::vector<NumInfo>& numbers() const { return numbers_; }
  [[nodiscard]] const std::vector<TextInfo>& texts() const { return texts_; }
  [[nodiscard]] const std::vector<CollInfo>& collections() const { return collections_; }
  [[nodiscard]] const std::vector<WindowInput>& windows() const { return windows_; }
  [[nodiscard]] const std::vector<JsonNode>& nodes() const { return nodes_; }
  JsonNode& node(NodeId id) { return nodes_[id.index]; }
  [[nodiscard]] const JsonNode& node(NodeId id) const { return nodes_[id.index]; }

  Formulas& formulas;
  /// By digest. The variables of an opaque expression are named "?DIGEST...".
  std::map<std::string, Opaque> opaque;
  /// Holds in ordinary requests: what is there can be read. Tried first, for examples that look like traffic.
  std::vector<FormulaId> ordinary;
  /// Holds of the windows of every request.
  std::vector<FormulaId> always;

 private:
  NodeId add_node(abi::InputRoot root, const std::string& name, NodeId parent);

  std::vector<BoolInfo> truths_;
  std::vector<NumInfo> numbers_;
  std::vector<TextInfo> texts_;
  std::vector<CollInfo> collections_;
  std::vector<JsonNode> nodes_;
  std::vector<WindowInput> windows_;
  std::unordered_map<std::string, uint32_t> truth_index_;
  std::unordered_map<std::string, uint32_t> number_index_;
  std::unordered_map<std::string, uint32_t> text_index_;
  std::unordered_map<std::string, uint32_t> collection_index_;
  std::map<abi::InputRoot, NodeId> roots_;
};

}  // namespace catalyst::analysis
