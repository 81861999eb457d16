#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "compiler/analysis/world.h"

namespace catalyst::analysis {

/// Values that make a formula true, for the variables that occur in it.
struct Model {
  std::map<BoolVar, bool> truths;
  std::map<NumVar, std::string> numbers;  // decimal numerals
  std::map<TextVar, std::string> texts;
  std::map<CollVar, std::vector<std::string>> collections;
  std::map<NodeId, Tag> tags;
};

struct Answer {
  enum class Kind : uint8_t {
    Possible,    // `model` makes it true
    Impossible,  // proved: nothing does, whatever the opaque expressions are
    Unknown,     // the solver gave up
  };
  Kind kind = Kind::Unknown;
  Model model;
  bool usual = false;               // the model is an ordinary request
  std::vector<std::string> opaque;  // digests of opaque expressions in the formula (World::opaque)
  std::string why;                  // Unknown: what was too much
  bool gave_up = false;             // Unknown: more effort, or more of the thread's Budget, might tell
};

/// Why nothing more is proved: the thread's Budget, which is used up.
std::string out_of_budget();

struct SolverOptions {
  uint32_t effort = 2'000'000;  // Z3's resource units for one question: about half a second; deterministic
};

/// Asks Z3, as long as the thread's Budget lasts; after that every answer is Unknown. Texts have become
/// numbers of representatives before (`partition`), so Z3 sees truths, linear arithmetic and small
/// enumerations. One thread.
class Solver {
 public:
  explicit Solver(const World& world, const SolverOptions& options = {});
  ~Solver();
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;

  /// Is there a request for which `formula` holds? Ordinary ones are tried first; `fixed`, formulas that
  /// should hold too, is tried before everything else and given up as a whole.
  Answer ask(FormulaId formula, std::span<const FormulaId> fixed = {});
  /// Questions put to Z3 so far.
  [[nodiscard]] size_t questions() const { return questions_; }

 private:
  struct Impl;
  Answer put(FormulaId formula, std::span<const FormulaId> fixed);

  const World& world_;
  SolverOptions options_;
  size_t questions_ = 0;
  int64_t began_ms_;  // processor time of the thread
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::analysis
