#include "server/auth/upstream_credentials.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <fstream>
#include <sstream>

#include "runtime/base/base64.h"
#include "runtime/base/clock.h"
#include "server/auth/fetch.h"
#include "server/auth/jose.h"
#include "server/auth/strict_json.h"
#include "server/config/digest.h"

namespace catalyst::server {
namespace {

constexpr size_t kTokensMax = 10'000;
constexpr size_t kFileBytesMax = 64 * 1024;
constexpr int64_t kDefaultLifeMs = 60'000;  // of a token whose server does not say
constexpr int64_t kMarginMs = 10'000;       // before its end a token is fetched anew
constexpr auto kWait = std::chrono::seconds(10);

bool is_header_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

/// A secret of a file, without the line break that editors leave.
Result<std::string> read_secret(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(kFileBytesMax, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  if (text.empty() || !is_header_text(text)) {
    return error("cannot read a secret from " + path);
  }
  return text;
}

void add_field(std::string& form, std::string_view name, std::string_view value) {
  if (!value.empty()) {
    form += form.empty() ? "" : "&";
    form += name;
    form += '=';
    append_form_encoded(form, value);
  }
}

struct Waiter {
  explicit Waiter(const Executor& executor) : timer(executor) {}
  SteadyTimer timer;
};

struct Entry {
  std::string token;
  int64_t until_ms = 0;
  bool fetching = false;
  std::vector<std::shared_ptr<Waiter>> waiters;
};

struct Grant {
  std::string token;
  int64_t life_ms = kDefaultLifeMs;
};

}  // namespace

struct UpstreamCredentials::Impl : std::enable_shared_from_this<UpstreamCredentials::Impl> {
  explicit Impl(UpstreamAuthConfig c)
      : config(std::move(c)), token(config.token), secret(config.client_secret) {}

  /// Ends a fetch however its coroutine ends, and lets the others go on.
  class Flight {
   public:
    Flight(std::shared_ptr<Impl> owner, std::string key) : owner_(std::move(owner)), key_(std::move(key)) {}
    ~Flight() {
      const std::lock_guard lock(owner_->mutex);
      Entry& entry = owner_->entries[key_];
      entry.fetching = false;
      for (const std::shared_ptr<Waiter>& waiter : entry.waiters) {
        asio::post(waiter->timer.get_executor(), [waiter] { waiter->timer.cancel(); });
      }
      entry.waiters.clear();
    }
    Flight(const Flight&) = delete;
    Flight& operator=(const Flight&) = delete;

   private:
    std::shared_ptr<Impl> owner_;
    std::string key_;
  };

  Task<Result<std::string>> fetched(std::string key, std::string subject);
  Task<Result<Grant>> ask(std::string subject);
  void make_room();

  const UpstreamAuthConfig config;
  std::mutex mutex;  // guards the rest
  std::string token;
  std::string secret;
  std::unordered_map<std::string, Entry> entries;  // by digest of the subject's token; "": our own
};

UpstreamCredentials::UpstreamCredentials(UpstreamAuthConfig config)
    : impl_(std::make_shared<Impl>(std::move(config))) {}
UpstreamCredentials::~UpstreamCredentials() = default;

bool UpstreamCredentials::per_principal() const {
  return impl_->config.exchange || !impl_->config.principals.empty();
}

Result<void> UpstreamCredentials::reload() {
  const auto read = [this](const std::string& file, std::string& to) -> Result<void> {
    if (file.empty()) {
      return {};
    }
    Result<std::string> text = read_secret(file);
    if (text.has_error()) {
      return text.error();
    }
    const std::lock_guard lock(impl_->mutex);
    to = std::move(*text);
    return {};
  };
  const Result<void> token = read(impl_->config.token_file, impl_->token);
  return token.has_error() ? token : read(impl_->config.client_secret_file, impl_->secret);
}

std::vector<std::string> UpstreamCredentials::files() const {
  std::vector<std::string> out;
  for (const std::string& file : {impl_->config.token_file, impl_->config.client_secret_file}) {
    if (!file.empty()) {
      out.push_back(file);
    }
  }
  return out;
}

Task<Result<std::string>> UpstreamCredentials::own() {
  const std::shared_ptr<Impl> impl = impl_;
  if (!impl->config.token_url.empty()) {
    co_return co_await impl->fetched("", "");
  }
  const std::lock_guard lock(impl->mutex);
  co_return impl->token;
}

Task<Result<std::string>> UpstreamCredentials::of(const decision::Principal& principal,
                                                  std::string_view subject) {
  const std::shared_ptr<Impl> impl = impl_;
  for (const auto& [id, token] : impl->config.principals) {
    if (id == principal.id) {
      co_return token;
    }
  }
  if (!impl->config.exchange) {
    co_return std::string();
  }
  // A key of ours is nothing to exchange, and nothing that a token endpoint may see.
  if (parse_compact(subject).has_error()) {
    co_return error(
        "this server wants a token of its own for each principal, and the client sent none to exchange");
  }
  const Digest digest = sha256(subject);
  co_return co_await impl->fetched({digest.begin(), digest.end()}, std::string(subject));
}

void UpstreamCredentials::reject(std::string_view token) {
  const std::lock_guard lock(impl_->mutex);
  for (auto& [key, entry] : impl_->entries) {
    if (entry.token == token) {
      entry.until_ms = 0;
    }
  }
}

Task<Result<std::string>> UpstreamCredentials::Impl::fetched(std::string key, std::string subject) {
  const std::shared_ptr<Impl> self = shared_from_this();
  const Executor executor = co_await asio::this_coro::executor;
  std::shared_ptr<Waiter> waiter;
  {
    const std::lock_guard lock(mutex);
    make_room();
    Entry& entry = entries[key];
    if (entry.until_ms > steady_ms()) {
      co_return entry.token;
    }
    if (entry.fetching) {
      waiter = std::make_shared<Waiter>(executor);
      entry.waiters.push_back(waiter);
    } else {
      entry.fetching = true;
    }
  }
  if (waiter != nullptr) {
    waiter->timer.expires_after(kWait);
    boost::system::error_code ignored;
    co_await waiter->timer.async_wait(asio::redirect_error(use_awaitable, ignored));
    const std::lock_guard lock(mutex);
    const Entry& entry = entries[key];
    if (entry.until_ms > steady_ms()) {
      co_return entry.token;
    }
    co_return error("no token for the server");
  }
  const Flight flight(self, key);
  Result<Grant> grant = co_await ask(std::move(subject));
  if (grant.has_error()) {
    co_return grant.error();
  }
  const std::lock_guard lock(mutex);
  Entry& entry = entries[key];
  entry.token = grant->token;
  entry.until_ms = steady_ms() + std::max(grant->life_ms - kMarginMs, grant->life_ms / 2);
  co_return entry.token;
}

/// Called under the lock.
void UpstreamCredentials::Impl::make_room() {
  if (entries.size() < kTokensMax) {
    return;
  }
  const int64_t now = steady_ms();
  std::erase_if(entries,
                [&](const auto& item) { return !item.second.fetching && item.second.until_ms <= now; });
  for (auto it = entries.begin(); entries.size() >= kTokensMax && it != entries.end();) {
    it = it->second.fetching ? std::next(it) : entries.erase(it);
  }
}

Task<Result<Grant>> UpstreamCredentials::Impl::ask(std::string subject) {
  std::string form;
  if (subject.empty()) {
    add_field(form, "grant_type", "client_credentials");
  } else {
    add_field(form, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    add_field(form, "subject_token", subject);
    add_field(form, "subject_token_type", "urn:ietf:params:oauth:token-type:access_token");
    add_field(form, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token");
  }
  add_field(form, "resource", config.resource);
  add_field(form, "audience", config.audience);
  add_field(form, "scope", config.scope);
  std::string credentials;
  append_form_encoded(credentials, config.client_id);
  credentials += ':';
  {
    const std::lock_guard lock(mutex);
    append_form_encoded(credentials, secret);
  }
  const Result<Fetched> answer =
      co_await post_form(config.token_url, "Authorization: Basic " + base64_encode(credentials) + "\r\n",
                         std::move(form), {config.ca_file});
  if (answer.has_error()) {
    co_return answer.error();
  }
  const std::optional<Json> json = parse_strict(answer->body);
  const bool object = json && json->is_object();
  const auto text = [&](const char* name) {
    return object && json->contains(name) && (*json)[name].is_string() ? (*json)[name].get<std::string>()
                                                                       : std::string();
  };
  Grant grant;
  grant.token = text("access_token");
  if (answer->status != 200 || grant.token.empty() || !is_header_text(grant.token)) {
    // The code of RFC 6749 section 5.2 alone: descriptions may hold anything.
    const std::string code = text("error");
    co_return error(config.token_url + " answered " + std::to_string(answer->status) +
                    (is_header_text(code) && code.size() < 64 ? " " + code : "") + " and no token");
  }
  if (const auto life = json->find("expires_in"); life != json->end() && life->is_number()) {
    grant.life_ms = static_cast<int64_t>(std::clamp(life->get<double>(), 0.0, 1e7) * 1000);
  }
  co_return grant;
}

}  // namespace catalyst::server
