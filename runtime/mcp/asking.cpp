#include "runtime/mcp/asking.h"

#include <algorithm>
#include <atomic>

#include "runtime/mcp/envelope.h"
#include "runtime/mcp/json_reader.h"
#include "runtime/mcp/protocol.h"
#include "runtime/mcp/seal.h"
#include "runtime/mcp/upstream_wire.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

using Edit = MemberEdit::Kind;

constexpr int kUrlElicitationRequired = -32042;
constexpr size_t kQuestionsMax = 64;
constexpr size_t kEngineLength = 9;  // `q` and eight hexadecimal digits

bool is_object(std::string_view json) { return json.starts_with('{'); }

bool is_empty_object(std::string_view json) {
  return is_object(json) && json.find_first_not_of(" \t\r\n", 1) == json.size() - 1;
}

std::string fresh_elicitation_id() {
  static std::atomic<uint64_t> count = 0;
  return "catalyst-" + std::to_string(++count);
}

}  // namespace

std::string_view asking_engine() {
  static const std::string kEngine = [] {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out = "q";
    for (const char byte : random_bytes((kEngineLength - 1) / 2)) {
      out += kHex[static_cast<unsigned char>(byte) >> 4];
      out += kHex[static_cast<unsigned char>(byte) & 15];
    }
    return out;
  }();
  return kEngine;
}

bool asked_elsewhere(std::string_view id) {
  id.remove_prefix(id.starts_with('"') ? 1 : 0);
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return id.size() > kEngineLength + 1 && id[0] == 'q' && id[kEngineLength] == '-' &&
         std::all_of(id.begin() + 1, id.begin() + kEngineLength, is_hex) && !id.starts_with(asking_engine());
}

bool answers_elsewhere(std::string_view responses_json) {
  JsonReader reader;
  std::string_view key;
  if (!reader.open(responses_json) || !reader.enter_object()) {
    return false;
  }
  while (reader.next_member(key)) {
    if (asked_elsewhere(key)) {
      return true;
    }
    reader.value();
  }
  return false;
}

std::optional<AskKind> ask_kind(std::string_view method) {
  if (method == "sampling/createMessage") {
    return AskKind::Sampling;
  }
  if (method == "elicitation/create") {
    return AskKind::Elicitation;
  }
  if (method == "roots/list") {
    return AskKind::Roots;
  }
  return std::nullopt;
}

bool can_be_asked(std::string_view capabilities_json, AskKind kind, std::string_view params_json) {
  switch (kind) {
    case AskKind::Sampling: {
      const std::string_view sampling = find_member(capabilities_json, "sampling");
      const bool with_tools =
          !find_member(params_json, "tools").empty() || !find_member(params_json, "toolChoice").empty();
      return is_object(sampling) && (!with_tools || is_object(find_member(sampling, "tools")));
    }
    case AskKind::Elicitation: {
      const std::string_view elicitation = find_member(capabilities_json, "elicitation");
      if (find_member(params_json, "mode") == "\"url\"") {
        return is_object(find_member(elicitation, "url"));
      }
      return is_object(elicitation) &&
             (is_empty_object(elicitation) || is_object(find_member(elicitation, "form")));
    }
    case AskKind::Roots:
      return is_object(find_member(capabilities_json, "roots"));
  }
  return false;
}

bool can_be_asked(std::string_view capabilities_json) {
  if (is_empty_object(capabilities_json)) {
    return false;
  }
  return is_object(find_member(capabilities_json, "sampling")) ||
         is_object(find_member(capabilities_json, "elicitation")) ||
         is_object(find_member(capabilities_json, "roots"));
}

bool asks_clients(std::string_view method) {
  return method == "tools/call" || method == "prompts/get" || method == "resources/read";
}

std::string asking_capabilities(std::string_view capabilities_json) {
  constexpr size_t kMemberMax = 512;  // kept for the life of a session
  std::string out = "{";
  const auto add = [&out](std::string_view key, std::string_view json) {
    out.append(out.size() > 1 ? ",\"" : "\"").append(key).append("\":").append(json);
  };
  for (const std::string_view key : {"elicitation", "sampling"}) {
    const std::string_view json = find_member(capabilities_json, key);
    if (is_object(json)) {
      add(key, json.size() <= kMemberMax ? json : "{}");
    }
  }
  if (is_object(find_member(capabilities_json, "roots"))) {
    add("roots", "{}");
  }
  return out + "}";
}

bool wants_input(std::string_view result_json) {
  // The search spares every other result the walk.
  return result_json.find("input_required") != std::string_view::npos &&
         find_member(result_json, "resultType") == "\"input_required\"";
}

std::optional<std::vector<Question>> read_questions(std::string_view result_json) {
  std::vector<Question> out;
  const std::string_view requests = find_member(result_json, "inputRequests");
  if (requests.empty()) {
    return out;
  }
  JsonReader reader;
  std::string_view key;
  if (!reader.open(requests, kUpstreamDepth) || !reader.enter_object()) {
    return std::nullopt;
  }
  std::vector<std::pair<std::string_view, std::string_view>> members;
  while (reader.next_member(key)) {
    members.emplace_back(key, reader.value());
  }
  if (!reader.finished() || members.size() > kQuestionsMax) {
    return std::nullopt;
  }
  for (const auto& [raw, request] : members) {
    Question question;
    question.key = value::unescape_json(raw).value_or(std::string());
    question.method = string_of(find_member(request, "method"));
    const std::optional<AskKind> kind = ask_kind(question.method);
    if (!kind) {
      return std::nullopt;
    }
    question.kind = *kind;
    question.params = find_member(request, "params");
    out.push_back(std::move(question));
  }
  return out;
}

std::string questions_json(std::span<const Question> questions) {
  std::string out = "{";
  for (const Question& question : questions) {
    out += out.size() > 1 ? "," : "";
    value::append_json_string(out, question.key);
    out += R"(:{"method":)";
    value::append_json_string(out, question.method);
    out += R"(,"params":)";
    out += question.params.empty() ? "{}" : question.params;
    out += '}';
  }
  return out + "}";
}

std::optional<AskKind> kind_of_answer(std::string_view answer_json) {
  if (!find_member(answer_json, "action").empty()) {
    return AskKind::Elicitation;
  }
  if (!find_member(answer_json, "roots").empty()) {
    return AskKind::Roots;
  }
  return find_member(answer_json, "role").empty() ? std::nullopt : std::optional(AskKind::Sampling);
}

std::string input_required(std::span<const Question> questions, std::string_view request_state,
                           std::string_view server_info) {
  std::string out = R"({"resultType":"input_required")";
  if (!questions.empty()) {
    out += R"(,"inputRequests":)" + questions_json(questions);
  }
  if (!request_state.empty()) {
    out += R"(,"requestState":)";
    value::append_json_string(out, request_state);
  }
  out.append(R"(,"_meta":{"io.modelcontextprotocol/serverInfo":)").append(server_info).append("}}");
  return out;
}

std::string bridge_question(const Question& question, Era client) {
  if (question.kind != AskKind::Elicitation || find_member(question.params, "mode") != "\"url\"") {
    return question.params;
  }
  const std::string id = value::json_string(fresh_elicitation_id());
  const MemberEdit edit = {client == Era::Legacy ? Edit::Default : Edit::Remove, "elicitationId", id};
  return edit_object(question.params, {&edit, 1});
}

std::string request_message(std::string_view id_json, std::string_view method, std::string_view params) {
  std::string out = R"({"jsonrpc":"2.0","id":)" + std::string(id_json) + R"(,"method":)";
  value::append_json_string(out, method);
  if (!params.empty()) {
    out.append(R"(,"params":)").append(params);
  }
  return out + "}";
}

std::optional<std::vector<Question>> read_url_elicitations(std::string_view error_json) {
  if (error_code_of(error_json) != kUrlElicitationRequired) {
    return std::nullopt;
  }
  const std::string_view list = find_member(find_member(error_json, "data"), "elicitations");
  JsonReader reader;
  if (list.empty() || !reader.open(list, kUpstreamDepth) || !reader.enter_array()) {
    return std::nullopt;
  }
  std::vector<std::string_view> items;
  while (reader.next_element()) {
    items.push_back(reader.value());
  }
  if (!reader.finished() || items.empty() || items.size() > kQuestionsMax) {
    return std::nullopt;
  }
  std::vector<Question> out;
  for (const std::string_view item : items) {
    const MemberEdit mode = {Edit::Default, "mode", "\"url\""};
    Question question{std::to_string(out.size() + 1), AskKind::Elicitation, "elicitation/create",
                      edit_object(item, {&mode, 1})};
    question.params = bridge_question(question, Era::Modern);
    out.push_back(std::move(question));
  }
  return out;
}

}  // namespace catalyst::mcp
