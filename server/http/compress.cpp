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

/// A weight of "0", "0.0", ... takes a coding out.
bool is_zero_weight(std::string_view parameters) {
  const size_t at = parameters.find("q=");
  if (at == std::string_view::npos) {
    return false;
  }
  const std::string_view weight = trim(parameters.substr(at + 2));
  return !weight.empty() && weight.find_first_not_of("0.") == std::string_view::npos;
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
  Coding out = Coding::None;
  while (!accept.empty()) {
    const size_t comma = std::min(accept.find(','), accept.size());
    const std::string_view item = accept.substr(0, comma);
    accept.remove_prefix(std::min(comma + 1, accept.size()));
    const size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view name = trim(item.substr(0, semicolon));
    if (is_zero_weight(item.substr(semicolon))) {
      continue;
    }
    if (same_name(name, "zstd")) {
      return Coding::Zstd;
    }
    if (same_name(name, "gzip")) {
      out = Coding::Gzip;
    }
  }
  return out;
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
