#include "runtime/mcp/shared_results.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>

#include "runtime/base/clock.h"
#include "runtime/mcp/json_reader.h"

namespace catalyst::mcp {
namespace {

constexpr std::string_view kPurpose = "cached result ";

/// What is spliced into an answer must be one whole object, whoever wrote it.
bool is_object(std::string_view json) {
  JsonReader reader;
  if (!reader.open(json, JsonReader::kDepthMax) || reader.peek() != '{') {
    return false;
  }
  reader.value();
  return !reader.failed() && reader.finished();
}

}  // namespace

/// The caller's executor's.
struct SharedResults::Wait {
  explicit Wait(const Executor& executor) : timer(executor) {}
  SteadyTimer timer;
  bool told = false;
  bool failed = false;
  std::vector<std::string> values;
};

std::string SharedResults::name_of(std::string_view key) const {
  return prefix_ + sealer_.name(kPurpose, key);
}

Task<std::optional<SharedResults::Found>> SharedResults::find(std::vector<std::string> keys,
                                                              int64_t ttl_max_ms, int64_t wait_ms) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto wait = std::make_shared<Wait>(executor);
  std::vector<std::string> names;
  if (client_.connected()) {
    std::transform(keys.begin(), keys.end(), std::back_inserter(names),
                   [this](const std::string& key) { return name_of(key); });
  }
  const bool asked =
      !names.empty() &&
      client_.get(std::move(names), [wait, executor](bool failed, std::vector<std::string> values) {
        asio::post(executor, [wait, failed, values = std::move(values)]() mutable {
          wait->told = true;
          wait->failed = failed;
          wait->values = std::move(values);
          wait->timer.cancel();
        });
      });
  if (!asked) {
    note(SharedUse::Skipped);
    co_return std::nullopt;
  }
  wait->timer.expires_after(std::chrono::milliseconds(std::min(client_.options().timeout_ms, wait_ms)));
  if (!wait->told) {
    co_await wait->timer.async_wait(asio::as_tuple(use_awaitable));
  }
  if (!wait->told || wait->failed) {
    note(SharedUse::Failed);
    co_return std::nullopt;
  }
  bool refused = false;
  for (size_t i = 0; i < wait->values.size(); ++i) {
    if (wait->values[i].empty()) {
      continue;
    }
    if (std::optional<Found> found = open(keys[i], wait->values[i], ttl_max_ms)) {
      found->key = i;
      note(SharedUse::Hit);
      co_return found;
    }
    refused = true;
  }
  note(refused ? SharedUse::Refused : SharedUse::Miss);
  co_return std::nullopt;
}

/// What is sealed: until when it is good, in milliseconds of the wall clock, a line break, the result.
std::optional<SharedResults::Found> SharedResults::open(std::string_view key, std::string_view sealed,
                                                        int64_t ttl_max_ms) {
  if (sealed.size() > client_.options().value_bytes) {
    return std::nullopt;
  }
  std::optional<std::string> text = sealer_.open(std::string(kPurpose).append(key), sealed);
  if (!text) {
    return std::nullopt;
  }
  int64_t until_ms = 0;
  const char* const end = text->data() + text->size();
  const auto [at, failure] = std::from_chars(text->data(), end, until_ms);
  if (failure != std::errc{} || at == end || *at != '\n') {
    return std::nullopt;
  }
  Found found;
  found.ttl_ms = std::min(until_ms - wall_ms(), ttl_max_ms);
  found.result.assign(at + 1, end);
  if (found.ttl_ms <= 0 || !is_object(found.result)) {
    return std::nullopt;
  }
  return found;
}

void SharedResults::put(std::string_view key, std::string_view result_json, int64_t ttl_ms) {
  bool taken = false;
  // In base 64 it will be a third larger: what cannot fit is not sealed first.
  if (client_.connected() && result_json.size() < client_.options().value_bytes) {
    const std::string text = std::to_string(wall_ms() + ttl_ms).append("\n").append(result_json);
    taken = client_.put(name_of(key), sealer_.seal(std::string(kPurpose).append(key), text), ttl_ms);
  }
  note(taken ? SharedUse::Stored : SharedUse::Skipped);
}

}  // namespace catalyst::mcp
