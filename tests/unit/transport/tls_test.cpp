#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <thread>

#include "runtime/mcp/http_client.h"
#include "tests/unit/transport/harness.h"

namespace catalyst::mcp {
namespace {

using test::run_on;
using Tcp = asio::ip::tcp;

/// A self-signed certificate for `localhost` and its key, as files.
struct Certificate {
  Certificate() {
    const auto free_key = [](EVP_PKEY* key) { EVP_PKEY_free(key); };
    const auto free_cert = [](X509* cert) { X509_free(cert); };
    const std::unique_ptr<EVP_PKEY, decltype(free_key)> key(EVP_EC_gen("P-256"), free_key);
    const std::unique_ptr<X509, decltype(free_cert)> cert(X509_new(), free_cert);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
    X509_set_pubkey(cert.get(), key.get());
    X509_NAME* name = X509_get_subject_name(cert.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                               -1, -1, 0);
    X509_set_issuer_name(cert.get(), name);
    X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(cert.get(), names, -1);
    X509_EXTENSION_free(names);
    X509_sign(cert.get(), key.get(), EVP_sha256());
    write(cert_file, [&](FILE* file) { PEM_write_X509(file, cert.get()); });
    write(key_file,
          [&](FILE* file) { PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }
  ~Certificate() {
    ::unlink(cert_file.c_str());
    ::unlink(key_file.c_str());
  }
  template <class Write>
  static void write(const std::string& path, Write&& content) {
    FILE* file = std::fopen(path.c_str(), "w");
    content(file);
    std::fclose(file);
  }

  std::string cert_file = testing::TempDir() + "catalyst_tls_" + std::to_string(::getpid()) + "_cert.pem";
  std::string key_file = testing::TempDir() + "catalyst_tls_" + std::to_string(::getpid()) + "_key.pem";
};

/// Accepts `connections` TLS connections, one after another; each answers requests until its peer leaves.
class TlsServer {
 public:
  TlsServer(const Certificate& certificate, int connections, bool old_protocol = false)
      : tls_(asio::ssl::context::tls_server),
        acceptor_(io_, Tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    tls_.use_certificate_chain_file(certificate.cert_file);
    tls_.use_private_key_file(certificate.key_file, asio::ssl::context::pem);
    if (old_protocol) {
      SSL_CTX_set_max_proto_version(tls_.native_handle(), TLS1_1_VERSION);
      SSL_CTX_set_security_level(tls_.native_handle(), 0);
    }
    thread_ = std::thread([this, connections] {
      for (int i = 0; i < connections; ++i) {
        serve_one();
      }
    });
  }
  ~TlsServer() { thread_.join(); }
  [[nodiscard]] uint16_t port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] int served() const { return served_; }

 private:
  void serve_one() {
    boost::system::error_code ec;
    Tcp::socket socket(io_);
    acceptor_.accept(socket, ec);
    asio::ssl::stream<Tcp::socket&> stream(socket, tls_);
    stream.handshake(asio::ssl::stream_base::server, ec);
    std::string request(4096, '\0');
    while (!ec && stream.read_some(asio::buffer(request), ec) > 0) {
      ++served_;
      asio::write(stream, asio::buffer(std::string("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")),
                  ec);
    }
  }

  asio::io_context io_;
  asio::ssl::context tls_;
  Tcp::acceptor acceptor_;
  std::atomic<int> served_{0};
  std::thread thread_;
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : pool_(1) { pool_.start(); }
  ~TlsTest() override { pool_.stop(); }

  std::string get(uint16_t port, const std::string& host, const std::string& ca_file, int times = 1) {
    HttpClientOptions options;
    options.ca_file = ca_file;
    HttpClient client(*parse_http_url("https://" + host + ":" + std::to_string(port) + "/"), options);
    HttpRequest request;
    request.head = "POST / HTTP/1.1\r\nHost: x\r\n";
    request.body = {"a", "b", "c"};
    std::string out;
    for (int i = 0; i < times; ++i) {
      const auto response = run_on(pool_.executor(0), client.request(request));
      out += response ? response->body : response.error().message();
    }
    client.close();
    return out;
  }

  Certificate certificate_;
  server::IoPool pool_;
};

TEST_F(TlsTest, ATrustedPeerIsServedOnOneConnection) {
  TlsServer server(certificate_, 1);
  EXPECT_EQ(get(server.port(), "localhost", certificate_.cert_file, 3), "secretsecretsecret");
  EXPECT_EQ(server.served(), 3);
}

TEST_F(TlsTest, AnUnknownPeerIsRefused) {
  TlsServer server(certificate_, 1);
  EXPECT_NE(get(server.port(), "localhost", "").find("certificate verify failed"), std::string::npos);
  EXPECT_EQ(server.served(), 0);
}

TEST_F(TlsTest, AnotherNameIsRefused) {
  TlsServer server(certificate_, 1);
  EXPECT_NE(get(server.port(), "127.0.0.1", certificate_.cert_file).find("certificate verify failed"),
            std::string::npos);
  EXPECT_EQ(server.served(), 0);
}

TEST_F(TlsTest, OldProtocolsAreRefused) {
  TlsServer server(certificate_, 1, true);
  EXPECT_EQ(get(server.port(), "localhost", certificate_.cert_file).find("secret"), std::string::npos);
  EXPECT_EQ(server.served(), 0);
}

}  // namespace
}  // namespace catalyst::mcp
