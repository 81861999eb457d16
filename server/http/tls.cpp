#include "server/http/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>

#include "runtime/base/check.h"

namespace catalyst::server {
namespace {

constexpr size_t kNamesMax = 64;
constexpr size_t kNameBytesMax = 1'024;

/// Takes the reason of the last failure off OpenSSL's queue.
std::string reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* text = code == 0 ? nullptr : ERR_reason_error_string(code);
  return text == nullptr ? "not readable" : text;
}

int select_http11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                  unsigned int in_size, void*) {
  static constexpr unsigned char kHttp11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kHttp11, sizeof kHttp11, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Result<void> ask_for_certificates(SSL_CTX* context, const TlsOptions& options) {
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(options.client_ca.c_str());
  if (names == nullptr || SSL_CTX_load_verify_locations(context, options.client_ca.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return error("tls.client_ca " + options.client_ca + ": " + reason());
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(
      context, SSL_VERIFY_PEER | (options.client_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return {};
}

Result<std::shared_ptr<SSL_CTX>> make_context(const TlsOptions& options) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  CHECK(context != nullptr, "OpenSSL gives no context");
  SSL_CTX_set_min_proto_version(context.get(), options.allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");  // of 1.2
  SSL_CTX_set_alpn_select_cb(context.get(), select_http11, nullptr);
  static constexpr unsigned char kName[] = "catalyst";
  SSL_CTX_set_session_id_context(context.get(), kName, sizeof kName - 1);
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.certificate.c_str()) != 1) {
    return error("tls.certificate " + options.certificate + ": " + reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return error("tls.key " + options.key + ": " + reason());
  }
  if (!options.client_ca.empty()) {
    if (const Result<void> asked = ask_for_certificates(context.get(), options); asked.has_error()) {
      return asked.error();
    }
  }
  return context;
}

bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

void add_alternatives(X509* certificate, std::vector<std::string>& out) {
  auto* names =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && out.size() < kNamesMax; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    const char* kind = name->type == GEN_DNS ? "DNS:" : name->type == GEN_URI ? "URI:" : "email:";
    if (name->type != GEN_DNS && name->type != GEN_URI && name->type != GEN_EMAIL) {
      continue;
    }
    // A NUL inside would let one name pass for another.
    const ASN1_STRING* text = name->d.ia5;
    const std::string_view view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                static_cast<size_t>(ASN1_STRING_length(text)));
    if (is_plain(view)) {
      out.push_back(kind + std::string(view));
    }
  }
  GENERAL_NAMES_free(names);
}

std::string subject_of(X509* certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), BIO_free);
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return {data, size > 0 ? static_cast<size_t>(size) : 0};
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::load(TlsOptions options) {
  std::shared_ptr<TlsContext> out(new TlsContext(std::move(options)));
  if (const Result<void> read = out->reload(); read.has_error()) {
    return read.error();
  }
  return out;
}

Result<void> TlsContext::reload() {
  Result<std::shared_ptr<SSL_CTX>> fresh = make_context(options_);
  if (fresh.has_error()) {
    return fresh.error();
  }
  const std::lock_guard lock(mutex_);
  context_ = std::move(*fresh);
  return {};
}

std::shared_ptr<SSL_CTX> TlsContext::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

TlsSession::TlsSession(std::shared_ptr<SSL_CTX> context)
    : context_(std::move(context)),
      ssl_(SSL_new(context_.get())),
      in_(BIO_new(BIO_s_mem())),
      out_(BIO_new(BIO_s_mem())) {
  CHECK(ssl_ != nullptr && in_ != nullptr && out_ != nullptr, "out of memory");
  BIO_set_mem_eof_return(in_, -1);  // an empty buffer is not the end
  SSL_set_bio(ssl_, in_, out_);
  SSL_set_accept_state(ssl_);
  SSL_set_mode(ssl_, SSL_MODE_RELEASE_BUFFERS);  // an idle connection keeps no record buffers
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

void TlsSession::receive(const char* data, size_t size) {
  while (size > 0) {
    const int taken = BIO_write(in_, data, static_cast<int>(std::min<size_t>(size, INT_MAX)));
    CHECK(taken > 0, "a memory buffer takes everything");
    data += taken;
    size -= static_cast<size_t>(taken);
  }
}

TlsSession::Step TlsSession::read(char* to, size_t size, size_t& got) {
  ERR_clear_error();
  got = 0;
  const int outcome = SSL_read_ex(ssl_, to, size, &got);
  if (outcome == 1) {
    return Step::Data;
  }
  const int why = SSL_get_error(ssl_, outcome);
  ERR_clear_error();
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
    return Step::WantMore;
  }
  return why == SSL_ERROR_ZERO_RETURN ? Step::Closed : Step::Failed;
}

bool TlsSession::write(std::string_view plain) {
  ERR_clear_error();
  size_t written = 0;
  return plain.empty() || (established() && SSL_write_ex(ssl_, plain.data(), plain.size(), &written) == 1 &&
                           written == plain.size());
}

void TlsSession::shutdown() {
  if (established()) {
    SSL_shutdown(ssl_);
  }
  ERR_clear_error();
}

void TlsSession::take(std::string& out) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(out_, &data);
  if (size > 0) {
    out.append(data, static_cast<size_t>(size));
    BIO_reset(out_);
  }
}

bool TlsSession::established() const { return SSL_is_init_finished(ssl_) == 1; }

std::optional<PeerCertificate> TlsSession::peer() const {
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr || SSL_get_verify_result(ssl_) != X509_V_OK) {
    return std::nullopt;
  }
  PeerCertificate out;
  add_alternatives(certificate, out.names);
  if (std::string subject = subject_of(certificate); is_plain(subject)) {
    out.names.push_back(std::move(subject));
  }
  return out;
}

}  // namespace catalyst::server
