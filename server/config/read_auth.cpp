#include "server/config/read_auth.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "runtime/value/time.h"
#include "server/config/digest.h"

namespace catalyst::server {
namespace {

namespace fs = std::filesystem;

constexpr size_t kTokensMax = 10'000;
constexpr size_t kIssuersMax = 64;
constexpr size_t kCertificatesMax = 10'000;

bool is_address(const std::string& text) {
  return text.rfind("http://", 0) == 0 || text.rfind("https://", 0) == 0;
}

}  // namespace

bool is_safe_address(const std::string& text) {
  if (text.rfind("https://", 0) == 0) {
    return true;
  }
  if (text.rfind("http://", 0) != 0) {
    return false;
  }
  const std::string authority = text.substr(7, text.find('/', 7) - 7);
  const std::string host = authority.front() == '[' ? authority.substr(1, authority.find(']') - 1)
                                                    : authority.substr(0, authority.find(':'));
  return is_loopback_host(host);
}

void AuthReader::report(const Tree& at, std::string message, std::string remedy) {
  problems_.push_back({file_, at.line, at.column, std::move(message), std::move(remedy)});
}

std::string AuthReader::path(const Reader& read, std::string_view key) const {
  const std::string text = read.text(key);
  return text.empty() ? text : (fs::path(folder_) / text).lexically_normal().string();
}

AuthConfig AuthReader::auth(const Reader& read) {
  AuthConfig out;
  out.admin_role = read.text("auth.admin_role");
  out.viewer_role = read.text("auth.viewer_role");
  out.anonymous.id = read.text("auth.anonymous.id");
  out.anonymous.tenant = read.text("auth.anonymous.tenant");
  out.anonymous.roles = read.texts("auth.anonymous.roles");
  out.keys_file = path(read, "auth.keys_file");
  out.api_key_header = read.text("auth.api_key_header");
  out.scopes = read.texts("auth.scopes");
  out.scope_implies = read.pairs("auth.scope_implies");
  out.leeway_ms = read.duration("auth.leeway");
  if (const Tree* list = read.find("auth.tokens")) {
    tokens(*list, Clear::Allowed, out.tokens);
  }
  if (const Tree* list = read.find("auth.issuers")) {
    for (const Tree& item : list->items) {
      issuer(item, out);
    }
    if (list->items.size() > kIssuersMax) {
      report(*list, "more than " + std::to_string(kIssuersMax) + " issuers", "");
    }
  }
  if (const Tree* list = read.find("auth.certificates")) {
    for (const Tree& item : list->items) {
      certificate(item, out);
    }
    if (list->items.size() > kCertificatesMax) {
      report(*list, "more than " + std::to_string(kCertificatesMax) + " certificates", "");
    }
    if (read.text("tls.client_ca").empty()) {
      report(*list, "`auth.certificates` needs `tls.client_ca`",
             "name the CA that signs client certificates");
    }
  }
  out.allow_anonymous =
      read.find("auth.anonymous.allow") != nullptr ? read.flag("auth.anonymous.allow") : !out.configured();
  return out;
}

TlsConfig AuthReader::tls(const Reader& read) {
  TlsConfig out;
  out.certificate = path(read, "tls.certificate");
  out.key = path(read, "tls.key");
  out.client_ca = path(read, "tls.client_ca");
  out.client_required = read.text("tls.client_certificates") == "required" && !out.client_ca.empty();
  out.allow_tls12 = read.text("tls.min_version") == "1.2";
  const Tree* section = read.find("tls");
  if (section != nullptr && (out.certificate.empty() || out.key.empty())) {
    report(*section, "`tls` needs both `certificate` and `key`", "name two PEM files");
  }
  return out;
}

std::vector<TokenConfig> AuthReader::keys(const Tree& root) {
  std::vector<TokenConfig> out;
  const Tree* list = root.kind == Tree::Kind::Map ? root.find("tokens") : &root;
  if (root.kind == Tree::Kind::Null || list == nullptr) {
    return out;
  }
  if (list->kind != Tree::Kind::List) {
    report(*list, "a keys file must be a list of tokens", "`catalyst key new` writes one");
    return out;
  }
  tokens(*list, Clear::Refused, out);
  return out;
}

void AuthReader::tokens(const Tree& list, Clear clear, std::vector<TokenConfig>& out) {
  for (size_t i = 0; i < list.items.size() && i < kTokensMax; ++i) {
    token(list.items[i], clear, out);
  }
  if (list.items.size() > kTokensMax) {
    report(list, "more than " + std::to_string(kTokensMax) + " tokens", "");
  }
}

void AuthReader::token(const Tree& tree, Clear clear, std::vector<TokenConfig>& out) {
  const Reader read(&tree, "auth.tokens[].");
  const std::string text = read.text("token");
  TokenConfig token;
  token.sha256 = read.text("sha256");
  std::transform(token.sha256.begin(), token.sha256.end(), token.sha256.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (text.empty() == token.sha256.empty()) {
    report(tree, "a token needs either `token` or `sha256`", "sha256: printf %s TOKEN | sha256sum");
    return;
  }
  if (!text.empty() && clear == Clear::Refused) {
    report(*read.find("token"), "a keys file holds no clear tokens", "give `sha256` in place of `token`");
    return;
  }
  if (!text.empty() && text.size() < 16) {
    report(*read.find("token"), "a token must have at least 16 characters", "make one: openssl rand -hex 32");
  }
  if (!text.empty()) {
    token.sha256 = hex_digest(sha256(text));
  } else if (token.sha256.size() != 64 ||
             token.sha256.find_first_not_of("0123456789abcdef") != std::string::npos) {
    report(*read.find("sha256"), "`sha256` must be 64 hexadecimal digits", "printf %s TOKEN | sha256sum");
    return;
  }
  if (!digests_.insert(token.sha256).second) {
    report(tree, "this token appears twice", "give every principal a token of its own");
  }
  if (const Tree* at = read.find("expires")) {
    const std::optional<int64_t> when = value::parse_time(at->text);
    if (!when) {
      report(*at, "`expires` must be a time such as 2027-01-31T00:00:00Z", "");
    }
    token.expires_us = when.value_or(0);
  }
  token.principal.id = read.text("id");
  token.principal.tenant = read.text("tenant");
  token.principal.roles = read.texts("roles");
  token.principal.scopes = read.texts("scopes");
  token.principal.mfa = read.flag("mfa");
  token.principal.risk = read.count("risk");
  if (const Tree* claims = read.find("claims")) {
    token.principal.claims = tree_to_json(*claims);
  }
  out.push_back(std::move(token));
}

void AuthReader::issuer(const Tree& tree, AuthConfig& out) {
  const Reader read(&tree, "auth.issuers[].");
  IssuerConfig issuer;
  issuer.issuer = read.text("issuer");
  issuer.jwks = read.text("jwks");
  if (!issuer.jwks.empty() && !is_address(issuer.jwks)) {
    issuer.jwks = path(read, "jwks");
  }
  issuer.ca_file = path(read, "ca");
  issuer.audiences = read.texts("audiences");
  issuer.algorithms = read.texts("algorithms");
  issuer.types = read.texts("types");
  issuer.refresh_ms = read.duration("refresh");
  issuer.stale_ms = read.duration("stale");
  issuer.cooldown_ms = read.duration("cooldown");
  issuer.id_claim = read.text("id_claim");
  issuer.id_prefix = read.text("id_prefix");
  issuer.tenant_claim = read.text("tenant_claim");
  issuer.roles_claim = read.text("roles_claim");
  issuer.scope_claim = read.text("scope_claim");
  issuer.roles = read.texts("roles");
  check_issuer(tree, read, issuer);
  for (const IssuerConfig& other : out.issuers) {
    if (other.issuer == issuer.issuer) {
      report(tree, "a second issuer `" + issuer.issuer + "`", "keep one of them");
    }
  }
  out.issuers.push_back(std::move(issuer));
}

void AuthReader::check_issuer(const Tree& tree, const Reader& read, const IssuerConfig& issuer) {
  static constexpr std::string_view kAlgorithms[] = {
#define ALGORITHM(name, text, key, digest) text,
#include "server/config/algorithm.def"
#undef ALGORITHM
  };
  for (const std::string& name : issuer.algorithms) {
    if (std::find(std::begin(kAlgorithms), std::end(kAlgorithms), name) == std::end(kAlgorithms)) {
      report(*read.find("algorithms"), "`" + name + "` is no signature that tokens may have",
             "known: RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA; never `none` or HS256, whose key "
             "clients would know");
    }
  }
  const bool fetched = issuer.jwks.empty() || is_address(issuer.jwks);
  const std::string& address = issuer.jwks.empty() ? issuer.issuer : issuer.jwks;
  if (fetched && !is_safe_address(address)) {
    report(issuer.jwks.empty() ? tree : *read.find("jwks"),
           "keys would be fetched from `" + address + "` without TLS",
           "give an https:// address or a file as `jwks`");
  }
}

void AuthReader::certificate(const Tree& tree, AuthConfig& out) {
  const Reader read(&tree, "auth.certificates[].");
  CertificateConfig certificate;
  certificate.match = read.text("match");
  certificate.principal.id = read.text("id");
  certificate.principal.tenant = read.text("tenant");
  certificate.principal.roles = read.texts("roles");
  certificate.principal.scopes = read.texts("scopes");
  if (certificate.match.find('=') == std::string::npos && certificate.match.find(':') == std::string::npos) {
    report(tree, "`match` must be DNS:name, URI:..., email:... or a subject such as CN=name,O=company",
           "openssl x509 -noout -subject -nameopt RFC2253 -ext subjectAltName -in FILE");
  }
  out.certificates.push_back(std::move(certificate));
}

std::vector<TokenConfig> read_keys(const ConfigText& source, std::vector<Problem>& problems) {
  const Tree root = parse_tree(source.path, source.text, {}, problems);
  Tree wrapped;  // the shape that the table knows, so that unknown keys are told
  wrapped.kind = Tree::Kind::Map;
  const Tree* list = root.kind == Tree::Kind::Map ? root.find("tokens") : &root;
  if (list != nullptr && list->kind == Tree::Kind::List) {
    Tree auth;
    auth.kind = Tree::Kind::Map;
    auth.members.push_back({"tokens", list->line, list->column, *list});
    wrapped.members.push_back({"auth", list->line, list->column, std::move(auth)});
    validate(source.path, wrapped, problems);
  }
  return AuthReader(source.path, "", problems).keys(root);
}

}  // namespace catalyst::server
