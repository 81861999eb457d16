#pragma once

// Internal to server/config: the sections `auth` and `tls`.

#include <set>
#include <string>
#include <vector>

#include "server/config/reader.h"

namespace catalyst::server {

/// Reads who may ask and how clients connect; mistakes go to `problems`.
class AuthReader {
 public:
  /// `folder` is where relative paths start.
  AuthReader(std::string file, std::string folder, std::vector<Problem>& problems)
      : file_(std::move(file)), folder_(std::move(folder)), problems_(problems) {}

  AuthConfig auth(const Reader& read);
  TlsConfig tls(const Reader& read);
  /// The elements of a keys file.
  std::vector<TokenConfig> keys(const Tree& root);

 private:
  enum class Clear : uint8_t { Allowed, Refused };

  void report(const Tree& at, std::string message, std::string remedy);
  [[nodiscard]] std::string path(const Reader& read, std::string_view key) const;
  void tokens(const Tree& list, Clear clear, std::vector<TokenConfig>& out);
  void token(const Tree& tree, Clear clear, std::vector<TokenConfig>& out);
  void issuer(const Tree& tree, AuthConfig& out);
  void check_issuer(const Tree& tree, const Reader& read, const IssuerConfig& issuer);
  void certificate(const Tree& tree, AuthConfig& out);

  std::string file_;
  std::string folder_;
  std::vector<Problem>& problems_;
  std::set<std::string> digests_;
};

}  // namespace catalyst::server
