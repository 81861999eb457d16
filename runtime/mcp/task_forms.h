#pragma once

// The two forms of calls whose answer is fetched later: the tasks of revision 2025-11-25 and the extension
// io.modelcontextprotocol/tasks of 2026-07-28, as texts.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

inline constexpr std::string_view kTasksExtension = "io.modelcontextprotocol/tasks";

/// The only revision with sessions that has tasks.
inline constexpr std::string_view kTaskSession = "2025-11-25";

/// Whether a server makes tasks of calls.
bool offers_tasks(const UpstreamInfo& info);
/// Whether a client of the new generation that declares these capabilities takes tasks.
bool takes_tasks(std::string_view capabilities_json);
/// The capabilities of a client that takes them, and does not.
std::string with_tasks_taken(std::string_view capabilities_json);
std::string without_tasks_taken(std::string_view capabilities_json);

/// What a tool of the old generation says of tasks (`execution.taskSupport`).
enum class TaskSupport : uint8_t { Forbidden, Optional, Required };
TaskSupport task_support(std::string_view tool_json);
/// The definition of a tool that may become a task whenever its server likes, for clients that ask for tasks.
std::string with_task_support(std::string_view tool_json);

enum class TaskStatus : uint8_t { Working, InputRequired, Completed, Failed, Cancelled };
/// nullopt for what is no state of a task.
std::optional<TaskStatus> task_status(std::string_view task_json);
/// What the old generation calls the status of a task of the new one: a tool's own failure is a failed task.
std::optional<TaskStatus> old_status(std::string_view task_json);
std::string_view text_of(TaskStatus status);
/// Whether it stays so.
bool is_over(TaskStatus status);

/// An object with this `taskId`.
std::string with_task_id(std::string_view object_json, std::string_view id);
/// What says where a task stands, without texts of the server.
std::string bare_task(std::string_view task_json);
/// A task of a server of the other generation in the words of `client`: without result, error and questions,
/// which the old form has elsewhere and the new one gets from whoever has them.
std::string task_for(Era client, std::string_view task_json, TaskStatus status);

/// An object whose `_meta` may name a task, with our id in place of the server's.
std::string related_task(std::string_view object_json, std::string_view theirs, std::string_view ours);
/// An object that is about that task, and says so.
std::string about_task(std::string_view object_json, std::string_view id);

/// As tasks write times: ISO 8601, UTC, seconds.
std::string task_time(int64_t wall_ms);

}  // namespace catalyst::mcp
