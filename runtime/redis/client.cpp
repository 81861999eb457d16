#include "runtime/redis/client.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>

#include "runtime/redis/connection.h"

namespace catalyst::redis {
namespace {

constexpr size_t kBatch = 64;  // questions and values in one exchange

/// What somebody handed in.
struct Job {
  std::vector<std::string> keys;
  Client::Got got;  // empty: `value` is put
  std::string value;
  std::string ttl;
};

/// hiredis writes to sockets that may be closed, and does not say that it wants no signal.
void block_pipe_signal() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

struct Client::Impl {
  explicit Impl(Options o) : options(std::move(o)), range_end(std::to_string(options.value_bytes)) {}

  const Options options;
  const std::string range_end;  // one byte more than a value may have: so larger ones are noticed
  std::atomic<bool> up = false;
  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::deque<Job> jobs;
  size_t waiting_bytes = 0;
  bool stopped = false;
  std::thread thread;  // and the rest is its own
  std::unique_ptr<Connection> connection;
  int64_t pause_ms = 0;
  bool told = false;  // that there is no connection

  bool add(Job job) {
    {
      const std::lock_guard lock(mutex);
      if (stopped || !up || jobs.size() >= options.queue ||
          waiting_bytes + job.value.size() > options.queue_bytes) {
        return false;
      }
      waiting_bytes += job.value.size();
      jobs.push_back(std::move(job));
    }
    wake.notify_one();
    return true;
  }

  void run() {
    block_pipe_signal();
    while (connect()) {
      serve();
    }
    fail_all();
  }

  /// Until there is a connection; false: the client is to stop.
  bool connect() {
    for (;;) {
      {
        std::unique_lock lock(mutex);
        if (wake.wait_for(lock, std::chrono::milliseconds(pause_ms), [this] { return stopped; })) {
          return false;
        }
      }
      // What one value needs in the characters of the reply, and a margin.
      auto opened = Connection::open(options.address, options.timeout_ms, options.value_bytes + 1'024);
      if (opened.has_value()) {
        connection = std::move(*opened);
        told = false;
        options.log(true, options.address.text());
        const std::lock_guard lock(mutex);
        up = true;
        return !stopped;
      }
      back_off(opened.error().message());
    }
  }

  void back_off(const std::string& why) {
    pause_ms = std::clamp(pause_ms * 2, options.retry_ms, std::max(options.retry_ms, options.retry_max_ms));
    if (!std::exchange(told, true)) {
      options.log(false, options.address.text() + ": " + why);
    }
  }

  /// While the connection stands, and nobody wants an end.
  void serve() {
    std::vector<Job> batch;
    for (;;) {
      batch.clear();
      {
        std::unique_lock lock(mutex);
        wake.wait_for(lock, std::chrono::milliseconds(options.ping_ms),
                      [this] { return stopped || !jobs.empty(); });
        if (stopped) {
          return;
        }
        while (!jobs.empty() && batch.size() < kBatch) {
          waiting_bytes -= jobs.front().value.size();
          batch.push_back(std::move(jobs.front()));
          jobs.pop_front();
        }
      }
      if (Result<void> done = batch.empty() ? ping() : exchange(batch); done.has_error()) {
        connection.reset();
        back_off(done.error().message());
        fail_all();
        return;
      }
      pause_ms = 0;
    }
  }

  Result<void> ping() {
    const Command command = {"PING"};
    const Result<std::vector<Answer>> answer = connection->exchange({&command, 1}, options.timeout_ms);
    return answer.has_error() ? Result<void>(answer.error()) : Result<void>();
  }

  Result<void> exchange(const std::vector<Job>& batch) {
    std::vector<Command> commands;
    for (const Job& job : batch) {
      for (const std::string& key : job.keys) {
        commands.push_back(job.got ? Command{"GETRANGE", key, "0", range_end}
                                   : Command{"SET", key, job.value, "PX", job.ttl});
      }
    }
    Result<std::vector<Answer>> answers = connection->exchange(commands, options.timeout_ms);
    if (answers.has_error()) {
      const std::lock_guard lock(mutex);
      up = false;  // before anybody hears of it and asks again
    }
    size_t next = 0;
    for (const Job& job : batch) {
      const size_t first = next;
      next += job.keys.size();
      if (!job.got) {
        continue;
      }
      bool failed = answers.has_error();
      std::vector<std::string> values;
      for (size_t i = first; i < next && !failed; ++i) {
        failed = (*answers)[i].kind == Answer::Kind::Refused;
        values.push_back(std::move((*answers)[i].text));
      }
      job.got(failed, std::move(values));
    }
    return answers.has_error() ? Result<void>(answers.error()) : Result<void>();
  }

  void fail_all() {
    std::deque<Job> left;
    {
      const std::lock_guard lock(mutex);
      up = false;
      left.swap(jobs);
      waiting_bytes = 0;
    }
    for (const Job& job : left) {
      if (job.got) {
        job.got(true, {});
      }
    }
  }
};

Client::Client(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

Client::~Client() { stop(); }

void Client::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
  }
  impl_->wake.notify_all();
  if (impl_->thread.joinable()) {
    impl_->thread.join();
  }
}

bool Client::get(std::vector<std::string> keys, Got got) {
  Job job;
  job.keys = std::move(keys);
  job.got = std::move(got);
  return impl_->up && impl_->add(std::move(job));
}

bool Client::put(std::string key, std::string value, int64_t ttl_ms) {
  if (!impl_->up || value.size() > impl_->options.value_bytes || ttl_ms <= 0) {
    return false;
  }
  Job job;
  job.keys.push_back(std::move(key));
  job.value = std::move(value);
  job.ttl = std::to_string(ttl_ms);
  return impl_->add(std::move(job));
}

bool Client::connected() const { return impl_->up; }

const Options& Client::options() const { return impl_->options; }

}  // namespace catalyst::redis
