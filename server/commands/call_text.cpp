#include "server/commands/call_text.h"

#include "runtime/value/json_text.h"

namespace catalyst::server {
namespace {

using decision::CallResult;
using value::json_string;

std::string place_text(const decision::Pack& pack, const abi::SourcePlace& place) {
  const auto& files = pack.unit().files;
  return place.file < files.size()
             ? files[place.file].path + ":" + std::to_string(place.line) + ":" + std::to_string(place.column)
             : std::string();
}

}  // namespace

std::string call_json(const std::string& name, const CallResult& result, const decision::Pack& pack,
                      decision::Explain explain) {
  std::string out = "{\"decision\":" + json_string(name);
  switch (result.outcome) {
    case CallResult::Outcome::Decided:
      out += ",\"outcome\":\"decided\",\"result\":" + result.json;
      break;
    case CallResult::Outcome::Failed:
      out += ",\"outcome\":\"failed\",\"error\":" + json_string(value::status_name(result.status)) +
             ",\"place\":" + json_string(place_text(pack, result.place));
      break;
    case CallResult::Outcome::Invalid:
      out += ",\"outcome\":\"invalid\",\"errors\":[";
      for (const decision::ArgumentProblem& each : result.problems) {
        out += (out.back() == '[' ? "" : ",");
        out += "{\"pointer\":" + json_string(each.pointer) + ",\"detail\":" + json_string(each.detail) + "}";
      }
      out += "]";
      break;
  }
  if (explain == decision::Explain::Yes && result.outcome != CallResult::Outcome::Invalid) {
    out += ",\"explanation\":" + decision::explanation_json(pack, result);
  }
  return out + "}\n";
}

std::string call_text(const std::string& name, const CallResult& result, const decision::Pack& pack,
                      decision::Explain explain) {
  std::string out;
  switch (result.outcome) {
    case CallResult::Outcome::Decided:
      out = result.json + "\n";
      break;
    case CallResult::Outcome::Failed:
      out = name + " fails with " + std::string(value::status_name(result.status)) + " at " +
            place_text(pack, result.place) + "\n";
      break;
    case CallResult::Outcome::Invalid:
      out = "these arguments do not fit " + name + ":\n";
      for (const decision::ArgumentProblem& each : result.problems) {
        out += "  " + (each.pointer.empty() ? "the arguments" : each.pointer) + ": " + each.detail + "\n";
      }
      return out;
  }
  return explain == decision::Explain::Yes ? out + decision::explanation_text(pack, result) : out;
}

}  // namespace catalyst::server
