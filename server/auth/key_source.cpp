#include "server/auth/key_source.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <fstream>
#include <sstream>

#include "runtime/base/clock.h"
#include "runtime/observe/log.h"
#include "server/auth/fetch.h"

namespace catalyst::server {
namespace {

using observe::Level;

constexpr size_t kFileBytesMax = 256 * 1024;
constexpr size_t kWaitersMax = 1'024;
constexpr auto kWait = std::chrono::seconds(5);

Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.empty() || text.size() > kFileBytesMax) {
    return error("cannot read " + path + " (empty, missing, or beyond 256 KiB)");
  }
  return text;
}

}  // namespace

struct KeySource::Waiter {
  explicit Waiter(const Executor& executor) : timer(executor) {}
  SteadyTimer timer;
};

KeySource::KeySource(const IssuerConfig& config, Executor home)
    : config_(config), home_(std::move(home)), timer_(home_) {}

void KeySource::start() {
  if (is_file()) {
    if (const Result<void> read = reload(); read.has_error()) {
      observe::log(Level::Error, "an issuer's keys cannot be read",
                   {{"issuer", config_.issuer}, {"reason", read.error().message()}});
    }
    return;
  }
  fetching_ = true;
  asio::co_spawn(home_, [self = shared_from_this()] { return self->run(); }, asio::detached);
}

void KeySource::stop() {
  asio::post(home_, [self = shared_from_this()] {
    self->stopped_ = true;
    self->timer_.cancel();
  });
}

Result<void> KeySource::reload() {
  if (!is_file()) {
    return {};
  }
  Result<std::string> text = read_file(config_.jwks);
  return text.has_error() ? Result<void>(text.error()) : take(std::move(*text));
}

std::shared_ptr<const KeySet> KeySource::current() const {
  const std::lock_guard lock(mutex_);
  const bool good = keys_ != nullptr &&
                    (is_file() || steady_ms() - keys_->read_ms <= config_.refresh_ms + config_.stale_ms);
  return good ? keys_ : nullptr;
}

bool KeySource::may_fetch() const {
  if (is_file()) {
    return false;
  }
  const int64_t last = fetched_ms_.load();
  return fetching_.load() || last == 0 || steady_ms() - last >= config_.cooldown_ms;
}

Task<void> KeySource::refetch() {
  if (!may_fetch()) {
    co_return;
  }
  auto waiter = std::make_shared<Waiter>(co_await asio::this_coro::executor);
  waiter->timer.expires_after(kWait);
  {
    const std::lock_guard lock(mutex_);
    if (waiters_.size() >= kWaitersMax) {
      co_return;
    }
    waiters_.push_back(waiter);
  }
  asio::post(home_, [self = shared_from_this()] {
    if (!self->fetching_) {
      self->timer_.cancel();  // run() goes on
    }
  });
  boost::system::error_code ignored;
  co_await waiter->timer.async_wait(asio::redirect_error(use_awaitable, ignored));
  const std::lock_guard lock(mutex_);
  waiters_.erase(std::remove(waiters_.begin(), waiters_.end(), waiter), waiters_.end());
}

void KeySource::wake_waiters() {
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Waiter>& waiter : waiters_) {
    asio::post(waiter->timer.get_executor(), [waiter] { waiter->timer.cancel(); });
  }
}

Task<void> KeySource::run() {
  bool told = false;
  while (!stopped_) {
    fetching_ = true;
    Result<std::string> text = co_await fetch_keys();
    const Result<void> taken = text.has_error() ? Result<void>(text.error()) : take(std::move(*text));
    if (taken.has_error() && !told) {
      observe::log(Level::Warn, "an issuer's keys cannot be fetched",
                   {{"issuer", config_.issuer}, {"reason", taken.error().message()}});
    }
    told = taken.has_error();
    fetched_ms_ = steady_ms();
    fetching_ = false;
    wake_waiters();
    if (stopped_) {
      break;
    }
    // A failure is tried again soon, but never faster than tokens may ask for.
    const int64_t pause_ms = taken.has_error()
                                 ? std::min(config_.refresh_ms, std::max<int64_t>(config_.cooldown_ms, 1'000))
                                 : config_.refresh_ms;
    timer_.expires_after(std::chrono::milliseconds(pause_ms));
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
}

Task<Result<std::string>> KeySource::fetch_keys() {
  if (address_.empty()) {
    if (!config_.jwks.empty()) {
      address_ = config_.jwks;
    } else {
      Result<std::string> found = co_await discover();
      if (found.has_error()) {
        co_return found.error();
      }
      address_ = std::move(*found);
    }
  }
  Result<Fetched> answer = co_await fetch(address_, {config_.ca_file});
  if (answer.has_error()) {
    co_return answer.error();
  }
  if (answer->status != 200) {
    co_return error(address_ + " answered " + std::to_string(answer->status));
  }
  co_return std::move(answer->body);
}

/// RFC 8414 section 3 and OpenID Connect Discovery, in the order that MCP clients use.
Task<Result<std::string>> KeySource::discover() {
  const std::string& issuer = config_.issuer;
  const size_t path_at = std::min(issuer.find('/', issuer.find("//") + 2), issuer.size());
  const std::string origin = issuer.substr(0, path_at);
  std::string path = issuer.substr(path_at);
  while (!path.empty() && path.back() == '/') {
    path.pop_back();
  }
  const std::string places[] = {origin + "/.well-known/oauth-authorization-server" + path,
                                origin + "/.well-known/openid-configuration" + path,
                                origin + path + "/.well-known/openid-configuration"};
  std::string last = "no metadata";
  for (const std::string& place : places) {
    Result<Fetched> answer = co_await fetch(place, {config_.ca_file});
    if (answer.has_error()) {
      last = answer.error().message();
      continue;
    }
    const std::optional<Json> metadata = answer->status == 200 ? parse_strict(answer->body) : std::nullopt;
    if (!metadata || !metadata->is_object() || !metadata->contains("jwks_uri") ||
        !(*metadata)["jwks_uri"].is_string()) {
      last = place + " is no metadata of an authorization server";
      continue;
    }
    // Metadata that names another issuer could lend us that one's keys.
    if (metadata->value("issuer", Json()) != Json(issuer)) {
      co_return error(place + " names another issuer");
    }
    std::string keys = (*metadata)["jwks_uri"].get<std::string>();
    if (issuer.rfind("https://", 0) == 0 && keys.rfind("https://", 0) != 0) {
      co_return error(place + " names keys without TLS");
    }
    co_return keys;
  }
  co_return error(last);
}

Result<void> KeySource::take(std::string text) {
  {
    const std::lock_guard lock(mutex_);
    if (keys_ != nullptr && keys_->text == text) {
      auto same = std::make_shared<KeySet>(*keys_);
      same->read_ms = steady_ms();
      keys_ = std::move(same);
      return {};
    }
  }
  Result<std::vector<VerificationKey>> keys = parse_jwks(text);
  if (keys.has_error()) {
    return add_context(keys.error(), is_file() ? config_.jwks : address_);
  }
  auto fresh = std::make_shared<KeySet>();
  fresh->keys = std::move(*keys);
  fresh->text = std::move(text);
  fresh->read_ms = steady_ms();
  fresh->version = version_.load() + 1;
  const std::lock_guard lock(mutex_);
  version_.store(fresh->version, std::memory_order_release);
  keys_ = std::move(fresh);
  return {};
}

}  // namespace catalyst::server
