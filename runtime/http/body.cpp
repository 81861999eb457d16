#include "runtime/http/body.h"

#include <algorithm>

namespace catalyst::http {

namespace {

/// Of the line before a chunk, and of all trailers together: nobody needs either.
constexpr size_t kAsideMax = size_t{16} * 1024;

/// -1: not a digit.
int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Control characters but the tab.
bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

}  // namespace

void BodyReader::start(const Head& head, uint64_t limit) {
  framing_ = head.framing;
  chunk_ = Chunk::Size;
  limit_ = limit;
  total_ = 0;
  aside_ = 0;
  left_ = framing_ == Framing::Length ? head.length : 0;
  state_ = framing_ != Framing::Length ? State::Open
           : left_ == 0                ? State::Done
           : left_ > limit             ? State::TooLarge
                                       : State::Open;
}

BodyReader::Piece BodyReader::next(std::string_view bytes) {
  if (framing_ != Framing::Chunked || chunk_ == Chunk::Content) {
    return content(bytes);
  }
  size_t used = 0;
  while (used < bytes.size() && state_ == State::Open && chunk_ != Chunk::Content) {
    chunk_byte(bytes[used++]);
  }
  return {used, {}};
}

BodyReader::Piece BodyReader::content(std::string_view bytes) {
  if (framing_ == Framing::UntilClose) {
    total_ += bytes.size();
    if (total_ > limit_) {
      state_ = State::TooLarge;
    }
    return {bytes.size(), bytes};
  }
  const size_t taken = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
  left_ -= taken;
  if (left_ == 0) {
    if (framing_ == Framing::Length) {
      state_ = State::Done;
    } else {
      chunk_ = Chunk::ContentCr;
    }
  }
  return {taken, bytes.substr(0, taken)};
}

void BodyReader::chunk_begins() {
  aside_ = 0;
  if (left_ == 0) {
    chunk_ = Chunk::Trailer;
  } else if (left_ > limit_ - std::min(limit_, total_)) {
    state_ = State::TooLarge;
  } else {
    total_ += left_;
    chunk_ = Chunk::Content;
  }
}

void BodyReader::chunk_byte(char c) {
  const auto expect = [this, c](char wanted, Chunk then) {
    chunk_ = then;
    state_ = c == wanted ? state_ : State::Malformed;
  };
  if (++aside_ > kAsideMax) {
    state_ = State::Malformed;
    return;
  }
  switch (chunk_) {
    case Chunk::Size:
    case Chunk::Digits:
      if (const int digit = hex_digit(c); digit >= 0) {
        state_ = left_ >> 59 != 0 ? State::TooLarge : state_;
        left_ = (left_ << 4) | static_cast<uint64_t>(digit);
        chunk_ = Chunk::Digits;
      } else if (chunk_ == Chunk::Size) {
        state_ = State::Malformed;
      } else if (c == '\r') {
        chunk_ = Chunk::SizeLf;
      } else {
        chunk_ = Chunk::Extension;
        state_ = c == ';' || c == ' ' || c == '\t' ? state_ : State::Malformed;
      }
      break;
    case Chunk::Extension:
      if (c == '\r') {
        chunk_ = Chunk::SizeLf;
      } else if (is_control(c)) {
        state_ = State::Malformed;
      }
      break;
    case Chunk::SizeLf:
      if (c == '\n') {
        chunk_begins();
      } else {
        state_ = State::Malformed;
      }
      break;
    case Chunk::ContentCr:
      expect('\r', Chunk::ContentLf);
      break;
    case Chunk::ContentLf:
      expect('\n', Chunk::Size);
      aside_ = 0;
      break;
    case Chunk::Trailer:
      if (c == '\r') {
        chunk_ = Chunk::EndLf;
        break;
      }
      chunk_ = Chunk::TrailerLine;
      [[fallthrough]];
    case Chunk::TrailerLine:
      if (c == '\r') {
        chunk_ = Chunk::TrailerLf;
      } else if (is_control(c)) {
        state_ = State::Malformed;
      }
      break;
    case Chunk::TrailerLf:
      expect('\n', Chunk::Trailer);
      break;
    case Chunk::EndLf:
      state_ = c == '\n' ? State::Done : State::Malformed;
      break;
    case Chunk::Content:
      break;  // not byte by byte
  }
}

void BodyReader::end() {
  if (state_ == State::Open) {
    state_ = framing_ == Framing::UntilClose ? State::Done : State::Malformed;
  }
}

}  // namespace catalyst::http
