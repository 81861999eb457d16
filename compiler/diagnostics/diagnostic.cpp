#include "compiler/diagnostics/diagnostic.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "runtime/base/budget.h"
#include "runtime/base/check.h"

namespace catalyst::diagnostics {
namespace {

// An explanation is found by name, so that both tables keep their own order; a missing or misspelt one does
// not compile.
#define EXPLANATION(name, text) constexpr std::string_view kExplain##name = text;
#include "compiler/diagnostics/explanations.def"
#undef EXPLANATION

constexpr KindInfo kKinds[] = {
#define DIAGNOSTIC(name, code, severity, form) {#name, code, Severity::severity, form, kExplain##name},
#include "compiler/diagnostics/diagnostic.def"
#undef DIAGNOSTIC
};

std::string fill(std::string_view form, const std::vector<std::string>& arguments) {
  std::string out;
  for (size_t i = 0; i < form.size(); ++i) {
    const bool hole = form[i] == '{' && i + 2 < form.size() && form[i + 2] == '}' && form[i + 1] >= '0' &&
                      form[i + 1] <= '9';
    if (!hole) {
      out += form[i];
      continue;
    }
    const size_t index = static_cast<size_t>(form[i + 1] - '0');
    CHECK(index < arguments.size(), "a diagnostic is reported with all of its arguments");
    out += arguments[index];
    i += 2;
  }
  return out;
}

auto order_of(const Diagnostic& d) {
  return std::make_tuple(d.span.file.index, d.span.begin, d.span.end, static_cast<int>(d.kind));
}

}  // namespace

const KindInfo& info(Kind kind) { return kKinds[static_cast<size_t>(kind)]; }

const KindInfo* find_code(std::string_view code) {
  const auto* found = std::find_if(std::begin(kKinds), std::end(kKinds),
                                   [code](const KindInfo& kind) { return kind.code == code; });
  return found == std::end(kKinds) ? nullptr : found;
}

Diagnostic& Sink::report(Kind kind, source::Span span, std::vector<std::string> arguments) {
  const KindInfo& about = info(kind);
  if (about.severity == Severity::Error) {
    ++errors_;
  }
  Diagnostic diagnostic{kind, span, fill(about.form, arguments), {}, {}};
  if (diagnostics_.size() >= limit_ && kind != Kind::Undecided) {  // it stands for findings that nobody made
    ++dropped_;
    const auto warning = std::find_if(diagnostics_.rbegin(), diagnostics_.rend(), [](const Diagnostic& d) {
      return catalyst::diagnostics::info(d.kind).severity == Severity::Warning;
    });
    if (about.severity == Severity::Warning || warning == diagnostics_.rend()) {
      overflow_ = std::move(diagnostic);
      return overflow_;
    }
    diagnostics_.erase(std::next(warning).base());
  }
  diagnostics_.push_back(std::move(diagnostic));
  return diagnostics_.back();
}

void Sink::remove_warnings(const std::function<bool(const Diagnostic&)>& is_allowed) {
  std::erase_if(diagnostics_, [&](const Diagnostic& d) {
    return info(d.kind).severity == Severity::Warning && is_allowed(d);
  });
}

void Sink::sort() {
  std::sort(diagnostics_.begin(), diagnostics_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return order_of(a) != order_of(b) ? order_of(a) < order_of(b) : a.message < b.message;
  });
  const auto last =
      std::unique(diagnostics_.begin(), diagnostics_.end(), [](const Diagnostic& a, const Diagnostic& b) {
        return a.kind == b.kind && a.span == b.span && a.message == b.message;
      });
  diagnostics_.erase(last, diagnostics_.end());
}

std::string quantity(const Budget& budget) {
  if (budget.spent() == Budget::Spent::Memory) {
    return std::to_string(budget.limits().memory_bytes >> 20) + " MiB of memory";
  }
  const int64_t ms = budget.limits().cpu_ms;
  return (ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms") +
         " of processor time";
}

std::string_view did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates) {
  // Longer words are never suggested for and never suggested: the table below stays on the stack.
  constexpr size_t kLongest = 64;
  const size_t n = word.size();
  if (n == 0 || n > kLongest) {
    return {};
  }
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, n / 3) + 1;
  std::array<std::array<size_t, kLongest + 1>, 3> rows{};
  for (const std::string_view candidate : candidates) {
    const size_t m = candidate.size();
    if (!Budget::spend()) {
      return {};
    }
    if (m == 0 || m > kLongest || candidate == word || (m > n ? m - n : n - m) >= best_distance) {
      continue;
    }
    Budget::spend(n * m / 4);
    for (size_t j = 0; j <= m; ++j) {
      rows[0][j] = j;
    }
    for (size_t i = 1; i <= n; ++i) {
      auto& row = rows[i % 3];
      const auto& above = rows[(i - 1) % 3];
      row[0] = i;
      for (size_t j = 1; j <= m; ++j) {
        const size_t cost = word[i - 1] == candidate[j - 1] ? 0 : 1;
        row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + cost});
        if (i > 1 && j > 1 && word[i - 1] == candidate[j - 2] && word[i - 2] == candidate[j - 1]) {
          row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
      }
    }
    if (rows[n % 3][m] < best_distance) {
      best_distance = rows[n % 3][m];
      best = candidate;
    }
  }
  return best;
}

}  // namespace catalyst::diagnostics
