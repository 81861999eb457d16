#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "compiler/pack/known.h"
#include "compiler/types/type.h"
#include "runtime/base/arena.h"
#include "runtime/base/ids.h"
#include "runtime/value/value.h"

// The binary notation of packs. Numbers are LEB128 in their shortest form, ids are one more than their index
// (none is 0), texts and lists have their length in front, optionals whether they are there, structs are
// their fields in order. What a struct consists of is described once (describe.h) as `fields(archive,
// value)`; Writer, Reader and Describer are the archives.

namespace catalyst::pack {

template <class T>
struct IsId : std::false_type {};
template <class Tag>
struct IsId<Id<Tag>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class U>
struct IsVector<std::vector<U>> : std::true_type {};

template <class T>
struct IsOptional : std::false_type {};
template <class U>
struct IsOptional<std::optional<U>> : std::true_type {};

/// Tables of values nest as deep as their types may; see ir::fits.
inline constexpr int kValueNestingMax = 512;
/// Types inside types.
inline constexpr uint32_t kTypeNestingMax = 128;

class Writer {
 public:
  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }
  void describe(std::string_view /*type*/, std::string_view /*names*/) {}
  void use_arena(const Arena& /*arena*/) {}

  template <class T>
  void put(const T& x) {
    if constexpr (std::is_same_v<T, std::string>) {
      text(x);
    } else if constexpr (IsId<T>::value) {
      number(uint64_t{x.index + 1});
    } else if constexpr (std::is_enum_v<T>) {
      number(static_cast<uint64_t>(x));
    } else if constexpr (std::is_same_v<T, bool> || std::is_unsigned_v<T>) {
      number(x);
    } else if constexpr (std::is_signed_v<T>) {
      number(static_cast<uint64_t>(x) << 1 ^ static_cast<uint64_t>(int64_t{x} >> 63));
    } else if constexpr (std::is_same_v<T, Digest>) {
      raw({reinterpret_cast<const char*>(x.data()), x.size()});
    } else if constexpr (IsVector<T>::value) {
      number(x.size());
      for (const auto& each : x) {
        put(each);
      }
    } else if constexpr (IsOptional<T>::value) {
      number(x ? 1 : 0);
      if (x) {
        put(*x);
      }
    } else if constexpr (std::is_array_v<T>) {
      for (const auto& each : x) {
        put(each);
      }
    } else if constexpr (std::is_same_v<T, types::TypeTable>) {
      type_table(x);
    } else if constexpr (std::is_same_v<T, value::Value>) {
      literal(x);
    } else {
      fields(*this, x);
    }
  }

  void number(uint64_t x);
  void text(std::string_view x);
  void raw(std::string_view bytes) { out_.append(bytes); }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void type_table(const types::TypeTable& table);
  void literal(const value::Value& v);

  std::string out_;
};

/// Reads what a stranger may have written. The first thing that is wrong is remembered and everything behind
/// it reads as zero, so that callers look once, at the end. No list is longer than its bytes, and all of them
/// together stay within `memory_bytes`.
class Reader {
 public:
  Reader(std::string_view bytes, size_t memory_bytes) : rest_(bytes), memory_left_(memory_bytes) {}

  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }
  void describe(std::string_view /*type*/, std::string_view /*names*/) {}
  /// Where values that are read keep their texts and elements.
  void use_arena(Arena& arena) { arena_ = &arena; }

  template <class T>
  void get(T& x) {
    if constexpr (std::is_same_v<T, std::string>) {
      x = std::string(text());
    } else if constexpr (IsId<T>::value) {
      x.index = static_cast<uint32_t>(number(uint64_t{UINT32_MAX} + 1) - 1);
    } else if constexpr (std::is_enum_v<T>) {
      const auto e = static_cast<T>(number(UINT8_MAX));
      if (known(e)) {
        x = e;
      } else {
        fail("a value outside its list");
      }
    } else if constexpr (std::is_same_v<T, bool>) {
      x = number(1) != 0;
    } else if constexpr (std::is_unsigned_v<T>) {
      x = static_cast<T>(number(static_cast<T>(~T{0})));
    } else if constexpr (std::is_same_v<T, int64_t>) {
      const uint64_t n = number(UINT64_MAX);
      x = static_cast<int64_t>(n >> 1 ^ (~(n & 1) + 1));
    } else if constexpr (std::is_same_v<T, Digest>) {
      raw(x.data(), x.size());
    } else if constexpr (IsVector<T>::value) {
      list(x);
    } else if constexpr (IsOptional<T>::value) {
      if (number(1) != 0) {
        get(x.emplace());
      }
    } else if constexpr (std::is_array_v<T>) {
      for (auto& each : x) {
        get(each);
      }
    } else if constexpr (std::is_same_v<T, types::TypeTable>) {
      type_table(x);
    } else if constexpr (std::is_same_v<T, value::Value>) {
      literal(x, 0);
    } else {
      fields(*this, x);
    }
  }

  /// At most `max`.
  uint64_t number(uint64_t max);
  std::string_view text();
  void raw(void* out, size_t bytes);
  void fail(std::string problem);
  [[nodiscard]] bool ok() const { return problem_.empty(); }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  /// Empty while everything was right.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  template <class U>
  void list(std::vector<U>& out) {
    const uint64_t count = number(UINT64_MAX);
    if (!charge(count, sizeof(U))) {
      return;
    }
    out.resize(count);
    for (U& each : out) {
      get(each);
      if (!ok()) {
        out.clear();
        return;
      }
    }
  }

  /// Room for `count` things of `bytes` each, of which each takes at least one byte of input.
  bool charge(uint64_t count, size_t bytes);
  void type_table(types::TypeTable& table);
  types::TypeId intern(types::TypeTable& table, types::Type type);
  void literal(value::Value& v, int nesting);
  template <class T>
  T* room(uint64_t count);
  std::string_view kept_text();

  std::string_view rest_;
  size_t memory_left_;
  Arena* arena_ = nullptr;
  std::string problem_;
};

/// Writes down what a struct consists of, down to the last field: two programs with the same text read each
/// other's modules.
class Describer {
 public:
  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }
  void describe(std::string_view type, std::string_view names) {
    out_.append(type).append("(").append(names).append(")");
  }
  void use_arena(const Arena& /*arena*/) {}

  template <class T>
  void put(const T& x) {
    if constexpr (std::is_same_v<T, std::string>) {
      out_ += 's';
    } else if constexpr (IsId<T>::value) {
      out_ += 'i';
    } else if constexpr (std::is_enum_v<T>) {
      uint32_t count = 0;
      while (count <= UINT8_MAX && known(static_cast<T>(count))) {
        count++;
      }
      out_.append("e").append(std::to_string(count));
    } else if constexpr (std::is_arithmetic_v<T>) {
      out_.append(std::is_signed_v<T> ? "n" : "u").append(std::to_string(sizeof(T)));
    } else if constexpr (std::is_same_v<T, Digest>) {
      out_ += 'd';
    } else if constexpr (IsVector<T>::value) {
      out_ += '[';
      put(typename T::value_type{});
      out_ += ']';
    } else if constexpr (IsOptional<T>::value) {
      out_ += '?';
      put(typename T::value_type{});
    } else if constexpr (std::is_array_v<T>) {
      out_.append(std::to_string(std::size(x)));
      put(x[0]);
    } else if constexpr (std::is_same_v<T, types::TypeTable>) {
      put(types::Type{});
    } else if constexpr (std::is_same_v<T, value::Value>) {
      out_ += 'v';
      put(value::Kind::Absent);
    } else {
      out_ += '{';
      fields(*this, x);
      out_ += '}';
    }
  }
  void text(std::string_view x) { out_.append(x).append(";"); }
  [[nodiscard]] const std::string& out() const { return out_; }

 private:
  std::string out_;
};

}  // namespace catalyst::pack
