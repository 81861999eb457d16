#pragma once

#include <string>
#include <vector>

#include "compiler/analysis/why_not.h"
#include "compiler/analysis/witness.h"
#include "compiler/analysis/world.h"

namespace catalyst::analysis {

/// An input of the request at hand that rules read.
struct Feature {
  std::string path;
  FormulaId fixed;  // it is as it is in the request
  std::string before;
  NodeId node;  // a place in JSON; else one of the plain inputs
};

/// The members on the way to a node, the last one first.
std::vector<std::string> steps_to(const World& world, NodeId node);
/// The text that holds the JSON of a root; nullptr for the others.
std::string* json_of(Witness& w, abi::InputRoot root);

/// A request with some of its features as a model has them.
class RequestPatch {
 public:
  RequestPatch(const World& world, const Model& model, const Witness& request);

  InputChange apply(const Feature& feature);
  [[nodiscard]] const Witness& request() const { return out_; }

 private:
  std::string patch_json(NodeId node);
  std::string patch_plain(const std::string& path);

  const World& world_;
  const Model& model_;
  Witness full_;
  Witness out_;
};

}  // namespace catalyst::analysis
