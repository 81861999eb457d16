#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/mcp/http_client.h"
#include "runtime/mcp/readiness.h"
#include "runtime/mcp/upstream.h"
#include "server/gateway/openapi_document.h"

namespace catalyst::server {

struct OpenApiOptions {
  std::string name;
  std::string document;  // address or file
  size_t document_bytes = size_t{8} * 1024 * 1024;
  size_t operations = 1'000;  // at most
  std::string url;            // "": the document's first server
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::pair<std::string, std::string>> query;
  mcp::HttpClientOptions client;
  int64_t retry_ms = 5'000;  // until the document is asked for again
  std::function<void(std::string_view line)> log = [](auto&&) {};
};

/// An HTTP service that an OpenAPI document describes, as an MCP server with one tool an operation. Answers
/// become the tool's text, and its structured content when they are JSON objects; a status from 400 on is a
/// result with isError. Calls run on the caller's io_context. Created with std::make_shared.
class OpenApiUpstream final : public mcp::Upstream, public std::enable_shared_from_this<OpenApiUpstream> {
 public:
  OpenApiUpstream(Executor home, OpenApiOptions options);
  ~OpenApiUpstream() override;

  [[nodiscard]] const std::string& name() const override { return options_.name; }
  [[nodiscard]] mcp::UpstreamState state() const override { return readiness_.state(); }
  [[nodiscard]] std::string last_error() const override { return readiness_.last_error(); }
  void start(mcp::UpstreamEvent on_event) override;
  Task<Result<std::shared_ptr<const mcp::UpstreamInfo>>> ready(int64_t timeout_ms) override {
    return readiness_.wait(timeout_ms);
  }
  Task<Result<mcp::UpstreamReply>> call(const mcp::UpstreamCall& call) override;
  Task<Result<void>> notify(std::string_view method, std::string_view params,
                            mcp::UpstreamSession* session) override;
  std::shared_ptr<mcp::UpstreamSession> open(mcp::ClientTerms) override { return nullptr; }
  Task<Result<std::string>> establish(mcp::UpstreamSession& session) override;
  [[nodiscard]] bool shared() const override { return true; }
  void watch(std::vector<std::string>) override {}  // tools alone
  Task<void> stop() override;

 private:
  struct Service;
  Task<void> run();
  Task<Result<std::shared_ptr<Service>>> load();
  [[nodiscard]] std::shared_ptr<Service> service() const;
  Task<Result<mcp::UpstreamReply>> call_tool(std::shared_ptr<Service> service, const mcp::UpstreamCall& call);

  const Executor home_;
  const OpenApiOptions options_;
  mcp::Readiness readiness_;
  SteadyTimer timer_;         // home only
  bool stopping_ = false;     // home only
  mutable std::mutex mutex_;  // guards service_
  std::shared_ptr<Service> service_;
};

}  // namespace catalyst::server
