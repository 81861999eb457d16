// What the checker says of tables, held against trying every input. Domains are small, so that all inputs can
// be tried: every value that a cell mentions, its neighbours, and absence.

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "compiler/ir/interpreter.h"
#include "runtime/value/ops.h"
#include "tests/unit/check/checked.h"

namespace catalyst::check {
namespace {

using value::Value;

/// Answers calls of the first decision of a module.
class Caller {
 public:
  explicit Caller(const Checked& checked)
      : interpreter_(checked.module), slots_(checked.module->slots.size()) {
    const ir::Module& module = *checked.module;
    call_ = module.decisions[0].call;
    const ir::Expr& call = module.expr(call_);
    for (uint32_t i = 0; i < call.operand_count; ++i) {
      parameters_.push_back(module.expr(module.operand(call, i)).payload);
    }
  }

  /// The answer as JSON, or the name of an error.
  std::string operator()(const std::vector<Value>& arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      slots_[parameters_[i]] = arguments[i];
    }
    arena_.reset();
    abi::Frame frame;
    frame.slots = slots_.data();
    frame.arena = &arena_;
    frame.fuel = frame.fuel_limit = 20'000;
    Value out;
    const abi::ExprEvaluator evaluator = interpreter_.evaluator();
    const value::Status status = evaluator.evaluate(evaluator.self, &frame, call_.index, &out);
    std::string text(value::status_name(status));
    if (status == value::Status::Ok) {
      text.clear();
      value::append_json(text, out);
    }
    return text;
  }

 private:
  ir::Interpreter interpreter_;
  std::vector<Value> slots_;
  std::vector<uint32_t> parameters_;
  ir::ExprId call_;
  Arena arena_;
};

/// A random cell over ints -1..6, enum members or short texts, as text and as a test of a value.
struct RandomTable {
  std::mt19937_64 random;
  int rows = 0;

  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random() % n); }
  std::string number() { return std::to_string(below(6)); }

  std::string int_test() {
    switch (below(5)) {
      case 0:
        return number();
      case 1:
        return "< " + number();
      case 2:
        return ">= " + number();
      case 3: {
        const uint32_t low = below(4);
        return std::to_string(low) + (below(2) == 0 ? ".." : "..<") + std::to_string(low + 1 + below(3));
      }
      default:
        return "any";
    }
  }
  std::string enum_test() {
    static const char* const kMembers[] = {"red", "green", "blue", "any"};
    return kMembers[below(4)];
  }
  std::string text_test() {
    static const char* const kTests[] = {
        "\"\"",           "\"a\"",         "\"ab\"",          "starts with \"a\"", "ends with \"b\"",
        "contains \"a\"", "matches \"?\"", "matches \"a*b\"", "< \"ab\"",          "any"};
    return kTests[below(10)];
  }
  template <class Test>
  std::string cell(Test test) {
    std::string out = below(4) == 0 ? "not " : "";
    out += test();
    return below(4) == 0 ? out + ", " + test() : out;
  }

  std::string source(const std::string& policy, bool otherwise) {
    std::string out =
        "enum Color { red, green, blue }\n"
        "decision d(n: int?, c: Color, s: string) -> int = table " +
        policy + " {\n  n | c | s =>\n";
    rows = static_cast<int>(below(6)) + 1;
    for (int row = 0; row < rows; ++row) {
      std::string first = cell([&] { return int_test(); });
      first += below(5) == 0 ? ", absent" : "";
      out += "  " + first + " | " + cell([&] { return enum_test(); }) + " | " +
             cell([&] { return text_test(); }) + " => " + std::to_string(row + 1) + "\n";
    }
    return out + (otherwise ? "  otherwise => 0\n" : "") + "}\n";
  }
};

std::vector<std::vector<Value>> all_inputs() {
  static const std::vector<std::string> kTexts = {
      "",     "a",     "b",        "ab",       "ba",       "x",           "aa",  "xb",
      "axb",  "bab",   "xax",      "xx",       "abx",      "xabx",        "xab", "aaxb",
      "\x01", "a\x01", "\x01\x01", "\x01\x62", "\x01\x61", "\x01\x61\x62"};
  static const std::vector<std::string> kColors = {"red", "green", "blue"};
  std::vector<std::vector<Value>> out;
  for (int n = -2; n <= 9; ++n) {
    for (const std::string& color : kColors) {
      for (const std::string& text : kTexts) {
        out.push_back(
            {n == -2 ? Value::absent() : Value::of_int(n), Value::of_string(color), Value::of_string(text)});
      }
    }
  }
  return out;
}

// A `first` table with and without `otherwise` is one and the same source otherwise: the run with it answers
// what rows match, the run without it must be refused exactly when some input gets the answer of `otherwise`.
TEST(TableAnalysis, GapsAreWhatTryingEveryInputFinds) {
  const std::vector<std::vector<Value>> inputs = all_inputs();
  size_t with_gap = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    const std::string text = RandomTable{std::mt19937_64(seed)}.source("first", true);
    const std::string bare = RandomTable{std::mt19937_64(seed)}.source("first", false);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
    const Checked checked("table.cata", text);
    ASSERT_NE(checked.module, nullptr) << checked.diagnostics();
    Caller call(checked);
    bool gap = false;
    for (const std::vector<Value>& input : inputs) {
      gap = gap || call(input) == "0";
    }
    with_gap += gap ? 1 : 0;
    const Checked without("table.cata", bare);
    EXPECT_EQ(without.codes().find("E0702") != std::string::npos, gap) << without.diagnostics();
    EXPECT_EQ(checked.codes().find("W0402") != std::string::npos, !gap) << checked.diagnostics();
  }
  EXPECT_GT(with_gap, 50u);
  EXPECT_LT(with_gap, 399u);
}

TEST(TableAnalysis, RowsThatNeverDecideAreWhatTryingEveryInputFinds) {
  const std::vector<std::vector<Value>> inputs = all_inputs();
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    RandomTable table{std::mt19937_64(seed)};
    const std::string text = table.source("first", true);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text);
    const Checked checked("table.cata", text);
    ASSERT_NE(checked.module, nullptr) << checked.diagnostics();
    Caller call(checked);
    std::vector<bool> decides(static_cast<size_t>(table.rows) + 1);
    for (const std::vector<Value>& input : inputs) {
      decides[std::stoul(call(input))] = true;
    }
    for (int row = 1; row <= table.rows; ++row) {
      const bool warned =
          checked.diagnostics().find(": row " + std::to_string(row) + " never decides") != std::string::npos;
      EXPECT_NE(warned, decides[static_cast<size_t>(row)]) << "row " << row << "\n" << checked.diagnostics();
    }
  }
}

TEST(TableAnalysis, OverlapsAreWhatTryingEveryInputFinds) {
  const std::vector<std::vector<Value>> inputs = all_inputs();
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    const std::string unique = RandomTable{std::mt19937_64(seed)}.source("unique", true);
    std::string collect = RandomTable{std::mt19937_64(seed)}.source("collect", false);
    collect.replace(collect.find("-> int"), 6, "-> list<int>");
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + unique);
    const Checked collecting("table.cata", collect);
    ASSERT_NE(collecting.module, nullptr) << collecting.diagnostics();
    Caller call(collecting);
    bool overlap = false;
    for (const std::vector<Value>& input : inputs) {
      overlap = overlap || call(input).find(',') != std::string::npos;
    }
    const Checked checked("table.cata", unique);
    EXPECT_EQ(checked.codes().find("E0703") != std::string::npos, overlap) << checked.diagnostics();
  }
}

std::string large_table(int rows, const char* policy) {
  std::string text =
      "enum Color { red, green, blue }\ndecision d(n: int, c: Color, s: string) -> int = table " +
      std::string(policy) + " {\n  n | c | s =>\n";
  for (int i = 0; i < rows; ++i) {
    const std::string from = std::to_string(10 * i);
    text += "  " + from + "..<" + std::to_string(10 * i + 10) + " | " + (i % 2 == 0 ? "red, green" : "any") +
            " | " +
            (i % 3 == 0   ? "\"key" + from + "\""
             : i % 3 == 1 ? "starts with \"p" + from + "-\""
                          : "any") +
            " => " + std::to_string(i) + "\n";
  }
  return text + "  otherwise => -1\n}\n";
}

double seconds(const std::string& text) {
  const auto begin = std::chrono::steady_clock::now();
  const Checked checked("large.cata", text);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(checked.diagnostics(), "");
  return taken.count();
}

TEST(TableAnalysis, AThousandRowsTakeWellUnderASecond) {
  for (const char* policy : {"unique", "first", "any"}) {
    const double taken = seconds(large_table(1'000, policy));
    RecordProperty(policy, std::to_string(taken));
    // The bound leaves room for sanitizers and busy machines.
    EXPECT_LT(taken, 5) << policy;
  }
}

// Evaluation of a table looks at sets of rows, not at rows: ten times the rows must cost far less than ten
// times as much.
TEST(TableAnalysis, EvaluationIsFasterThanLinear) {
  const auto nanoseconds = [](int rows) {
    const Checked checked("large.cata", large_table(rows, "first"));
    Caller call(checked);
    std::mt19937 random(7);
    double best = 1e9;
    for (int round = 0; round < 5; ++round) {
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < 2'000; ++i) {
        const int n = static_cast<int>(random() % static_cast<uint32_t>(10 * rows));
        call({Value::of_int(n), Value::of_string("red"), Value::of_string("key0")});
      }
      const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
      best = std::min(best, taken.count() / 2'000);
    }
    return best;
  };
  const double small = nanoseconds(200);
  const double large = nanoseconds(2'000);
  RecordProperty("ns_200", std::to_string(small));
  RecordProperty("ns_2000", std::to_string(large));
  EXPECT_LT(large, 5 * small);
}

}  // namespace
}  // namespace catalyst::check
