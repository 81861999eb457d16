#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/mcp/catalogue_guard.h"
#include "server/gateway/definition_diff.h"

namespace catalyst::server {

/// A tool that waits for approval, and what it would change.
struct HeldTool {
  std::string server;
  std::string tool;
  std::vector<DefinitionChange> changes;
};

/// The lock file: definitions of tools that somebody approved, by server. A tool that differs from its pin,
/// or is new on a server with pins, waits. The tools of a server without any pin are pinned as they are first
/// seen. Any thread.
class ToolLock final : public mcp::CatalogueGuard {
 public:
  /// Reads the file; one that does not exist is empty. An error when it cannot be understood.
  static Result<std::unique_ptr<ToolLock>> open(std::string path);

  void inspect(const std::string& server, std::vector<mcp::Item>& tools,
               std::vector<mcp::Item>& held) override;

  /// Reads the file again; an error leaves what was there.
  Result<void> reload();
  [[nodiscard]] std::vector<HeldTool> held() const;
  [[nodiscard]] size_t held_count(const std::string& server) const;
  /// Pins what waits now: of all servers ("") or one, all tools ("") or one. Answers how many, and writes the
  /// file.
  Result<size_t> approve(const std::string& server, const std::string& tool);
  /// Pins these very definitions as the server's only ones, and answers what that changed; `write` makes it
  /// last.
  std::vector<HeldTool> pin_all(const std::string& server, const nlohmann::json& definitions);
  Result<void> write() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  using Pins = std::map<std::string, nlohmann::json>;  // tool to its pinned part

  explicit ToolLock(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] Result<void> write_locked() const;

  struct Waiting {
    nlohmann::json definition;  // its pinned part
    std::vector<DefinitionChange> changes;
  };

  const std::string path_;
  mutable std::mutex mutex_;
  std::map<std::string, Pins> pins_;
  std::map<std::string, std::map<std::string, Waiting>> waiting_;
};

}  // namespace catalyst::server
