#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/source/source.h"
#include "runtime/base/budget.h"

namespace catalyst::diagnostics {

enum class Severity : uint8_t { Error, Warning };

/// Every diagnostic there is. The table (diagnostic.def) holds code, severity and message form;
/// explanations.def the long text that `catalyst explain CODE` prints.
enum class Kind : uint16_t {
#define DIAGNOSTIC(name, code, severity, form) name,
#include "compiler/diagnostics/diagnostic.def"
#undef DIAGNOSTIC
};

struct KindInfo {
  std::string_view name;  // "UnknownTool"
  std::string_view code;  // "E0312"
  Severity severity;
  std::string_view form;         // "no tool `{0}` on server `{1}`"
  std::string_view explanation;  // markdown: what it means, an example, the remedy
};
const KindInfo& info(Kind kind);
/// nullptr when there is no such code.
const KindInfo* find_code(std::string_view code);

/// A secondary place: "declared here".
struct Note {
  source::Span span;
  std::string text;
};

/// A suggested edit: replace `span` by `text`.
struct Fix {
  source::Span span;
  std::string text;
  std::string label;  // "did you mean `create_issue`?"
};

struct Diagnostic {
  Kind kind;
  source::Span span;
  std::string message;
  std::vector<Note> notes;
  std::vector<Fix> fixes;
};

/// Collects the diagnostics of one compilation, at most `limit`: further ones are counted only, but for
/// errors, which take the place of warnings, and Kind::Undecided.
class Sink {
 public:
  explicit Sink(size_t limit = 200) : limit_(limit) {}

  /// Adds a diagnostic; `arguments` fill {0}, {1}... of its form. The returned reference takes notes and
  /// fixes and stays valid until the next report.
  Diagnostic& report(Kind kind, source::Span span, std::vector<std::string> arguments = {});

  [[nodiscard]] const std::vector<Diagnostic>& all() const { return diagnostics_; }
  [[nodiscard]] bool has_errors() const { return errors_ > 0; }
  [[nodiscard]] size_t error_count() const { return errors_; }
  [[nodiscard]] size_t dropped() const { return dropped_; }
  /// There are errors, and more to say than anybody reads: whoever looks for more may stop. Warnings alone
  /// are no reason to, what they are about is well-formed.
  [[nodiscard]] bool hopeless() const { return errors_ > 0 && dropped_ > 0; }
  /// Orders by file and position, removes exact repetitions.
  void sort();
  /// Removes the warnings for which `is_allowed` holds.
  void remove_warnings(const std::function<bool(const Diagnostic&)>& is_allowed);

 private:
  size_t limit_;
  size_t errors_ = 0;
  size_t dropped_ = 0;
  std::vector<Diagnostic> diagnostics_;
  Diagnostic overflow_{};
};

enum class Color : uint8_t { Never, Always };

/// Terminal text: header, snippet with caret line, notes with their snippets, fixes, hint to `catalyst
/// explain`.
std::string render(const source::SourceMap& sources, const Diagnostic& diagnostic, Color color);

/// One JSON object a diagnostic (code, severity, message, file, line, column, end_line, end_column, notes,
/// fixes).
std::string to_json(const source::SourceMap& sources, const Diagnostic& diagnostic);

/// "20 s of processor time", "2048 MiB of memory": what a budget that is used up had most of all too little
/// of.
std::string quantity(const Budget& budget);

/// The candidate nearest to `word` (Damerau-Levenshtein, at most a third of its length away), or empty.
std::string_view did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace catalyst::diagnostics
