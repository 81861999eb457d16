#include <algorithm>
#include <charconv>

#include "compiler/diagnostics/diagnostic.h"
#include "server/config/keys.h"

namespace catalyst::server {
namespace {

std::string quote(std::string_view text) { return "`" + std::string(text) + "`"; }

/// Splits off the first segment of a dotted path.
std::string_view first_segment(std::string_view path) { return path.substr(0, path.find('.')); }

class Validator {
 public:
  Validator(const std::string& file, std::vector<Problem>& problems) : file_(file), problems_(problems) {}

  /// `keys` are the rows below this map, their paths relative to it.
  void map(const Tree& tree, const std::vector<KeyInfo>& keys, const std::string& where) {
    if (tree.kind == Tree::Kind::Null) {
      return;
    }
    if (tree.kind != Tree::Kind::Map) {
      report(tree, (where.empty() ? "the file" : quote(where)) + " must be a map of keys", "");
      return;
    }
    const bool wildcard = !keys.empty() && first_segment(keys.front().path) == "*";
    for (const Tree::Member& member : tree.members) {
      if (wildcard) {
        map(member.value, below(keys, "*"), join(where, member.key));
      } else {
        this->member(member, keys, where);
      }
    }
    if (!wildcard) {
      for (const KeyInfo& key : keys) {
        if (key.constraint == "required" && key.path.find('.') == std::string_view::npos &&
            tree.find(key.path) == nullptr) {
          report(tree, quote(join(where, key.path)) + " is missing", std::string(key.description));
        }
      }
    }
  }

 private:
  static std::string join(const std::string& where, std::string_view key) {
    return where.empty() ? std::string(key) : where + "." + std::string(key);
  }

  static std::vector<KeyInfo> below(const std::vector<KeyInfo>& keys, std::string_view segment) {
    std::vector<KeyInfo> out;
    for (KeyInfo key : keys) {
      if (first_segment(key.path) == segment && key.path.size() > segment.size()) {
        key.path.remove_prefix(segment.size() + 1);
        out.push_back(key);
      }
    }
    return out;
  }

  void report(const Tree& at, std::string message, std::string remedy) {
    problems_.push_back({file_, at.line, at.column, std::move(message), std::move(remedy)});
  }

  void member(const Tree::Member& member, const std::vector<KeyInfo>& keys, const std::string& where) {
    const std::string path = join(where, member.key);
    for (const KeyInfo& key : keys) {
      if (key.path == member.key) {
        value(member.value, key, path);
        return;
      }
    }
    if (const auto inner = below(keys, member.key); !inner.empty()) {
      map(member.value, inner, path);
      return;
    }
    if (const auto inner = below(keys, member.key + "[]"); !inner.empty()) {
      list(member.value, inner, path);
      return;
    }
    unknown(member, keys, where);
  }

  void list(const Tree& tree, const std::vector<KeyInfo>& keys, const std::string& path) {
    if (tree.kind == Tree::Kind::Null) {
      return;
    }
    if (tree.kind != Tree::Kind::List) {
      report(tree, quote(path) + " must be a list", "start each element with `- `");
      return;
    }
    for (size_t i = 0; i < tree.items.size(); ++i) {
      map(tree.items[i], keys, path + "[" + std::to_string(i) + "]");
    }
  }

  void unknown(const Tree::Member& member, const std::vector<KeyInfo>& keys, const std::string& where) {
    std::vector<std::string_view> candidates;
    for (const KeyInfo& key : keys) {
      std::string_view segment = first_segment(key.path);
      if (segment.size() > 2 && segment.substr(segment.size() - 2) == "[]") {
        segment.remove_suffix(2);
      }
      if (std::find(candidates.begin(), candidates.end(), segment) == candidates.end()) {
        candidates.push_back(segment);
      }
    }
    const std::string_view nearest = diagnostics::did_you_mean(member.key, candidates);
    std::string remedy;
    if (!nearest.empty()) {
      remedy = "did you mean " + quote(nearest) + "?";
    } else {
      remedy = "known here: ";
      for (const std::string_view candidate : candidates) {
        remedy += (candidate == candidates.front() ? "" : ", ") + std::string(candidate);
      }
    }
    problems_.push_back({file_, member.line, member.column,
                         "unknown key " + quote(member.key) + (where.empty() ? "" : " in " + quote(where)),
                         remedy});
  }

  void value(const Tree& tree, const KeyInfo& key, const std::string& path) {
    if (tree.kind == Tree::Kind::Null) {
      return;
    }
    if (key.type == ValueType::TextMap || key.type == ValueType::Any) {
      collection(tree, key, path);
      return;
    }
    if (key.type == ValueType::TextList) {
      if (tree.kind == Tree::Kind::Map) {
        mismatch(tree, key, path);
      }
      for (const Tree& item : tree.items) {
        if (item.kind != Tree::Kind::Scalar) {
          report(item, quote(path) + " may hold texts only", "");
        }
      }
      return;
    }
    if (tree.kind != Tree::Kind::Scalar) {
      mismatch(tree, key, path);
      return;
    }
    scalar(tree, key, path);
  }

  void collection(const Tree& tree, const KeyInfo& key, const std::string& path) {
    if (tree.kind != Tree::Kind::Map) {
      report(tree, quote(path) + " must be a map of keys", "");
    } else if (key.type == ValueType::TextMap) {
      for (const Tree::Member& member : tree.members) {
        if (member.value.kind != Tree::Kind::Scalar) {
          report(member.value, quote(path + "." + member.key) + " must be text", "");
        }
      }
    }
  }

  void mismatch(const Tree& tree, const KeyInfo& key, const std::string& path) {
    report(tree, quote(path) + " must be " + std::string(value_type_text(key.type)),
           key.fallback.empty() ? "" : "the default is " + quote(key.fallback));
  }

  void scalar(const Tree& tree, const KeyInfo& key, const std::string& path) {
    switch (key.type) {
      case ValueType::Text:
      case ValueType::TextList:
      case ValueType::TextMap:
      case ValueType::Any:
        return;
      case ValueType::Flag:
        if (tree.text != "true" && tree.text != "false") {
          mismatch(tree, key, path);
        }
        return;
      case ValueType::Count: {
        int64_t number = 0;
        const char* end = tree.text.data() + tree.text.size();
        const auto [rest, failure] = std::from_chars(tree.text.data(), end, number);
        if (failure != std::errc{} || rest != end) {
          mismatch(tree, key, path);
        } else {
          range(tree, key, path, number, [](std::string_view text) { return std::stoll(std::string(text)); });
        }
        return;
      }
      case ValueType::Bytes:
        measured(tree, key, path, parse_bytes);
        return;
      case ValueType::Duration:
        measured(tree, key, path, parse_duration_ms);
        return;
      case ValueType::Address:
        if (parse_address(tree.text).has_error()) {
          mismatch(tree, key, path);
        }
        return;
      case ValueType::Choice:
        choice(tree, key, path);
        return;
    }
  }

  void measured(const Tree& tree, const KeyInfo& key, const std::string& path,
                Result<int64_t> (*parse)(std::string_view)) {
    const Result<int64_t> number = parse(tree.text);
    if (number.has_error()) {
      mismatch(tree, key, path);
      return;
    }
    range(tree, key, path, *number, [parse](std::string_view text) { return *parse(text); });
  }

  template <class Parse>
  void range(const Tree& tree, const KeyInfo& key, const std::string& path, int64_t number, Parse parse) {
    const size_t dots = key.constraint.find("..");
    if (dots == std::string_view::npos) {
      return;
    }
    const std::string_view low = key.constraint.substr(0, dots);
    const std::string_view high = key.constraint.substr(dots + 2);
    if (number < parse(low) || number > parse(high)) {
      report(tree, quote(path) + " must be from " + std::string(low) + " to " + std::string(high),
             "the default is " + quote(key.fallback));
    }
  }

  void choice(const Tree& tree, const KeyInfo& key, const std::string& path) {
    std::vector<std::string_view> words;
    std::string_view rest = key.constraint;
    while (!rest.empty()) {
      const size_t bar = rest.find('|');
      words.push_back(rest.substr(0, bar));
      rest = bar == std::string_view::npos ? std::string_view{} : rest.substr(bar + 1);
    }
    if (std::find(words.begin(), words.end(), tree.text) != words.end()) {
      return;
    }
    std::string listed;
    for (const std::string_view word : words) {
      listed += (listed.empty() ? "" : ", ") + std::string(word);
    }
    const std::string_view nearest = diagnostics::did_you_mean(tree.text, words);
    report(tree, quote(path) + " must be one of " + listed,
           nearest.empty() ? "" : "did you mean " + quote(nearest) + "?");
  }

  const std::string& file_;
  std::vector<Problem>& problems_;
};

}  // namespace

void validate(const std::string& file, const Tree& root, std::vector<Problem>& problems) {
  const std::vector<KeyInfo> keys(key_table().begin(), key_table().end());
  Validator(file, problems).map(root, keys, "");
}

}  // namespace catalyst::server
