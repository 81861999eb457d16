#include "runtime/mcp/sse_streams.h"

namespace catalyst::mcp {
namespace {

std::string binding_of(std::string_view principal_id, std::string_view scope_name) {
  return digest_of({"sse stream", principal_id, scope_name});
}

}  // namespace

std::shared_ptr<SseStream> SseStreams::open(const Executor& executor, std::string_view principal_id,
                                            Scope scope, std::string_view scope_name, int64_t now_ms) {
  auto stream = std::make_shared<SseStream>(executor, limits_.queued_bytes);
  stream->principal_id = principal_id;
  stream->scope = scope;
  stream->last_used_ms = now_ms;
  const std::lock_guard lock(mutex_);
  if (closed_ || streams_.size() >= limits_.channels) {
    return nullptr;
  }
  stream->id = sealer_.seal(binding_of(principal_id, scope_name), std::to_string(++opened_));
  streams_.emplace(stream->id, stream);
  return stream;
}

std::shared_ptr<SseStream> SseStreams::find(std::string_view id, std::string_view principal_id, Scope scope,
                                            std::string_view scope_name, int64_t now_ms) {
  if (!sealer_.open(binding_of(principal_id, scope_name), id)) {
    return nullptr;
  }
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(id);
  if (found == streams_.end() || found->second->principal_id != principal_id ||
      found->second->scope != scope) {
    return nullptr;
  }
  found->second->last_used_ms = now_ms;
  return found->second;
}

void SseStreams::close(const SseStream& stream) {
  const std::lock_guard lock(mutex_);
  streams_.erase(stream.id);
}

void SseStreams::sweep(int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, stream] : streams_) {
    if (now_ms - stream->last_used_ms > limits_.idle_ms) {
      stream->end.say(ChannelEnd::Idle);
      stream->queue.close();
    }
  }
}

void SseStreams::close_all() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const auto& [id, stream] : streams_) {
    stream->queue.close();
  }
}

}  // namespace catalyst::mcp
