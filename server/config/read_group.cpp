#include "server/config/read_group.h"

#include <filesystem>

namespace catalyst::server {
namespace {

constexpr size_t kUrlMax = 128;     // becomes part of session ids
constexpr size_t kPrefixMax = 128;  // of keys in Redis

class GroupReader {
 public:
  GroupReader(const std::string& file, const Reader& read, std::vector<Problem>& problems)
      : file_(file), read_(read), problems_(problems) {}

  void engine(const std::string& folder, Config& config) {
    config.engine_url = read_.text("engine.url");
    if (const std::string ca = read_.text("engine.ca"); !ca.empty()) {
      config.engine_ca = (std::filesystem::path(folder) / ca).lexically_normal().string();
    }
    const std::string& url = config.engine_url;
    if (url.empty()) {
      return;
    }
    if ((url.rfind("http://", 0) != 0 && url.rfind("https://", 0) != 0) || url.size() > kUrlMax ||
        url.find_first_of("?# \"\\@") != std::string::npos) {
      report("engine.url", "`engine.url` must be an http:// or https:// address",
             "write the address of this engine alone, such as http://10.0.0.5:8080");
    }
    if (config.secrets.empty()) {
      report("engine.url", "`engine.url` needs `secrets`, the same for all engines",
             "make one: openssl rand -hex 32");
    }
  }

  void redis(Config& config) {
    RedisConfig& redis = config.redis;
    const std::string url = read_.text("cache.redis.url");
    redis.prefix = read_.text("cache.redis.prefix");
    redis.timeout_ms = read_.duration("cache.redis.timeout");
    redis.retry_ms = read_.duration("cache.redis.retry");
    redis.value_bytes = static_cast<size_t>(read_.bytes("cache.redis.max_value"));
    if (url.empty()) {
      return;
    }
    if (Result<redis::Address> address = redis::parse_address(url); address.has_error()) {
      report("cache.redis.url", "`cache.redis.url`: " + address.error().message(), "");
    } else {
      redis.address = std::move(*address);
    }
    if (config.secrets.empty()) {
      report("cache.redis.url", "results that engines share are sealed with `secrets`",
             "give all engines the same `secrets`");
    }
    if (redis.prefix.size() > kPrefixMax) {
      report("cache.redis.prefix", "`cache.redis.prefix` is longer than 128 bytes", "");
    }
  }

 private:
  void report(const std::string& key, std::string message, std::string remedy) {
    const Tree& at = *read_.find(key);
    problems_.push_back({file_, at.line, at.column, std::move(message), std::move(remedy)});
  }

  const std::string& file_;
  const Reader& read_;
  std::vector<Problem>& problems_;
};

}  // namespace

void read_group(const std::string& file, const std::string& folder, const Reader& read, Config& config,
                std::vector<Problem>& problems) {
  GroupReader reader(file, read, problems);
  reader.engine(folder, config);
  reader.redis(config);
}

}  // namespace catalyst::server
