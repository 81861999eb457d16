// Which route a call takes, and what the route's expressions say of it.

#include <cstring>

#include "runtime/decision/evaluation.h"

namespace catalyst::decision {

namespace {

using value::Kind;
using value::Status;
using value::Value;

void append_number(std::string& key, uint64_t number) {
  char bytes[8];
  std::memcpy(bytes, &number, sizeof bytes);
  key.append(bytes, sizeof bytes);
}

void append_text(std::string& key, std::string_view text) {
  append_number(key, text.size());
  key += text;
}

/// Equal bytes are equal values of one kind: every part has its length, or one that its kind fixes. Values
/// are nested within the limits of types and of JSON.
void append_value(std::string& key, const Value& v) {
  key += static_cast<char>(v.kind);
  key += static_cast<char>(v.scale);
  switch (v.kind) {
    case Kind::Absent:
    case Kind::Invalid:
      return;
    case Kind::Bool:
    case Kind::Int:
    case Kind::Float:
    case Kind::Time:
    case Kind::Duration:
      append_number(key, v.a.low);
      return;
    case Kind::Decimal:
    case Kind::Ip:
      append_number(key, v.a.low);
      append_number(key, v.b.high);
      return;
    case Kind::String:
    case Kind::Bytes:
      append_text(key, v.text());
      return;
    case Kind::List:
      append_number(key, v.length);
      for (uint32_t i = 0; i < v.length; ++i) {
        append_value(key, v.a.items[i]);
      }
      return;
    case Kind::Map:
      append_number(key, v.length);
      for (uint32_t i = 0; i < v.length; ++i) {
        append_text(key, v.a.entries[i].key);
        append_value(key, v.a.entries[i].value);
      }
      return;
  }
}

}  // namespace

const RouteChoice* Evaluation::route(const Pack& pack, const Request& request, std::string_view named,
                                     Mode mode) {
  if (pack.unit().routes.empty()) {
    return nullptr;
  }
  begin(pack, request);
  evaluator_ = mode == Mode::Reference ? &unit_->interpreter : &unit_->evaluator;
  choice_ = RouteChoice{};
  route_errors_.clear();
  if (!find_route(*unit_, named)) {
    return nullptr;
  }
  projector_.project(request, route_slots_[choice_.index], arena_, slots_.data());
  for (const abi::WindowRead& read : unit_->window_reads) {
    if (route_slots_[choice_.index].has(read.slot)) {
      read_window(request, read);
    }
  }
  ask_prefers();
  ask_hash();
  if (choice_.route->cache && build_cache_key(request)) {
    choice_.cache_key = cache_key_;
  }
  choice_.errors = route_errors_;
  return &choice_;
}

bool Evaluation::find_route(const abi::Unit& unit, std::string_view named) {
  for (uint32_t i = 0; i < unit.routes.size(); ++i) {
    const abi::Route& route = unit.routes[i];
    const bool by_rule = !named.empty() && route.name == named;
    if ((choice_.route == nullptr || by_rule) && target_matches(route.calls)) {
      choice_.route = &route;
      choice_.index = i;
      choice_.by_rule = by_rule;
    }
  }
  return choice_.route != nullptr;
}

void Evaluation::note_route_error(Status status) { route_errors_.push_back({status, frame_.error_expr}); }

void Evaluation::ask_prefers() {
  const std::vector<abi::RoutePrefer>& prefers = choice_.route->prefers;
  for (uint32_t i = 0; i < prefers.size(); ++i) {
    refuel();
    const abi::Truth truth = evaluator_->condition(evaluator_->self, &frame_, prefers[i].condition);
    if (truth >= abi::kTruthError) {
      note_route_error(static_cast<Status>(truth - abi::kTruthError));
    } else if (truth == abi::kTrue) {
      choice_.prefer = i;
      choice_.preferred = prefers[i].target;
      return;
    }
  }
}

void Evaluation::ask_hash() {
  if (choice_.route->hash == abi::Route::kNone) {
    return;
  }
  Value v;
  const Status status = evaluate(choice_.route->hash, &v);
  if (status == Status::Ok && v.kind == Kind::String) {
    choice_.hash = v.text();
  } else {
    note_route_error(status == Status::Ok ? Status::Missing : status);
  }
}

bool Evaluation::append_key_part(uint32_t expr, const Request& request) {
  if (expr != abi::Route::kNone) {
    Value v;
    if (const Status status = evaluate(expr, &v); status != Status::Ok) {
      note_route_error(status);
      return false;
    }
    append_value(cache_key_, v);
    return v.kind != Kind::Invalid;
  }
  scratch_text_.clear();
  if (!canonical_.append(request.args, limits_.json_depth, scratch_text_)) {
    return false;
  }
  append_text(cache_key_, scratch_text_);
  return true;
}

/// Server, tool and route are always in it, whatever the pack says.
bool Evaluation::build_cache_key(const Request& request) {
  const abi::Route& route = *choice_.route;
  const abi::CacheScope scope = route.cache->scope;
  cache_key_.clear();
  append_text(cache_key_, route.name);
  append_text(cache_key_, request.server);
  append_text(cache_key_, request.tool);
  cache_key_ += static_cast<char>(scope);
  const bool homeless = scope == abi::CacheScope::Tenant && (who_ == nullptr || who_->tenant.empty());
  cache_key_ += static_cast<char>(homeless);
  if (homeless) {  // "no tenant" is none that callers share
    append_text(cache_key_, who_ == nullptr ? std::string_view() : who_->id);
  }
  append_number(cache_key_, route.key.size());
  for (const uint32_t part : route.key) {
    if (!append_key_part(part, request)) {
      return false;
    }
  }
  return true;
}

}  // namespace catalyst::decision
