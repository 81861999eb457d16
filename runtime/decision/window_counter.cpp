#include <algorithm>
#include <cstring>

#include "runtime/decision/windows.h"
#include "runtime/value/decimal.h"

namespace catalyst::decision {

using abi::WindowKind;
using value::Value;

namespace {

constexpr uint8_t kFormat = 1;

/// Millennia: longer windows are as good as this one, and times in its buckets do not overflow.
constexpr int64_t kLongestUs = INT64_MAX / 128;

int64_t width_of(int64_t within_us) {
  within_us = std::min(within_us, kLongestUs);
  return std::max<int64_t>((within_us + WindowCounter::kBuckets - 1) / WindowCounter::kBuckets, 1);
}

template <class T>
void put(std::string& out, T x) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &x, sizeof(T));
  out.append(bytes, sizeof(T));
}

/// Reads zeros once the bytes have ended; `whole` says whether they did too early.
struct Bytes {
  std::string_view rest;
  bool whole = true;

  template <class T>
  T get() {
    T x{};
    whole = whole && rest.size() >= sizeof(T);
    if (whole) {
      std::memcpy(&x, rest.data(), sizeof(T));
      rest.remove_prefix(sizeof(T));
    }
    return x;
  }
};

}  // namespace

WindowCounter::WindowCounter(WindowKind kind, int64_t within_us)
    : kind_(kind), width_us_(width_of(within_us)) {
  if (kind == WindowKind::Count) {
    counts_.resize(kRing);
  } else if (kind == WindowKind::Sum) {
    sums_.assign(kRing, Value::of_decimal(0, 0));
  }
}

bool WindowCounter::is_of(const abi::WindowInfo& window) const {
  return kind_ == window.kind && width_us_ == width_of(window.within_us);
}

/// A clock that went back adds to the newest bucket.
void WindowCounter::advance(int64_t bucket) {
  for (int64_t each = std::max(last_ + 1, bucket - kRing + 1); each <= bucket; ++each) {
    if (kind_ == WindowKind::Count) {
      counts_[place(each)] = 0;
    } else if (kind_ == WindowKind::Sum) {
      sums_[place(each)] = Value::of_decimal(0, 0);
    }
  }
  last_ = std::max(last_, bucket);
}

void WindowCounter::add(const Value& amount, uint64_t text_hash, int64_t now_us) {
  advance(bucket_of(now_us));
  const size_t at = place(last_);
  switch (kind_) {
    case WindowKind::Count:
      counts_[at] += counts_[at] == UINT32_MAX ? 0 : 1;
      return;
    case WindowKind::Sum: {
      if (amount.coefficient() < 0) {
        return;  // who asks would make room for more
      }
      Value sum;
      if (value::decimal::add(sums_[at], amount, &sum) == value::Status::Ok) {
        sums_[at] = sum;
      } else {
        lost_ = last_;
      }
      return;
    }
    case WindowKind::Distinct:
      see(text_hash);
      return;
  }
}

void WindowCounter::see(uint64_t text) {
  const auto known = std::find_if(seen_.begin(), seen_.end(), [&](const Seen& s) { return s.text == text; });
  if (known != seen_.end()) {
    known->bucket = last_;
    return;
  }
  if (seen_.size() >= kDistinctMax) {
    std::erase_if(seen_, [&](const Seen& s) { return s.bucket < last_ - kBuckets; });
  }
  if (seen_.size() >= kDistinctMax) {
    lost_ = last_;
  } else {
    seen_.push_back({text, last_});
  }
}

Value WindowCounter::read(int64_t now_us) const {
  const int64_t oldest = bucket_of(now_us) - kBuckets;
  if (lost_ >= oldest) {
    return Value::invalid();
  }
  const int64_t first = std::max(oldest, last_ - kRing + 1);
  switch (kind_) {
    case WindowKind::Count: {
      int64_t count = 0;
      for (int64_t each = first; each <= last_; ++each) {
        count += counts_[place(each)];
      }
      return Value::of_int(count);
    }
    case WindowKind::Sum: {
      Value sum = Value::of_decimal(0, 0);
      for (int64_t each = first; each <= last_; ++each) {
        Value next;
        if (value::decimal::add(sum, sums_[place(each)], &next) != value::Status::Ok) {
          return Value::invalid();
        }
        sum = next;
      }
      return sum;
    }
    case WindowKind::Distinct:
      return Value::of_int(
          std::count_if(seen_.begin(), seen_.end(), [&](const Seen& s) { return s.bucket >= oldest; }));
  }
  return Value::invalid();
}

std::string WindowCounter::save() const {
  std::string out;
  put(out, kFormat);
  put(out, static_cast<uint8_t>(kind_));
  put(out, width_us_);
  put(out, last_);
  put(out, lost_);
  for (int64_t bucket = last_ - kRing + 1; bucket <= last_; ++bucket) {
    const size_t at = place(bucket);
    if (kind_ == WindowKind::Count && counts_[at] != 0) {
      put(out, bucket);
      put(out, counts_[at]);
    } else if (kind_ == WindowKind::Sum && sums_[at].coefficient() != 0) {
      put(out, bucket);
      put(out, sums_[at].scale);
      put(out, sums_[at].a.low);
      put(out, sums_[at].b.high);
    }
  }
  for (const Seen& seen : seen_) {
    put(out, seen.bucket);
    put(out, seen.text);
  }
  return out;
}

std::optional<WindowCounter> WindowCounter::load(std::string_view bytes) {
  Bytes in{bytes};
  const auto format = in.get<uint8_t>();
  const auto kind = in.get<uint8_t>();
  const auto width_us = in.get<int64_t>();
  const auto last = in.get<int64_t>();
  const auto lost = in.get<int64_t>();
  if (!in.whole || format != kFormat || kind > static_cast<uint8_t>(WindowKind::Distinct) || width_us <= 0 ||
      width_us > INT64_MAX / (kRing * kBuckets) || last < -(INT64_MAX / width_us - kRing) ||
      last > INT64_MAX / width_us - kRing || lost > last || lost < kNever) {
    return std::nullopt;
  }
  WindowCounter out(static_cast<WindowKind>(kind), width_us * kBuckets);
  out.last_ = last;
  out.lost_ = lost;
  while (in.whole && !in.rest.empty()) {
    const auto bucket = in.get<int64_t>();
    if (bucket > last || bucket < kNever) {
      return std::nullopt;
    }
    const bool in_ring = bucket > last - kRing;
    const size_t at = place(bucket);
    if (out.kind_ == WindowKind::Distinct) {
      if (out.seen_.size() == kDistinctMax) {
        return std::nullopt;
      }
      out.seen_.push_back({in.get<uint64_t>(), bucket});
    } else if (!in_ring) {
      return std::nullopt;
    } else if (out.kind_ == WindowKind::Count) {
      out.counts_[at] = in.get<uint32_t>();
    } else {
      Value sum = Value::of_decimal(0, in.get<uint8_t>());
      sum.a.low = in.get<uint64_t>();
      sum.b.high = in.get<uint64_t>();
      // Added to nothing, so that it is in the one form that numbers have.
      if (sum.scale > value::decimal::kMaxScale || sum.coefficient() < 0 ||
          value::decimal::add(out.sums_[at], sum, &out.sums_[at]) != value::Status::Ok) {
        return std::nullopt;
      }
    }
  }
  return in.whole ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace catalyst::decision
