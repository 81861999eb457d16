#include "server/auth/jwt.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace catalyst::server {
namespace {

constexpr size_t kWordsMax = 1'000;  // roles, scopes, audiences of one token
constexpr size_t kIdMax = 512;
constexpr double kSecondsMax = 1e11;  // year 5138: beyond it nobody means a time

const Json* member(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

/// A claim by its name, which may hold dots (https://acme.example/roles), else by a path of names.
const Json* claim_at(const Json& payload, const std::string& path) {
  if (path.empty()) {
    return nullptr;
  }
  if (const Json* whole = member(payload, path)) {
    return whole;
  }
  const Json* at = &payload;
  size_t begin = 0;
  while (at != nullptr && at->is_object() && begin <= path.size()) {
    const size_t dot = std::min(path.find('.', begin), path.size());
    at = member(*at, path.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return begin > path.size() ? at : nullptr;
}

std::string text_at(const Json& payload, const std::string& path) {
  const Json* found = claim_at(payload, path);
  if (found != nullptr && found->is_string()) {
    return found->get<std::string>();
  }
  return found != nullptr && found->is_number_integer() ? found->dump() : std::string();
}

/// A list of texts, or one text of words.
std::vector<std::string> words_of(const Json* claim) {
  std::vector<std::string> out;
  if (claim == nullptr) {
    return out;
  }
  if (claim->is_string()) {
    out = split_words(claim->get_ref<const std::string&>());
  } else if (claim->is_array()) {
    for (const Json& item : *claim) {
      if (item.is_string()) {
        out.push_back(item.get<std::string>());
      }
    }
  }
  if (out.size() > kWordsMax) {
    out.resize(kWordsMax);
  }
  return out;
}

/// Microseconds since the epoch of a NumericDate; nullopt when it is none.
std::optional<int64_t> time_of(const Json& payload, const char* name) {
  const Json* claim = member(payload, name);
  if (claim == nullptr || !claim->is_number()) {
    return std::nullopt;
  }
  const auto seconds = claim->get<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kSecondsMax) {
    return std::nullopt;
  }
  return static_cast<int64_t>(seconds * 1e6);
}

Result<int64_t> check_times(const Json& payload, int64_t now_us, int64_t leeway_us) {
  const std::optional<int64_t> expires = time_of(payload, "exp");
  if (!expires) {
    return error("the token does not say when it ends (exp)");
  }
  if (*expires + leeway_us <= now_us) {
    return error("the token has expired");
  }
  for (const char* name : {"nbf", "iat"}) {
    if (member(payload, name) == nullptr) {
      continue;
    }
    const std::optional<int64_t> begins = time_of(payload, name);
    if (!begins || *begins - leeway_us > now_us) {
      return error("the token is not valid yet");
    }
  }
  return *expires + leeway_us;
}

bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty() && out.size() < kWordsMax) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) {
      out.emplace_back(text.substr(0, end));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Result<Algorithm> check_header(const Json& header, const IssuerConfig& issuer) {
  const Json* name = member(header, "alg");
  const std::string text = name != nullptr && name->is_string() ? name->get<std::string>() : std::string();
  const std::optional<Algorithm> algorithm = algorithm_of(text);
  const bool allowed =
      issuer.algorithms.empty() ||
      std::find(issuer.algorithms.begin(), issuer.algorithms.end(), text) != issuer.algorithms.end();
  if (!algorithm || !allowed) {
    return error("the token's signature is of a kind that is not accepted");
  }
  const Json* type = member(header, "typ");
  if (type != nullptr && !type->is_string()) {
    return error("the token is of a type that is not accepted");
  }
  // RFC 7515 section 4.1.9: compared without case, "application/" may be left out.
  std::string kind = type == nullptr ? "" : lower(type->get<std::string>());
  if (kind.rfind("application/", 0) == 0) {
    kind.erase(0, 12);
  }
  static const std::vector<std::string> kTypes = {"", "jwt", "at+jwt"};
  const bool known = issuer.types.empty()
                         ? std::find(kTypes.begin(), kTypes.end(), kind) != kTypes.end()
                         : std::any_of(issuer.types.begin(), issuer.types.end(),
                                       [&](const std::string& other) { return lower(other) == kind; });
  if (!known) {
    return error("the token is of a type that is not accepted");
  }
  return *algorithm;
}

Result<JwtClaims> read_claims(const Json& payload, const IssuerConfig& issuer, int64_t now_us,
                              int64_t leeway_us) {
  const Json* from = member(payload, "iss");
  if (from == nullptr || !from->is_string() || from->get_ref<const std::string&>() != issuer.issuer) {
    return error("the token is of another issuer");
  }
  const Result<int64_t> expires = check_times(payload, now_us, leeway_us);
  if (expires.has_error()) {
    return expires.error();
  }
  JwtClaims out;
  out.expires_us = *expires;
  const Json* audience = member(payload, "aud");
  if (audience != nullptr && audience->is_string()) {
    out.audiences.push_back(audience->get<std::string>());  // one value, even with blanks in it
  } else {
    out.audiences = words_of(audience);
  }
  if (out.audiences.empty()) {
    return error("the token does not say whom it is for (aud)");
  }
  const std::string id = text_at(payload, issuer.id_claim);
  if (id.empty() || id.size() > kIdMax || !is_plain(id)) {
    return error("the token does not name its principal (" + issuer.id_claim + ")");
  }
  out.principal.id = issuer.id_prefix + id;
  out.principal.tenant = text_at(payload, issuer.tenant_claim);
  out.principal.roles = words_of(claim_at(payload, issuer.roles_claim));
  out.principal.roles.insert(out.principal.roles.end(), issuer.roles.begin(), issuer.roles.end());
  out.principal.scopes = words_of(claim_at(payload, issuer.scope_claim));
  // RFC 8176: how the principal was told apart.
  const std::vector<std::string> methods = words_of(member(payload, "amr"));
  out.principal.mfa = std::find(methods.begin(), methods.end(), "mfa") != methods.end();
  out.principal.claims = payload.dump();
  return out;
}

}  // namespace catalyst::server
