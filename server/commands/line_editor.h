#pragma once

#include <optional>
#include <string>
#include <vector>

namespace catalyst::server {

/// Reads lines from a terminal that can be edited and brought back: arrows, Home, End, Delete, and the keys
/// of Emacs (^A ^E ^B ^F ^K ^U ^W ^L ^P ^N). ^C gives up a line, ^D on an empty one ends. Where standard
/// input is no terminal, or a dumb one, lines are read as they come. One thread.
class LineEditor {
 public:
  LineEditor();

  /// The next line without its end; nothing at the end of the input.
  std::optional<std::string> read(const std::string& prompt);

 private:
  std::optional<std::string> edit(const std::string& prompt);
  bool key(char c);
  void escape();
  void move(bool forward);
  void erase(bool forward);
  void erase_word();
  void browse(bool older);
  void draw(const std::string& prompt) const;

  bool edits_ = false;
  std::vector<std::string> history_;
  // Of the line at hand:
  std::string line_;
  size_t cursor_ = 0;  // offset in line_, at a code point
  size_t shown_ = 0;   // of history_, whose end is the new line
  std::string draft_;  // the new line while an older one is shown
  bool ended_ = false;
};

}  // namespace catalyst::server
