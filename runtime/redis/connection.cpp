#include "runtime/redis/connection.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cstring>

#include "runtime/base/clock.h"

namespace catalyst::redis {
namespace {

constexpr size_t kAheadBytes = size_t{64} * 1024;  // of what follows an answer, read with it

timeval time_of(int64_t ms) {
  ms = std::max<int64_t>(ms, 1);  // zero would be for ever
  timeval out{};
  out.tv_sec = ms / 1000;
  out.tv_usec = ms % 1000 * 1000;
  return out;
}

/// No command of ours is answered by an array, and the memory for one is asked for by the number it claims.
void* no_array(const redisReadTask*, int) { return nullptr; }

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(void* reply) const { freeReplyObject(reply); }
};

}  // namespace

struct Connection::Impl {
  std::unique_ptr<redisContext, FreeContext> context;
  redisReplyObjectFunctions functions{};
  size_t answer_bytes = 0;

  [[nodiscard]] Error failure() const {
    if (context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return error("no answer in time");
    }
    return error(context->errstr);
  }

  /// Puts the time that is left on the socket; false: none is.
  [[nodiscard]] bool arm(int64_t deadline_ms) const {
    const int64_t left = deadline_ms - steady_ms();
    return left > 0 && redisSetTimeout(context.get(), time_of(left)) == REDIS_OK;
  }

  Result<void> send(int64_t deadline_ms) const {
    for (int done = 0; done == 0;) {
      if (!arm(deadline_ms)) {
        return error("not taken in time");
      }
      if (redisBufferWrite(context.get(), &done) != REDIS_OK) {
        return failure();
      }
    }
    return {};
  }

  Result<Answer> receive(int64_t deadline_ms) const {
    for (;;) {
      void* raw = nullptr;
      if (redisGetReplyFromReader(context.get(), &raw) != REDIS_OK) {
        return failure();
      }
      if (raw != nullptr) {
        const std::unique_ptr<void, FreeReply> owned(raw);
        const auto* reply = static_cast<const redisReply*>(raw);
        Answer out;
        out.kind = reply->type == REDIS_REPLY_ERROR ? Answer::Kind::Refused : Answer::Kind::Text;
        if (reply->str != nullptr) {
          out.text.assign(reply->str, reply->len);
        }
        return out;
      }
      if (context->reader->len - context->reader->pos > answer_bytes + kAheadBytes) {
        return error("an answer larger than " + std::to_string(answer_bytes) + " bytes");
      }
      if (!arm(deadline_ms)) {
        return error("no answer in time");
      }
      if (redisBufferRead(context.get()) != REDIS_OK) {
        return failure();
      }
    }
  }
};

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::open(const Address& address, int64_t timeout_ms,
                                                     size_t answer_bytes) {
  const int64_t deadline_ms = steady_ms() + timeout_ms;
  auto impl = std::make_unique<Impl>();
  impl->context.reset(address.host.empty()
                          ? redisConnectUnixWithTimeout(address.path.c_str(), time_of(timeout_ms))
                          : redisConnectWithTimeout(address.host.c_str(), address.port, time_of(timeout_ms)));
  if (impl->context == nullptr) {
    return error("no memory for a connection");
  }
  if (impl->context->err != 0) {
    return error(impl->context->errstr);
  }
  impl->answer_bytes = answer_bytes;
  impl->functions = *impl->context->reader->fn;
  impl->functions.createArray = no_array;
  impl->context->reader->fn = &impl->functions;
  std::unique_ptr<Connection> out(new Connection(std::move(impl)));
  const std::string database = std::to_string(address.database);
  std::vector<Command> greeting;
  if (!address.user.empty()) {
    greeting.push_back({"AUTH", address.user, address.password});
  } else if (!address.password.empty()) {
    greeting.push_back({"AUTH", address.password});
  }
  if (address.database != 0) {
    greeting.push_back({"SELECT", database});
  }
  greeting.push_back({"PING"});
  const Result<std::vector<Answer>> answers = out->exchange(greeting, deadline_ms - steady_ms());
  if (answers.has_error()) {
    return answers.error();
  }
  for (const Answer& answer : *answers) {
    if (answer.kind == Answer::Kind::Refused) {
      return error("refused: " + answer.text);
    }
  }
  return out;
}

Result<std::vector<Answer>> Connection::exchange(std::span<const Command> commands, int64_t timeout_ms) {
  const int64_t deadline_ms = steady_ms() + timeout_ms;
  std::vector<const char*> words;
  std::vector<size_t> sizes;
  for (const Command& command : commands) {
    words.clear();
    sizes.clear();
    for (const std::string_view word : command) {
      words.push_back(word.data());
      sizes.push_back(word.size());
    }
    if (redisAppendCommandArgv(impl_->context.get(), static_cast<int>(words.size()), words.data(),
                               sizes.data()) != REDIS_OK) {
      return impl_->failure();
    }
  }
  if (const Result<void> sent = impl_->send(deadline_ms); sent.has_error()) {
    return sent.error();
  }
  std::vector<Answer> out;
  out.reserve(commands.size());
  for (size_t i = 0; i < commands.size(); ++i) {
    Result<Answer> answer = impl_->receive(deadline_ms);
    if (answer.has_error()) {
      return answer.error();
    }
    out.push_back(std::move(*answer));
  }
  return out;
}

}  // namespace catalyst::redis
