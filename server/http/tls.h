#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "server/auth/admission.h"

namespace catalyst::server {

struct TlsOptions {
  std::string certificate;  // chain, PEM file
  std::string key;          // PEM file
  std::string client_ca;    // PEM bundle; "": clients are not asked for certificates
  bool client_required = false;
  bool allow_tls12 = false;  // else 1.3 alone
};

/// Certificate, key and rules for clients, which may be read again while connections stand. Any thread.
class TlsContext {
 public:
  /// Reads the files; an error names the one that is wrong.
  static Result<std::shared_ptr<TlsContext>> load(TlsOptions options);

  /// Reads them again; an error leaves what was there. Connections keep what they began with.
  Result<void> reload();
  [[nodiscard]] std::shared_ptr<SSL_CTX> current() const;
  [[nodiscard]] const TlsOptions& options() const { return options_; }

 private:
  explicit TlsContext(TlsOptions options) : options_(std::move(options)) {}

  const TlsOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;
};

/// The server's side of one TLS connection as a codec: bytes in, bytes out, no socket. One thread at a time.
class TlsSession {
 public:
  enum class Step : uint8_t {
    Data,      // plaintext was read
    WantMore,  // nothing until more bytes come in
    Closed,    // the peer said goodbye
    Failed,    // broken, or refused; what `take` gives says so to the peer
  };

  explicit TlsSession(std::shared_ptr<SSL_CTX> context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Takes bytes of the socket; all of them.
  void receive(const char* data, size_t size);
  /// Goes on with the handshake, then reads at most `size` (> 0) bytes of plaintext to `to`; `got` says how
  /// many.
  Step read(char* to, size_t size, size_t& got);
  /// Encrypts; false when the connection is broken or not established. `take` gives the result.
  bool write(std::string_view plain);
  /// Says goodbye.
  void shutdown();
  /// Appends what must go to the socket to `out`, in order.
  void take(std::string& out);

  [[nodiscard]] bool established() const;
  /// The client's certificate, verified; nullopt when it showed none.
  [[nodiscard]] std::optional<PeerCertificate> peer() const;

 private:
  const std::shared_ptr<SSL_CTX> context_;
  SSL* ssl_;
  BIO* in_;   // owned by ssl_
  BIO* out_;  // owned by ssl_
};

}  // namespace catalyst::server
