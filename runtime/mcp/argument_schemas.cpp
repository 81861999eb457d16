#include "runtime/mcp/argument_schemas.h"

#include <algorithm>

#include "runtime/mcp/envelope.h"
#include "runtime/mcp/folded.h"
#include "runtime/mcp/json_reader.h"
#include "runtime/mcp/upstream_wire.h"
#include "runtime/schema/schema.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {

namespace {

std::vector<std::string> keys_of(std::string_view object_json) {
  std::vector<std::string> out;
  JsonReader reader;
  std::string_view key;
  if (!object_json.starts_with('{') || !reader.open(object_json, kUpstreamDepth) || !reader.enter_object()) {
    return out;
  }
  while (reader.next_member(key)) {
    out.push_back(value::unescape_json(key).value_or(std::string(key)));
    reader.value();
  }
  return out;
}

/// An argument that a server would take for a declared one if it does not tell upper from lower case, while
/// rules and schema do not.
std::optional<std::string> disguised_argument(const Item& tool, std::string_view arguments_json) {
  if (arguments_json.empty() || tool.argument_names.empty()) {
    return std::nullopt;
  }
  for (const std::string& key : keys_of(arguments_json)) {
    const auto declared = [&key](const std::string& name) { return name == key; };
    const auto alike = [&key](const std::string& name) {
      return name.size() <= key.size() && folded(name) == folded(key);
    };
    const std::vector<std::string>& names = tool.argument_names;
    if (std::any_of(names.begin(), names.end(), declared)) {
      continue;
    }
    const auto found = std::find_if(names.begin(), names.end(), alike);
    if (found != names.end()) {
      return "Invalid arguments: /" + key + " differs from " + *found + " in its case alone";
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> attach_schemas(std::vector<Item>& tools, const Listing* before) {
  std::vector<std::string> failures;
  for (Item& tool : tools) {
    const Item* known = before == nullptr ? nullptr : before->find(ListKind::Tools, tool.key);
    if (known != nullptr && known->json == tool.json) {
      tool.arguments = known->arguments;
      tool.argument_names = known->argument_names;
      continue;
    }
    const std::string_view text = find_member(tool.json, "inputSchema");
    if (text.empty()) {
      continue;
    }
    auto compiled = schema::Schema::compile(text);
    if (compiled.has_error()) {
      failures.push_back(tool.key + ": " + compiled.error().message());
    } else {
      tool.arguments = std::move(*compiled);
      tool.argument_names = keys_of(find_member(text, "properties"));
    }
  }
  return failures;
}

std::optional<std::string> argument_fault(const Item& tool, std::string_view arguments_json) {
  if (tool.arguments == nullptr) {
    return std::nullopt;
  }
  if (const std::optional<std::string> fault = disguised_argument(tool, arguments_json)) {
    return fault;
  }
  const schema::Outcome outcome = tool.arguments->validate(arguments_json.empty() ? "{}" : arguments_json);
  return outcome.valid ? std::nullopt : std::optional("Invalid arguments: " + outcome.text());
}

}  // namespace catalyst::mcp
