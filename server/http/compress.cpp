#include "server/http/compress.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cctype>

namespace catalyst::server {
namespace {

constexpr int kGzipLevel = 1;
constexpr int kZstdLevel = 1;

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// In thousandths (RFC 9110 section 12.4.2); what is no weight counts as 0.
int weight_of(std::string_view parameters) {
  const size_t at = parameters.find_first_of("qQ");
  if (at == std::string_view::npos || at + 1 >= parameters.size() || parameters[at + 1] != '=') {
    return 1000;
  }
  const std::string_view text = trim(parameters.substr(at + 2));
  if (text.empty() || (text[0] != '0' && text[0] != '1') || (text.size() > 1 && text[1] != '.')) {
    return 0;
  }
  int out = (text[0] - '0') * 1000;
  int unit = 100;
  for (size_t i = 2; i < text.size() && unit > 0; ++i, unit /= 10) {
    out += text[i] >= '0' && text[i] <= '9' ? (text[i] - '0') * unit : 0;
  }
  return std::min(out, 1000);
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, kGzipLevel, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int outcome = deflate(&stream, Z_FINISH);
  out.resize(outcome == Z_STREAM_END ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), kZstdLevel);
  out.resize(ZSTD_isError(size) != 0 ? 0 : size);
  return out;
}

}  // namespace

Coding choose_coding(std::string_view accept) {
  constexpr int kUnnamed = -1;
  int zstd_weight = kUnnamed;
  int gzip_weight = kUnnamed;
  int identity_weight = kUnnamed;
  int other_weight = 0;  // of codings that are not named
  while (!accept.empty()) {
    const size_t comma = std::min(accept.find(','), accept.size());
    const std::string_view item = accept.substr(0, comma);
    accept.remove_prefix(std::min(comma + 1, accept.size()));
    const size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view name = trim(item.substr(0, semicolon));
    const int weight = weight_of(item.substr(semicolon));
    if (same_name(name, "zstd")) {
      zstd_weight = weight;
    } else if (same_name(name, "gzip") || same_name(name, "x-gzip")) {
      gzip_weight = weight;
    } else if (same_name(name, "identity")) {
      identity_weight = weight;
    } else if (name == "*") {
      other_weight = weight;
    }
  }
  zstd_weight = zstd_weight == kUnnamed ? other_weight : zstd_weight;
  gzip_weight = gzip_weight == kUnnamed ? other_weight : gzip_weight;
  const int best = std::max(zstd_weight, gzip_weight);
  if (best == 0 || best < identity_weight) {
    return Coding::None;
  }
  return zstd_weight == best ? Coding::Zstd : Coding::Gzip;
}

std::string_view coding_name(Coding coding) {
  switch (coding) {
    case Coding::None:
      return "identity";
    case Coding::Gzip:
      return "gzip";
    case Coding::Zstd:
      return "zstd";
  }
  return "";
}

std::string compress(Coding coding, std::string_view text) {
  constexpr size_t kMost = size_t{1} << 30;  // zlib counts in 32 bits
  if (text.size() > kMost) {
    return {};
  }
  std::string out = coding == Coding::Zstd ? zstd(text) : gzip(text);
  return out.size() < text.size() ? out : std::string();
}

}  // namespace catalyst::server
