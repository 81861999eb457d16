#include "runtime/mcp/argument_schemas.h"

#include "runtime/mcp/envelope.h"
#include "runtime/schema/schema.h"

namespace catalyst::mcp {

std::vector<std::string> attach_schemas(std::vector<Item>& tools, const Listing* before) {
  std::vector<std::string> failures;
  for (Item& tool : tools) {
    const Item* known = before == nullptr ? nullptr : before->find(ListKind::Tools, tool.key);
    if (known != nullptr && known->json == tool.json) {
      tool.arguments = known->arguments;
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
    }
  }
  return failures;
}

std::optional<std::string> argument_fault(const Item& tool, std::string_view arguments_json) {
  if (tool.arguments == nullptr) {
    return std::nullopt;
  }
  const schema::Outcome outcome = tool.arguments->validate(arguments_json.empty() ? "{}" : arguments_json);
  return outcome.valid ? std::nullopt : std::optional("Invalid arguments: " + outcome.text());
}

}  // namespace catalyst::mcp
