#pragma once

#include <string>
#include <string_view>

#include "antlr4-runtime.h"

namespace catalyst::frontend {

/// Hands the bytes of a text to the lexer without copying or decoding, so that token positions are byte
/// offsets. The text must outlive the stream.
class ByteStream final : public antlr4::CharStream {
 public:
  explicit ByteStream(std::string_view text) : text_(text) {}

  void consume() override { ++at_; }
  size_t LA(ssize_t i) override {
    if (i == 0) {
      return 0;
    }
    const size_t position = i > 0 ? at_ + static_cast<size_t>(i) - 1 : at_ - static_cast<size_t>(-i);
    if (position >= text_.size()) {
      return antlr4::IntStream::EOF;
    }
    const auto byte = static_cast<unsigned char>(text_[position]);
    return byte < 0x80 ? byte : kBeyondAscii;
  }
  ssize_t mark() override { return -1; }
  void release(ssize_t) override {}
  size_t index() override { return at_; }
  void seek(size_t index) override { at_ = index; }
  size_t size() override { return text_.size(); }
  std::string getSourceName() const override { return "source"; }
  std::string getText(const antlr4::misc::Interval& interval) override {
    if (interval.a < 0 || static_cast<size_t>(interval.a) >= text_.size() || interval.b < interval.a) {
      return {};
    }
    return std::string(
        text_.substr(static_cast<size_t>(interval.a), static_cast<size_t>(interval.b - interval.a) + 1));
  }
  std::string toString() const override { return std::string(text_); }

 private:
  // The lexer caches transitions on ASCII only, so one symbol stands for every byte above it.
  static constexpr size_t kBeyondAscii = 0x7F;

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace catalyst::frontend
