#include "server/commands/reports.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "server/version.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;

/// For text and attributes of XML 1.0; characters that it does not have become spaces.
std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
        break;
    }
  }
  return out;
}

std::string path_of(const driver::Analysis& analysis, const source::Span& span) {
  return span.valid() ? std::string(analysis.sources.path(span.file)) : std::string();
}

Json location(const driver::Analysis& analysis, const source::Span& span) {
  if (!span.valid()) {
    return Json::object();
  }
  const source::LineColumn begin = analysis.sources.position(span.file, span.begin);
  const source::LineColumn end = analysis.sources.position(span.file, span.end);
  return {{"physicalLocation",
           {{"artifactLocation", {{"uri", path_of(analysis, span)}}},
            {"region",
             {{"startLine", begin.line},
              {"startColumn", begin.column},
              {"endLine", end.line},
              {"endColumn", end.column}}}}}};
}

std::string document(Json rules, Json results) {
  Json root = {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
               {"version", "2.1.0"},
               {"runs", Json::array()}};
  root["runs"].push_back(
      {{"tool", {{"driver", {{"name", "catalyst"}, {"version", kVersion}, {"rules", std::move(rules)}}}}},
       {"columnKind", "utf16CodeUnits"},
       {"results", std::move(results)}});
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void add_diagnostics(const driver::Analysis& analysis, Json& rules, Json& results) {
  std::set<std::string_view> known;
  for (const diagnostics::Diagnostic& diagnostic : analysis.diagnostics.all()) {
    const diagnostics::KindInfo& about = diagnostics::info(diagnostic.kind);
    if (known.insert(about.code).second) {
      rules.push_back({{"id", about.code},
                       {"name", about.name},
                       {"help", {{"text", about.explanation}, {"markdown", about.explanation}}}});
    }
    Json result = {{"ruleId", about.code},
                   {"level", about.severity == diagnostics::Severity::Error ? "error" : "warning"},
                   {"message", {{"text", diagnostic.message}}},
                   {"locations", Json::array()}};
    if (diagnostic.span.valid()) {
      result["locations"].push_back(location(analysis, diagnostic.span));
    }
    Json related = Json::array();
    for (const diagnostics::Note& note : diagnostic.notes) {
      if (note.span.valid()) {
        Json at = location(analysis, note.span);
        at["message"] = {{"text", note.text}};
        related.push_back(std::move(at));
      }
    }
    if (!related.empty()) {
      result["relatedLocations"] = std::move(related);
    }
    results.push_back(std::move(result));
  }
}

}  // namespace

std::string junit_report(const driver::Analysis& analysis, const std::vector<TestOutcome>& outcomes,
                         double seconds) {
  size_t failed = 0;
  std::string cases;
  for (const TestOutcome& outcome : outcomes) {
    const source::Span& span = outcome.test->span;
    cases += "    <testcase name=\"" + xml(outcome.test->title) + "\" classname=\"" +
             xml(path_of(analysis, span)) + "\"";
    if (span.valid()) {
      const std::string line = std::to_string(analysis.sources.position(span.file, span.begin).line);
      cases += " file=\"" + xml(path_of(analysis, span)) + "\" line=\"" + line + "\"";
    }
    cases += outcome.passed() ? "/>\n" : ">\n";
    for (const std::string& failure : outcome.failures) {
      cases += "      <failure message=\"" + xml(failure) + "\"/>\n";
    }
    cases += outcome.passed() ? "" : "    </testcase>\n";
    failed += outcome.passed() ? 0 : 1;
  }
  char time[32];
  std::snprintf(time, sizeof time, "%.3f", seconds);
  const std::string counts = "tests=\"" + std::to_string(outcomes.size()) + "\" failures=\"" +
                             std::to_string(failed) + "\" errors=\"0\" time=\"" + time + "\"";
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites " + counts + ">\n  <testsuite name=\"" +
         xml(analysis.module->pack_name.empty() ? "policy" : analysis.module->pack_name) + "\" " + counts +
         ">\n" + cases + "  </testsuite>\n</testsuites>\n";
}

std::string sarif_report(const driver::Analysis& analysis) {
  Json rules = Json::array();
  Json results = Json::array();
  add_diagnostics(analysis, rules, results);
  return document(std::move(rules), std::move(results));
}

std::string sarif_report(const driver::Analysis& analysis, const std::vector<TestOutcome>& outcomes) {
  Json rules = Json::array();
  Json results = Json::array();
  add_diagnostics(analysis, rules, results);
  rules.push_back(
      {{"id", "test"}, {"name", "PolicyTest"}, {"help", {{"text", "A test block of the policy failed."}}}});
  for (const TestOutcome& outcome : outcomes) {
    for (const std::string& failure : outcome.failures) {
      results.push_back({{"ruleId", "test"},
                         {"level", "error"},
                         {"message", {{"text", outcome.test->title + ": " + failure}}},
                         {"locations", Json::array({location(analysis, outcome.test->span)})}});
    }
  }
  return document(std::move(rules), std::move(results));
}

}  // namespace catalyst::server
