#include "server/commands/line_editor.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string_view>

namespace catalyst::server {
namespace {

/// Keys one by one and unechoed, for as long as it lives.
class RawTerminal {
 public:
  RawTerminal() {
    raw_ = tcgetattr(STDIN_FILENO, &saved_) == 0;
    termios mode = saved_;
    mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
    mode.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    raw_ = raw_ && tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) == 0;
  }
  ~RawTerminal() {
    if (raw_) {
      tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_);
    }
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  [[nodiscard]] bool raw() const { return raw_; }

 private:
  termios saved_{};
  bool raw_ = false;
};

bool read_key(char* c) {
  ssize_t length = 0;
  do {
    length = ::read(STDIN_FILENO, c, 1);
  } while (length < 0 && errno == EINTR);
  return length == 1;
}

void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

size_t code_points(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

constexpr char control(char letter) { return static_cast<char>(letter & 0x1F); }

}  // namespace

LineEditor::LineEditor() {
  const char* const term = std::getenv("TERM");
  edits_ = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && term != nullptr &&
           std::strcmp(term, "dumb") != 0;
}

std::optional<std::string> LineEditor::read(const std::string& prompt) {
  if (edits_) {
    return edit(prompt);
  }
  put(prompt);
  std::string line;
  return std::getline(std::cin, line) ? std::optional(line) : std::nullopt;
}

std::optional<std::string> LineEditor::edit(const std::string& prompt) {
  const RawTerminal terminal;
  line_.clear();
  draft_.clear();
  cursor_ = 0;
  shown_ = history_.size();
  ended_ = false;
  for (char c = 0;;) {
    draw(prompt);
    if (!terminal.raw() || !read_key(&c)) {
      ended_ = true;  // nobody is there any more
      break;
    }
    if (!key(c)) {
      break;
    }
  }
  cursor_ = line_.size();
  draw(prompt);
  put("\n");
  if (ended_) {
    return std::nullopt;
  }
  if (!line_.empty() && (history_.empty() || history_.back() != line_)) {
    history_.push_back(line_);
  }
  return line_;
}

/// False when the line is over.
bool LineEditor::key(char c) {
  switch (c) {
    case '\r':
    case '\n':
      return false;
    case control('C'):
      line_.clear();
      return false;
    case control('D'):
      ended_ = line_.empty();
      erase(true);
      return !ended_;
    case control('A'):
      cursor_ = 0;
      return true;
    case control('E'):
      cursor_ = line_.size();
      return true;
    case control('B'):
    case control('F'):
      move(c == control('F'));
      return true;
    case control('P'):
    case control('N'):
      browse(c == control('P'));
      return true;
    case control('H'):
    case '\x7F':
      erase(false);
      return true;
    case control('K'):
      line_.erase(cursor_);
      return true;
    case control('U'):
      line_.erase(0, cursor_);
      cursor_ = 0;
      return true;
    case control('W'):
      erase_word();
      return true;
    case control('L'):
      put("\x1b[H\x1b[2J");
      return true;
    case '\x1b':
      escape();
      return true;
    case '\t':
      c = ' ';
      break;
    default:
      break;
  }
  if (static_cast<unsigned char>(c) >= 0x20) {
    line_.insert(cursor_++, 1, c);
  }
  return true;
}

/// The rest of a key that sends several bytes: `ESC [ A`, `ESC O H`, `ESC [ 3 ~`.
void LineEditor::escape() {
  char c = 0;
  if (!read_key(&c) || (c != '[' && c != 'O')) {
    return;
  }
  std::string parameters;
  while (read_key(&c) && (c == ';' || (c >= '0' && c <= '9'))) {
    parameters += c;
  }
  if (c == 'A' || c == 'B') {
    browse(c == 'A');
  } else if (c == 'C' || c == 'D') {
    move(c == 'C');
  } else if (c == 'H' || (c == '~' && parameters == "1")) {
    cursor_ = 0;
  } else if (c == 'F' || (c == '~' && parameters == "4")) {
    cursor_ = line_.size();
  } else if (c == '~' && parameters == "3") {
    erase(true);
  }
}

void LineEditor::move(bool forward) {
  do {
    cursor_ = forward ? std::min(cursor_ + 1, line_.size()) : cursor_ - (cursor_ > 0 ? 1 : 0);
  } while (cursor_ > 0 && cursor_ < line_.size() && continues(line_[cursor_]));
}

void LineEditor::erase(bool forward) {
  const size_t begin = cursor_;
  move(forward);
  const size_t from = std::min(begin, cursor_);
  line_.erase(from, std::max(begin, cursor_) - from);
  cursor_ = from;
}

void LineEditor::erase_word() {
  const size_t end = cursor_;
  while (cursor_ > 0 && line_[cursor_ - 1] == ' ') {
    --cursor_;
  }
  while (cursor_ > 0 && line_[cursor_ - 1] != ' ') {
    --cursor_;
  }
  line_.erase(cursor_, end - cursor_);
}

void LineEditor::browse(bool older) {
  if (older ? shown_ == 0 : shown_ == history_.size()) {
    return;
  }
  if (shown_ == history_.size()) {
    draft_ = line_;
  }
  shown_ += older ? -1 : 1;
  line_ = shown_ == history_.size() ? draft_ : history_[shown_];
  cursor_ = line_.size();
}

/// The part of the line around the cursor that fits the width of the terminal.
void LineEditor::draw(const std::string& prompt) const {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > prompt.size() + 2;
  const size_t width = (known ? size.ws_col : 80) - prompt.size() - 1;
  const auto next = [this](size_t at) {
    do {
      ++at;
    } while (at < line_.size() && continues(line_[at]));
    return at;
  };
  size_t begin = 0;
  size_t before = code_points(std::string_view(line_).substr(0, cursor_));
  for (; before > width; --before) {
    begin = next(begin);
  }
  size_t end = begin;
  for (size_t columns = 0; columns < width && end < line_.size(); ++columns) {
    end = next(end);
  }
  std::string out = "\r" + prompt + line_.substr(begin, end - begin) + "\x1b[K\r\x1b[" +
                    std::to_string(prompt.size() + before) + "C";
  put(out);
}

}  // namespace catalyst::server
