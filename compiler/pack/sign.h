#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/pack/pack.h"
#include "runtime/base/result.h"

namespace catalyst::pack {

/// An Ed25519 key (RFC 8032) as OpenSSL keeps it in PEM files: `openssl genpkey -algorithm ed25519`.
class Key {
 public:
  static Result<Key> private_from_pem(std::string_view pem);
  /// `name` is what reports call it.
  static Result<Key> public_from_pem(std::string_view pem, std::string name);
  static Key generate();

  /// SHA-256 of the raw public key.
  [[nodiscard]] const Digest& id() const { return id_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string private_pem() const;
  [[nodiscard]] std::string public_pem() const;

  [[nodiscard]] Signature sign(const Opened& pack) const;
  /// Did this key sign this very manifest?
  [[nodiscard]] bool signed_it(const Opened& pack, const Signature& signature) const;

  struct Impl;

 private:
  Key(std::shared_ptr<const Impl> impl, std::string name);

  std::shared_ptr<const Impl> impl_;
  std::string name_;
  Digest id_{};
};

/// Whom a reader believes. Without keys everybody.
struct Trust {
  std::vector<Key> keys;
  size_t required = 1;  // different keys that must have signed

  [[nodiscard]] bool demands_signatures() const { return !keys.empty(); }
};

/// Names of the trusted keys that signed the pack; an error when they are too few.
Result<std::vector<std::string>> check_trust(const Opened& pack, const Trust& trust);

}  // namespace catalyst::pack
