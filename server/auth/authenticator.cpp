#include "server/auth/authenticator.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <unordered_map>

#include "server/config/digest.h"

namespace catalyst::server {
namespace {

/// Owns what a decision::Principal's views point to. Stays where it was made.
struct Account {
  /// `key` is this account's alone; see decision::Principal::cache_key.
  Account(const PrincipalConfig& from, uint64_t key)
      : config(from), roles(config.roles.begin(), config.roles.end()) {
    principal.id = config.id;
    principal.tenant = config.tenant;
    principal.roles = roles;
    principal.mfa = config.mfa;
    principal.risk = config.risk;
    principal.claims = config.claims;
    principal.cache_key = key;
  }
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  PrincipalConfig config;
  std::vector<std::string_view> roles;
  decision::Principal principal;
  Digest digest{};
};

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

}  // namespace

struct TokenAuthenticator::Impl {
  explicit Impl(const AuthConfig& config)
      : allow_anonymous(config.allow_anonymous),
        admin_role(config.admin_role),
        anonymous(config.anonymous, 1) {
    for (const TokenConfig& token : config.tokens) {
      Account& account = accounts.emplace_back(token.principal, accounts.size() + 2);
      account.digest = digest_from_hex(token.sha256);
      by_digest.emplace(bucket(account.digest), &account);
    }
  }

  bool allow_anonymous;
  std::string admin_role;
  Account anonymous;
  std::deque<Account> accounts;
  std::unordered_multimap<uint64_t, const Account*> by_digest;
};

TokenAuthenticator::TokenAuthenticator(const AuthConfig& config) : impl_(std::make_unique<Impl>(config)) {}
TokenAuthenticator::~TokenAuthenticator() = default;

const decision::Principal& TokenAuthenticator::anonymous() const { return impl_->anonymous.principal; }

const decision::Principal* TokenAuthenticator::authenticate(std::string_view authorization) const {
  if (authorization.empty()) {
    return impl_->allow_anonymous ? &impl_->anonymous.principal : nullptr;
  }
  const size_t space = authorization.find(' ');
  if (space == std::string_view::npos || !is_bearer(authorization.substr(0, space))) {
    return nullptr;
  }
  const size_t start = authorization.find_first_not_of(' ', space);
  if (start == std::string_view::npos) {
    return nullptr;
  }
  const Digest digest = sha256(authorization.substr(start));
  const auto [first, last] = impl_->by_digest.equal_range(bucket(digest));
  for (auto it = first; it != last; ++it) {
    if (CRYPTO_memcmp(it->second->digest.data(), digest.data(), digest.size()) == 0) {
      return &it->second->principal;
    }
  }
  return nullptr;
}

bool TokenAuthenticator::has_tokens() const { return !impl_->accounts.empty(); }

bool TokenAuthenticator::is_admin(const decision::Principal& principal) const {
  if (impl_->accounts.empty()) {
    return true;
  }
  return std::find(principal.roles.begin(), principal.roles.end(), impl_->admin_role) !=
         principal.roles.end();
}

}  // namespace catalyst::server
