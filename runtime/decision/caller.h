#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/decision/arguments.h"
#include "runtime/decision/engine.h"
#include "runtime/decision/explain.h"

namespace catalyst::decision {

/// What came of calling a decision. Owns everything it says.
struct CallResult {
  enum class Outcome : uint8_t {
    Decided,  // `json` is the answer
    Failed,   // an error of the program: `status`, `place`
    Invalid,  // the arguments do not fit the parameters: `problems`
  };
  Outcome outcome = Outcome::Invalid;
  std::string json;  // null when an optional result is absent
  value::Status status = value::Status::Ok;
  abi::SourcePlace place;  // of the expression that failed
  std::vector<ArgumentProblem> problems;
  // When it was to be explained:
  std::vector<std::string> rows;               // names of the rows that decided, "otherwise" when none did
  std::vector<ExplainedCondition> conditions;  // in the order of evaluation
};

enum class Explain : uint8_t { No, Yes };

/// The decision of that name; nothing when the pack has none.
std::optional<uint32_t> find_decision(const Pack& pack, std::string_view name);

/// Calls decisions of packs. Scratch of one thread, reusable.
class Caller {
 public:
  explicit Caller(const Limits& limits = {});
  ~Caller();
  Caller(Caller&&) noexcept;

  /// `arguments`: a JSON object with a member for each parameter. Runs the compiled unit within the budget of
  /// a rule; explanations are the reference interpreter's.
  CallResult call(const Pack& pack, uint32_t decision, std::string_view arguments,
                  Explain explain = Explain::No);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One JSON object: the rows that decided, and the conditions with values and places.
std::string explanation_json(const Pack& pack, const CallResult& result);
/// Lines for a terminal.
std::string explanation_text(const Pack& pack, const CallResult& result);

}  // namespace catalyst::decision
