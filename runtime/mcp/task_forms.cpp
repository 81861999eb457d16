#include "runtime/mcp/task_forms.h"

#include <array>
#include <ctime>
#include <utility>
#include <vector>

#include "runtime/mcp/envelope.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

using Kind = MemberEdit::Kind;

constexpr std::string_view kRelated = "io.modelcontextprotocol/related-task";
constexpr std::pair<TaskStatus, std::string_view> kStatuses[] = {
    {TaskStatus::Working, "working"},     {TaskStatus::InputRequired, "input_required"},
    {TaskStatus::Completed, "completed"}, {TaskStatus::Failed, "failed"},
    {TaskStatus::Cancelled, "cancelled"},
};

std::string with_extensions(std::string_view capabilities_json, const MemberEdit& of_extensions) {
  const std::string_view extensions = find_member(capabilities_json, "extensions");
  const std::string edited = edit_object(extensions.empty() ? "{}" : extensions, {&of_extensions, 1});
  const MemberEdit edit = {Kind::Set, "extensions", edited};
  return edit_object(capabilities_json.empty() ? "{}" : capabilities_json, {&edit, 1});
}

}  // namespace

bool offers_tasks(const UpstreamInfo& info) {
  if (info.era == Era::Modern) {
    return takes_tasks(info.capabilities);
  }
  const std::string_view requests = find_member(find_member(info.capabilities, "tasks"), "requests");
  return !find_member(find_member(requests, "tools"), "call").empty();
}

bool takes_tasks(std::string_view capabilities_json) {
  return !find_member(find_member(capabilities_json, "extensions"), kTasksExtension).empty();
}

std::string with_tasks_taken(std::string_view capabilities_json) {
  return with_extensions(capabilities_json, {Kind::Default, kTasksExtension, "{}"});
}

std::string without_tasks_taken(std::string_view capabilities_json) {
  return with_extensions(capabilities_json, {Kind::Remove, kTasksExtension, {}});
}

TaskSupport task_support(std::string_view tool_json) {
  // The search spares every other tool the walk.
  if (tool_json.find("taskSupport") == std::string_view::npos) {
    return TaskSupport::Forbidden;
  }
  const std::string text = string_of(find_member(find_member(tool_json, "execution"), "taskSupport"));
  return text == "required"   ? TaskSupport::Required
         : text == "optional" ? TaskSupport::Optional
                              : TaskSupport::Forbidden;
}

std::string with_task_support(std::string_view tool_json) {
  const std::string_view execution = find_member(tool_json, "execution");
  const MemberEdit support = {Kind::Set, "taskSupport", "\"optional\""};
  const std::string edited = edit_object(execution.empty() ? "{}" : execution, {&support, 1});
  const MemberEdit edit = {Kind::Set, "execution", edited};
  return edit_object(tool_json, {&edit, 1});
}

std::optional<TaskStatus> task_status(std::string_view task_json) {
  const std::string text = string_of(find_member(task_json, "status"));
  for (const auto& [status, name] : kStatuses) {
    if (text == name) {
      return status;
    }
  }
  return std::nullopt;
}

std::optional<TaskStatus> old_status(std::string_view task_json) {
  const std::optional<TaskStatus> status = task_status(task_json);
  const bool fails =
      status == TaskStatus::Completed && find_member(find_member(task_json, "result"), "isError") == "true";
  return fails ? TaskStatus::Failed : status;
}

std::string_view text_of(TaskStatus status) { return kStatuses[static_cast<size_t>(status)].second; }

bool is_over(TaskStatus status) {
  switch (status) {
    case TaskStatus::Working:
    case TaskStatus::InputRequired:
      return false;
    case TaskStatus::Completed:
    case TaskStatus::Failed:
    case TaskStatus::Cancelled:
      return true;
  }
  return true;
}

std::string with_task_id(std::string_view object_json, std::string_view id) {
  const std::string id_json = value::json_string(id);
  const MemberEdit edit = {Kind::Set, "taskId", id_json};
  return edit_object(object_json, {&edit, 1});
}

std::string bare_task(std::string_view task_json) {
  std::string out = "{";
  for (const std::string_view key : {"taskId", "status", "createdAt", "lastUpdatedAt", "ttl", "pollInterval",
                                     "ttlMs", "pollIntervalMs", "resultType", "error", "inputRequests"}) {
    if (const std::string_view text = find_member(task_json, key); !text.empty()) {
      out.append(out.size() > 1 ? ",\"" : "\"").append(key).append("\":").append(text);
    }
  }
  return out + "}";
}

std::string task_for(Era client, std::string_view task_json, TaskStatus status) {
  const bool modern = client == Era::Modern;
  const std::string_view ttl = find_member(task_json, modern ? "ttl" : "ttlMs");
  const std::string_view poll = find_member(task_json, modern ? "pollInterval" : "pollIntervalMs");
  const std::string status_json = value::json_string(text_of(status));
  std::vector<MemberEdit> edits = {{Kind::Set, "status", status_json}};
  for (const std::string_view key : {"resultType", "result", "error", "inputRequests", "requestState"}) {
    edits.push_back({Kind::Remove, key, {}});
  }
  edits.push_back({Kind::Remove, modern ? "ttl" : "ttlMs", {}});
  edits.push_back({Kind::Remove, modern ? "pollInterval" : "pollIntervalMs", {}});
  edits.push_back({Kind::Set, modern ? "ttlMs" : "ttl", ttl.empty() ? "null" : ttl});
  if (!poll.empty()) {
    edits.push_back({Kind::Set, modern ? "pollIntervalMs" : "pollInterval", poll});
  }
  return edit_object(task_json, edits);
}

std::string related_task(std::string_view object_json, std::string_view theirs, std::string_view ours) {
  const std::string_view meta = find_member(object_json, "_meta");
  const std::string_view related = find_member(meta, kRelated);
  if (related.empty()) {
    return std::string(object_json);
  }
  // What names another task names it by an id that the client cannot know.
  const bool same = string_of(find_member(related, "taskId")) == theirs;
  const std::string own = same ? with_task_id(related, ours) : std::string();
  const MemberEdit in_meta = {same ? Kind::Set : Kind::Remove, kRelated, own};
  const std::string changed = edit_object(meta, {&in_meta, 1});
  const MemberEdit edit = {Kind::Set, "_meta", changed};
  return edit_object(object_json, {&edit, 1});
}

std::string about_task(std::string_view object_json, std::string_view id) {
  const std::string_view meta = find_member(object_json, "_meta");
  const std::string related = with_task_id("{}", id);
  const MemberEdit in_meta = {Kind::Set, kRelated, related};
  const std::string changed = edit_object(meta.starts_with('{') ? meta : "{}", {&in_meta, 1});
  const MemberEdit edit = {Kind::Set, "_meta", changed};
  return edit_object(object_json.empty() ? "{}" : object_json, {&edit, 1});
}

std::string task_time(int64_t wall_ms) {
  const time_t seconds = wall_ms / 1000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), length};
}

}  // namespace catalyst::mcp
