#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <fstream>
#include <thread>

#include "runtime/mcp/http_client.h"
#include "server/http/listener.h"
#include "server/http/tls.h"
#include "tests/unit/transport/harness.h"

namespace catalyst::mcp {
namespace {

using test::run_on;
using Tcp = asio::ip::tcp;

/// A self-signed certificate for `localhost` and its key, as files.
struct Certificate {
  explicit Certificate(const std::string& label = "") : label_(label) {
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

  std::string label_;
  std::string cert_file =
      testing::TempDir() + "catalyst_tls_" + std::to_string(::getpid()) + label_ + "_cert.pem";
  std::string key_file =
      testing::TempDir() + "catalyst_tls_" + std::to_string(::getpid()) + label_ + "_key.pem";
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

/// Our own front door with the certificate; `/who` answers the first name of the client's.
class TlsFront {
 public:
  class Naming final : public server::Authenticator {
   public:
    server::Admission admit(const server::Credentials& credentials) override {
      server::Admission out;
      auto principal = std::make_shared<decision::Principal>();
      name_ = credentials.certificate == nullptr ? "nobody" : credentials.certificate->names.at(0);
      principal->id = name_;
      out.principal = std::move(principal);
      return out;
    }
    Task<server::Admission> admit_later(server::Credentials credentials) override {
      co_return admit(credentials);
    }

   private:
    std::string name_;
  };

  explicit TlsFront(server::TlsOptions options)
      : pool_(1), context_(*server::TlsContext::load(std::move(options))) {
    listener_ = std::make_unique<server::Listener>(
        pool_, server::HttpOptions{},
        [this](HttpExchange& exchange) -> Task<void> {
          const std::string path(exchange.path());
          if (path == "/stream") {
            const Header headers[] = {{"Content-Type", "text/event-stream"}};
            co_await exchange.begin_stream(200, headers, {});
            for (int i = 0; i < 3; ++i) {
              co_await exchange.write("data: " + std::to_string(i) + "\n\n");
            }
            co_await exchange.end_stream({});
            co_return;
          }
          const std::string body = path == "/who" ? std::string(exchange.principal().id) : exchange.body();
          co_await exchange.respond(200, {}, body);
        },
        &naming_, context_);
    if (!listener_->start()) {
      throw std::runtime_error("no port");
    }
    pool_.start();
  }
  ~TlsFront() { pool_.stop(); }
  [[nodiscard]] uint16_t port() const { return listener_->port(); }
  [[nodiscard]] server::TlsContext& context() { return *context_; }

 private:
  Naming naming_;
  server::IoPool pool_;
  std::shared_ptr<server::TlsContext> context_;
  std::unique_ptr<server::Listener> listener_;
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

  std::string ask(uint16_t port, const HttpClientOptions& options, const std::string& path,
                  std::string body = "", int times = 1) {
    HttpClient client(*parse_http_url("https://localhost:" + std::to_string(port) + path), options);
    HttpRequest request;
    const std::string head = "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n";
    request.head = head;
    request.body = {body, "", ""};
    std::string streamed;
    request.on_stream = [&](std::string_view bytes) {
      streamed += bytes;
      return true;
    };
    std::string out;
    for (int i = 0; i < times; ++i) {
      const auto response = run_on(pool_.executor(0), client.request(request));
      out += response ? response->body : response.error().message();
    }
    client.close();
    return out + streamed;
  }
  [[nodiscard]] server::TlsOptions front_options() const {
    return {certificate_.cert_file, certificate_.key_file, {}, false, false};
  }
  [[nodiscard]] HttpClientOptions trusting() const {
    HttpClientOptions out;
    out.ca_file = certificate_.cert_file;
    return out;
  }

  Certificate certificate_;
  server::IoPool pool_;
};

TEST_F(TlsTest, OurFrontDoorSpeaksIt) {
  TlsFront front(front_options());
  EXPECT_EQ(ask(front.port(), trusting(), "/echo", "hello", 3), "hellohellohello");
  EXPECT_EQ(ask(front.port(), trusting(), "/stream"), "data: 0\n\ndata: 1\n\ndata: 2\n\n");
  EXPECT_EQ(ask(front.port(), trusting(), "/who"), "nobody");
  std::string large(3'000'000, 'x');
  for (size_t i = 0; i < large.size(); ++i) {
    large[i] = static_cast<char>('a' + i * 31 % 26);
  }
  EXPECT_EQ(ask(front.port(), trusting(), "/echo", large), large);
}

TEST_F(TlsTest, PlainHttpIsToldSo) {
  TlsFront front(front_options());
  test::RawClient client(front.port());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(client.read_to_end().find("speaks https"), std::string::npos);
  test::RawClient garbage(front.port());
  garbage.send(std::string(100, '\x17'));
  garbage.read_to_end();
  EXPECT_TRUE(garbage.closed_by_peer());
}

TEST_F(TlsTest, ClientsNameThemselvesByCertificate) {
  server::TlsOptions options = front_options();
  options.client_ca = certificate_.cert_file;
  TlsFront optional(options);
  HttpClientOptions with = trusting();
  with.certificate_file = certificate_.cert_file;
  with.key_file = certificate_.key_file;
  EXPECT_EQ(ask(optional.port(), with, "/who"), "DNS:localhost");
  EXPECT_EQ(ask(optional.port(), trusting(), "/who"), "nobody");
  options.client_required = true;
  TlsFront required(options);
  EXPECT_EQ(ask(required.port(), with, "/who"), "DNS:localhost");
  EXPECT_EQ(ask(required.port(), trusting(), "/who").find("nobody"), std::string::npos);
  const Certificate stranger("stranger");
  with.certificate_file = stranger.cert_file;
  with.key_file = stranger.key_file;
  EXPECT_EQ(ask(optional.port(), with, "/who").find("DNS:"), std::string::npos);
}

TEST_F(TlsTest, CertificatesAreReadAgain) {
  TlsFront front(front_options());
  const Certificate other("other");
  HttpClientOptions trusts_other;
  trusts_other.ca_file = other.cert_file;
  EXPECT_NE(ask(front.port(), trusts_other, "/echo", "x"), "x");
  const auto copy = [](const std::string& from, const std::string& to) {
    std::ofstream(to, std::ios::binary) << std::ifstream(from, std::ios::binary).rdbuf();
  };
  const std::string old_certificate = testing::TempDir() + "catalyst_tls_old.pem";
  copy(certificate_.cert_file, old_certificate);
  copy(other.cert_file, certificate_.cert_file);
  EXPECT_TRUE(front.context().reload().has_error());  // half of a change: the key does not fit
  HttpClientOptions trusts_old;
  trusts_old.ca_file = old_certificate;
  EXPECT_EQ(ask(front.port(), trusts_old, "/echo", "x"), "x");
  copy(other.key_file, certificate_.key_file);
  EXPECT_TRUE(front.context().reload().has_value());
  EXPECT_EQ(ask(front.port(), trusts_other, "/echo", "x"), "x");
  ::unlink(old_certificate.c_str());
}

TEST_F(TlsTest, WrongFilesAreNamed) {
  server::TlsOptions options = front_options();
  options.key = "/nowhere/key.pem";
  EXPECT_NE(server::TlsContext::load(options).error().message().find("/nowhere/key.pem"), std::string::npos);
  options = front_options();
  options.client_ca = certificate_.key_file;
  EXPECT_NE(server::TlsContext::load(options).error().message().find("client_ca"), std::string::npos);
}

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
