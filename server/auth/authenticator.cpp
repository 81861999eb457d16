#include "server/auth/authenticator.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>
#include <unordered_map>

#include "runtime/base/clock.h"
#include "runtime/observe/log.h"
#include "server/auth/identity.h"
#include "server/auth/jwt.h"
#include "server/auth/key_source.h"
#include "server/auth/token_cache.h"
#include "server/auth/token_memo.h"
#include "server/config/digest.h"

namespace catalyst::server {
namespace {

using observe::Level;

Digest digest_from_hex(std::string_view hex) {
  const auto nibble = [](char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Digest out{};
  for (size_t i = 0; i < out.size() && 2 * i + 1 < hex.size(); ++i) {
    out[i] = static_cast<uint8_t>(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
  }
  return out;
}

/// The bucket of a digest. What leaks through the table's timing is a hash of the attacker's own guess, which
/// says nothing about any token.
uint64_t bucket(const Digest& digest) {
  uint64_t word = 0;
  std::memcpy(&word, digest.data(), sizeof word);
  return word;
}

bool is_bearer(std::string_view scheme) {
  static constexpr std::string_view kBearer = "bearer";
  return scheme.size() == kBearer.size() && std::equal(scheme.begin(), scheme.end(), kBearer.begin(),
                                                       [](char a, char b) { return (a | 32) == b; });
}

/// b64token of RFC 6750 section 2.1.
bool is_token_text(std::string_view text) {
  const size_t end = std::min(text.find('='), text.size());
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~' || c == '+' || c == '/';
  };
  return end > 0 && std::all_of(text.begin(), text.begin() + static_cast<ptrdiff_t>(end), plain) &&
         std::all_of(text.begin() + static_cast<ptrdiff_t>(end), text.end(), [](char c) { return c == '='; });
}

/// The tokens of configuration and keys file. Immutable.
struct TokenTable {
  struct Entry {
    Digest digest;
    IdentityPtr identity;
  };
  std::unordered_multimap<uint64_t, Entry> by_digest;

  void add(const TokenConfig& token, const TextMap& implies) {
    PrincipalConfig principal = token.principal;
    principal.scopes = with_implied(std::move(principal.scopes), implies);
    auto identity = std::make_shared<Identity>(std::move(principal));
    identity->expires_us = token.expires_us;
    const Digest digest = digest_from_hex(token.sha256);
    by_digest.emplace(bucket(digest), Entry{digest, std::move(identity)});
  }
  [[nodiscard]] IdentityPtr find(const Digest& digest) const {
    const auto [first, last] = by_digest.equal_range(bucket(digest));
    for (auto it = first; it != last; ++it) {
      if (CRYPTO_memcmp(it->second.digest.data(), digest.data(), digest.size()) == 0) {
        return it->second.identity;
      }
    }
    return nullptr;
  }
};

struct Issuer {
  IssuerConfig config;
  std::shared_ptr<KeySource> keys;
};

/// Keys that may have made the signature: by key id, or without one all that fit.
std::vector<const VerificationKey*> candidates(const KeySet& set, const Json& header, Algorithm algorithm) {
  const auto kid = header.find("kid");
  const bool named = kid != header.end();
  std::vector<const VerificationKey*> out;
  for (const VerificationKey& key : set.keys) {
    if (key.fits(algorithm) && (!named || Json(key.kid) == *kid)) {
      out.push_back(&key);
    }
  }
  // Without a key id a sender could have every key tried; issuers with several keys name theirs.
  return named || out.size() <= 2 ? out : std::vector<const VerificationKey*>();
}

}  // namespace

struct TokenAuthenticator::Impl {
  enum class Fetch : uint8_t { Allowed, Done };
  struct Refusal {
    int status = 401;
    std::string_view error;
    std::string reason;  // shown to the sender
  };
  struct Found {
    IdentityPtr identity;          // nullptr: see the others
    const Issuer* wait = nullptr;  // whose keys must be fetched first
    Refusal refusal;
  };

  Impl(const AuthConfig& c, const Resources& r, Options o)
      : config(c),
        resources(r),
        options(o),
        anonymous(std::make_shared<Identity>(config.anonymous)),
        cache(o.principals) {
    set_table({});
  }

  void set_table(const std::vector<TokenConfig>& file_tokens) {
    auto fresh = std::make_shared<TokenTable>();
    for (const std::vector<TokenConfig>* tokens : {&config.tokens, &file_tokens}) {
      for (const TokenConfig& token : *tokens) {
        fresh->add(token, config.scope_implies);
      }
    }
    const std::lock_guard lock(mutex);
    table = std::move(fresh);
    generation.store(next_generation().fetch_add(1) + 1, std::memory_order_release);
  }

  /// Unique over all authenticators, so that a thread's cached table is never another's.
  static std::atomic<uint64_t>& next_generation() {
    static std::atomic<uint64_t> next{0};
    return next;
  }

  /// The table in force; a thread takes the lock only after it changed.
  const TokenTable& current_table() {
    thread_local uint64_t seen = 0;
    thread_local std::shared_ptr<const TokenTable> mine;
    const uint64_t now = generation.load(std::memory_order_acquire);
    if (seen != now) {
      const std::lock_guard lock(mutex);
      mine = table;
      seen = now;
    }
    return *mine;
  }

  Result<void> read_keys_file() {
    std::ifstream in(config.keys_file, std::ios::binary);
    if (!in) {
      return error("cannot read " + config.keys_file);
    }
    std::ostringstream text;
    text << in.rdbuf();
    std::vector<Problem> problems;
    const std::vector<TokenConfig> tokens = read_keys({config.keys_file, text.str()}, problems);
    if (!problems.empty()) {
      return error(problems.front().text());
    }
    set_table(tokens);
    return {};
  }

  Found find(const Credentials& credentials, Fetch fetch);
  Found find_known(std::string_view token, Fetch fetch);
  Found find_token(std::string_view token, Fetch fetch);
  Found find_jwt(std::string_view token, const Digest& digest, Fetch fetch);
  Found check_jwt(const CompactJws& jws, const Digest& digest, uint32_t issuer, Fetch fetch);
  [[nodiscard]] bool is_current(const Identity& identity) const;
  [[nodiscard]] std::shared_ptr<const decision::Principal> find_certificate(
      const PeerCertificate& from) const;
  [[nodiscard]] Admission decide(const Credentials& credentials, const Found& found) const;
  [[nodiscard]] Admission refuse(const Credentials& credentials, const Refusal& refusal) const;
  [[nodiscard]] bool is_for(const Identity& identity, std::string_view path) const;

  const AuthConfig config;
  const Resources& resources;
  const Options options;
  const IdentityPtr anonymous;
  std::vector<Issuer> issuers;
  std::atomic<uint64_t> generation{0};
  std::mutex mutex;  // guards table
  std::shared_ptr<const TokenTable> table;
  TokenCache cache;
  const KeyedHash keyed_hash;
};

TokenAuthenticator::Impl::Found TokenAuthenticator::Impl::find(const Credentials& credentials, Fetch fetch) {
  const std::string_view authorization =
      credentials.exchange.header("Authorization").value_or(std::string_view());
  std::string_view key;
  if (!config.api_key_header.empty()) {
    key = credentials.exchange.header(config.api_key_header).value_or(std::string_view());
  }
  if (!authorization.empty() && !key.empty()) {
    return {{}, {}, {400, "invalid_request", "the token stands in two headers"}};
  }
  if (authorization.empty() && key.empty()) {
    return {};
  }
  std::string_view token = key;
  if (key.empty()) {
    const size_t space = authorization.find(' ');
    if (!is_bearer(authorization.substr(0, space))) {
      return {{}, {}, {401, "", "the authorization scheme must be Bearer"}};
    }
    token = space == std::string_view::npos ? std::string_view() : authorization.substr(space);
    token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  }
  return token.size() <= options.token_bytes
             ? find_known(token, fetch)
             : Found{{}, {}, {400, "invalid_request", "the token is too long"}};
}

/// Whether whom a token named is whom it names now: everything that can end that while the table of tokens
/// stays.
bool TokenAuthenticator::Impl::is_current(const Identity& identity) const {
  const bool is_jwt = identity.keys_version != 0;
  return identity.expires_us > wall_us() &&
         (!is_jwt || identity.keys_version == issuers[identity.issuer].keys->version());
}

/// First by what this thread remembers.
TokenAuthenticator::Impl::Found TokenAuthenticator::Impl::find_known(std::string_view token, Fetch fetch) {
  thread_local TokenMemo memo;
  const KeyedHash::Value hash = keyed_hash(token);
  // Before the table is read: what is found in a later one must not outlive the later one's end.
  if (IdentityPtr known = memo.find(hash, generation.load(std::memory_order_acquire));
      known != nullptr && is_current(*known)) {
    return {std::move(known), {}, {}};
  }
  if (!is_token_text(token)) {
    return {{}, {}, {400, "invalid_request", "the token is malformed"}};
  }
  Found found = find_token(token, fetch);
  if (found.identity != nullptr) {
    memo.insert(hash, found.identity);
  }
  return found;
}

TokenAuthenticator::Impl::Found TokenAuthenticator::Impl::find_token(std::string_view token, Fetch fetch) {
  const Digest digest = sha256(token);
  if (IdentityPtr identity = current_table().find(digest)) {
    if (identity->expires_us <= wall_us()) {
      return {{}, {}, {401, "invalid_token", "the token has expired"}};
    }
    return {std::move(identity), {}, {}};
  }
  if (issuers.empty()) {
    return {{}, {}, {401, "invalid_token", "the token is not known"}};
  }
  return find_jwt(token, digest, fetch);
}

TokenAuthenticator::Impl::Found TokenAuthenticator::Impl::find_jwt(std::string_view token,
                                                                   const Digest& digest, Fetch fetch) {
  if (IdentityPtr known = cache.find(digest, wall_us())) {
    if (is_current(*known)) {
      return {std::move(known), {}, {}};
    }
    cache.erase(digest);  // the issuer's keys changed: its key may be gone
  }
  const Result<CompactJws> jws = parse_compact(token);
  if (jws.has_error()) {
    return {{}, {}, {401, "invalid_token", jws.error().message()}};
  }
  const Json issuer = jws->payload.value("iss", Json());
  for (uint32_t i = 0; i < issuers.size(); ++i) {
    if (issuer == Json(issuers[i].config.issuer)) {
      return check_jwt(*jws, digest, i, fetch);
    }
  }
  return {{}, {}, {401, "invalid_token", "the token is of another issuer"}};
}

/// What is cheap to refuse is refused before a signature is computed.
TokenAuthenticator::Impl::Found TokenAuthenticator::Impl::check_jwt(const CompactJws& jws,
                                                                    const Digest& digest, uint32_t index,
                                                                    Fetch fetch) {
  const Issuer& issuer = issuers[index];
  const Result<Algorithm> algorithm = check_header(jws.header, issuer.config);
  if (algorithm.has_error()) {
    return {{}, {}, {401, "invalid_token", algorithm.error().message()}};
  }
  Result<JwtClaims> claims = read_claims(jws.payload, issuer.config, wall_us(), config.leeway_ms * 1000);
  if (claims.has_error()) {
    return {{}, {}, {401, "invalid_token", claims.error().message()}};
  }
  const std::shared_ptr<const KeySet> keys = issuer.keys->current();
  const auto fitting =
      keys == nullptr ? std::vector<const VerificationKey*>() : candidates(*keys, jws.header, *algorithm);
  if (fitting.empty()) {
    if (fetch == Fetch::Allowed && issuer.keys->may_fetch()) {
      return {{}, &issuer, {}};
    }
    return {{}, {}, {401, "invalid_token", "the token's key is not known"}};
  }
  const bool good = std::any_of(fitting.begin(), fitting.end(), [&](const VerificationKey* key) {
    return verify_signature(*key, *algorithm, jws.signing_input, jws.signature);
  });
  if (!good) {
    return {{}, {}, {401, "invalid_token", "the token's signature is wrong"}};
  }
  claims->principal.scopes = with_implied(std::move(claims->principal.scopes), config.scope_implies);
  auto identity = std::make_shared<Identity>(std::move(claims->principal));
  identity->expires_us = claims->expires_us;
  identity->issuer = index;
  identity->keys_version = keys->version;
  identity->audiences = std::move(claims->audiences);
  const std::vector<std::string>& ours = issuer.config.audiences;
  identity->any_endpoint =
      std::any_of(identity->audiences.begin(), identity->audiences.end(), [&](const std::string& audience) {
        return std::find(ours.begin(), ours.end(), audience) != ours.end();
      });
  cache.insert(digest, identity);
  return {std::move(identity), {}, {}};
}

std::shared_ptr<const decision::Principal> TokenAuthenticator::Impl::find_certificate(
    const PeerCertificate& from) const {
  if (from.principal != nullptr) {
    return from.principal;
  }
  for (const CertificateConfig& known : config.certificates) {
    std::string_view match = known.match;
    const bool prefix = match.ends_with('*');
    match.remove_suffix(prefix ? 1 : 0);
    for (const std::string& name : from.names) {
      if (prefix ? !std::string_view(name).starts_with(match) : name != match) {
        continue;
      }
      PrincipalConfig principal = known.principal;
      if (principal.id.empty()) {
        const bool alternative =
            name.starts_with("DNS:") || name.starts_with("URI:") || name.starts_with("email:");
        principal.id = alternative ? name.substr(name.find(':') + 1) : name;
      }
      principal.scopes = with_implied(std::move(principal.scopes), config.scope_implies);
      const auto identity = std::make_shared<Identity>(std::move(principal));
      from.principal = {identity, &identity->principal};
      return from.principal;
    }
  }
  return nullptr;
}

bool TokenAuthenticator::Impl::is_for(const Identity& identity, std::string_view path) const {
  if (identity.any_endpoint) {
    return true;
  }
  const std::string resource = resources.resource_of(path);
  return std::any_of(identity.audiences.begin(), identity.audiences.end(),
                     [&](const std::string& audience) { return resources.covers(audience, resource); });
}

Admission TokenAuthenticator::Impl::decide(const Credentials& credentials, const Found& found) const {
  const std::string_view path = credentials.exchange.path();
  Admission out;
  if (found.wait != nullptr) {
    out.wait = true;
    return out;
  }
  if (found.identity != nullptr) {
    if (!is_for(*found.identity, path)) {
      return refuse(credentials, {401, "invalid_token", "the token is for another resource (aud)"});
    }
    out.principal = {found.identity, &found.identity->principal};
  } else if (found.refusal.reason.empty()) {  // no token was sent
    out.principal = credentials.certificate != nullptr ? find_certificate(*credentials.certificate) : nullptr;
    if (out.principal == nullptr && config.allow_anonymous) {
      out.principal = {anonymous, &anonymous->principal};
    }
  }
  if (out.principal == nullptr) {
    return refuse(credentials, found.refusal);
  }
  if (!resources.missing(path, *out.principal).empty()) {
    // Who sent no token at all is asked for one.
    const bool unknown = out.principal.get() == &anonymous->principal;
    return refuse(
        credentials,
        unknown ? Refusal{} : Refusal{403, "insufficient_scope", "the token lacks a scope that is needed"});
  }
  return out;
}

Admission TokenAuthenticator::Impl::refuse(const Credentials& credentials, const Refusal& refusal) const {
  const std::string_view path = credentials.exchange.path();
  Admission out;
  out.status = refusal.status;
  out.challenge = resources.challenge(path, refusal.error, refusal.reason, resources.needed(path));
  const std::string reason = refusal.reason.empty() ? "a token is needed" : refusal.reason;
  out.body = Json{
      {"error", refusal.error.empty() ? "unauthorized" : std::string(refusal.error)},
      {"error_description",
       reason}}.dump();
  observe::log(Level::Info, "not admitted",
               {{"request_id", credentials.exchange.request_id()},
                {"peer", credentials.exchange.peer()},
                {"path", path},
                {"status", int64_t{refusal.status}},
                {"reason", reason}});
  return out;
}

TokenAuthenticator::TokenAuthenticator(const AuthConfig& config, const Resources& resources, Options options)
    : impl_(std::make_unique<Impl>(config, resources, options)) {}

TokenAuthenticator::~TokenAuthenticator() = default;

Result<void> TokenAuthenticator::load() {
  return impl_->config.keys_file.empty() ? Result<void>() : impl_->read_keys_file();
}

void TokenAuthenticator::start(const Executor& home) {
  for (const IssuerConfig& issuer : impl_->config.issuers) {
    impl_->issuers.push_back({issuer, std::make_shared<KeySource>(issuer, home)});
    impl_->issuers.back().keys->start();
  }
}

void TokenAuthenticator::stop() {
  for (const Issuer& issuer : impl_->issuers) {
    issuer.keys->stop();
  }
}

void TokenAuthenticator::release() { impl_->issuers.clear(); }

void TokenAuthenticator::reload() {
  const auto tell = [](const Result<void>& outcome, std::string_view file) {
    if (outcome.has_error()) {
      observe::log(Level::Error, "credentials cannot be read again, the old ones stay",
                   {{"file", file}, {"reason", outcome.error().message()}});
    }
  };
  if (!impl_->config.keys_file.empty()) {
    tell(impl_->read_keys_file(), impl_->config.keys_file);
  }
  for (const Issuer& issuer : impl_->issuers) {
    tell(issuer.keys->reload(), issuer.config.jwks);
  }
}

std::vector<std::string> TokenAuthenticator::files() const {
  std::vector<std::string> out;
  if (!impl_->config.keys_file.empty()) {
    out.push_back(impl_->config.keys_file);
  }
  for (const IssuerConfig& issuer : impl_->config.issuers) {
    if (!issuer.jwks.empty() && issuer.jwks.front() == '/') {
      out.push_back(issuer.jwks);
    }
  }
  return out;
}

Admission TokenAuthenticator::admit(const Credentials& credentials) {
  return impl_->decide(credentials, impl_->find(credentials, Impl::Fetch::Allowed));
}

Task<Admission> TokenAuthenticator::admit_later(Credentials credentials) {
  const Impl::Found found = impl_->find(credentials, Impl::Fetch::Allowed);
  if (found.wait == nullptr) {
    co_return impl_->decide(credentials, found);
  }
  co_await found.wait->keys->refetch();
  co_return impl_->decide(credentials, impl_->find(credentials, Impl::Fetch::Done));
}

bool TokenAuthenticator::configured() const { return impl_->config.configured(); }

bool TokenAuthenticator::is_admin(const decision::Principal& principal) const {
  return !configured() || std::find(principal.roles.begin(), principal.roles.end(),
                                    impl_->config.admin_role) != principal.roles.end();
}

bool TokenAuthenticator::is_viewer(const decision::Principal& principal) const {
  return is_admin(principal) || std::find(principal.roles.begin(), principal.roles.end(),
                                          impl_->config.viewer_role) != principal.roles.end();
}

}  // namespace catalyst::server
