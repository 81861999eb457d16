#include "runtime/observe/audit.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "runtime/observe/log.h"

namespace catalyst::observe {
namespace {

int open_for_append(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return false;
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

struct AuditLog::Impl {
  std::string path;
  int file = -1;  // the writer thread's
  std::mutex mutex;
  std::condition_variable work;  // for the writer
  std::condition_variable room;  // for those who append
  std::string waiting;
  bool idle = false;  // the writer sleeps until it is woken
  bool reopen = false;
  bool stop = false;
  std::atomic<uint64_t> failures{0};
  std::thread writer;

  void run() {
    std::string batch;
    std::unique_lock lock(mutex);
    while (true) {
      // A write and two changes of thread for each record would cost more than deciding about it. While there
      // are requests the thread wakes by itself, so that none of them has to wake it.
      work.wait_for(lock, kLinger, [this] { return waiting.size() >= kBatchBytes || reopen || stop; });
      if (waiting.empty() && !reopen) {
        if (stop) {
          return;
        }
        idle = true;
        work.wait(lock, [this] { return !waiting.empty() || reopen || stop; });
        idle = false;
        continue;
      }
      batch.clear();
      batch.swap(waiting);
      const bool again = std::exchange(reopen, false);
      lock.unlock();
      room.notify_all();
      write_batch(batch, again);
      lock.lock();
    }
  }

  void write_batch(const std::string& batch, bool again) {
    if (again) {
      const int fresh = open_for_append(path);
      if (fresh >= 0) {
        ::close(file);
        file = fresh;
      } else {
        log(Level::Error, "cannot reopen the audit file", {{"path", path}});
      }
    }
    if (!write_all(file, batch)) {
      failures.fetch_add(1, std::memory_order_relaxed);
      log(Level::Error, "cannot write audit records", {{"path", path}, {"bytes", uint64_t{batch.size()}}});
    }
  }
};

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->file = open_for_append(path);
  if (impl->file < 0) {
    return error({errno, boost::system::system_category()}, "cannot open the audit file " + path);
  }
  Impl* raw = impl.get();
  impl->writer = std::thread([raw] { raw->run(); });
  return std::unique_ptr<AuditLog>(new AuditLog(std::move(impl)));
}

AuditLog::AuditLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

AuditLog::~AuditLog() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->work.notify_one();
  impl_->writer.join();
  ::close(impl_->file);
}

void AuditLog::append(std::string_view record) {
  std::unique_lock lock(impl_->mutex);
  impl_->room.wait(lock, [this] { return impl_->waiting.size() < kQueueBytes; });
  const size_t before = impl_->waiting.size();
  impl_->waiting.append(record).append(1, '\n');
  const bool wake = before == 0 ? impl_->idle : before < kBatchBytes && impl_->waiting.size() >= kBatchBytes;
  lock.unlock();
  if (wake) {
    impl_->work.notify_one();
  }
}

void AuditLog::reopen() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->reopen = true;
  }
  impl_->work.notify_one();
}

uint64_t AuditLog::failures() const { return impl_->failures.load(std::memory_order_relaxed); }

}  // namespace catalyst::observe
