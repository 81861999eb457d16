#include "server/commands/limits.h"

namespace catalyst::server {

void apply_limits(const LimitsConfig& limits, mcp::EndpointOptions& out) {
  out.envelope.message_bytes = limits.body_bytes;
  out.envelope.depth = limits.json_depth;
  out.decision.fuel_per_rule = limits.fuel_per_rule;
  out.decision.arena_bytes = limits.evaluation_bytes;
  out.decision.json_depth = limits.json_depth;
  out.sessions.idle_ms = limits.session_idle_ms;
  out.sessions.sessions = limits.sessions;
  out.sessions.max_ms = limits.session_max_ms;
  out.channels.channels = limits.channels;
  out.channels.idle_ms = limits.channel_idle_ms;
  out.channels.queued_bytes = limits.channel_queue_bytes;
  out.channels.admission_ms = limits.admission_check_ms;
  out.sessions.calls_in_flight = limits.session_calls;
  out.sessions.subscriptions = limits.subscriptions;
  out.listeners = limits.listeners;
  out.parked_calls = limits.open_questions;
  out.tasks = limits.tasks;
  out.held_bytes = limits.held_bytes;
  out.ask_timeout_ms = limits.answer_timeout_ms;
  out.limit_buckets = limits.rate_buckets;
  out.event_depth = limits.event_depth;
  out.labels.conversations = limits.labelled;
  out.labels.idle_us = limits.label_idle_ms * 1000;
}

void apply_limits(const LimitsConfig& limits, HttpOptions& out) {
  out.max_connections = limits.connections;
  out.max_header_bytes = limits.header_bytes;
  out.max_header_fields = limits.header_fields;
  out.max_body_bytes = limits.body_bytes;
  out.header_timeout_ms = limits.header_timeout_ms;
  out.body_timeout_ms = limits.body_timeout_ms;
  out.write_timeout_ms = limits.write_timeout_ms;
  out.idle_timeout_ms = limits.idle_timeout_ms;
}

}  // namespace catalyst::server
