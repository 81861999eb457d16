#include "compiler/analysis/texts.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "runtime/base/budget.h"

namespace catalyst::analysis {
namespace {

using Signature = std::vector<bool>;

/// All literals of the sets as one tree of bytes.
class Trie {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  Trie() { nodes_.emplace_back(); }
  void add(std::string_view text) {
    uint32_t at = 0;
    for (const char c : text) {
      const auto byte = static_cast<uint8_t>(c);
      auto [found, fresh] = nodes_[at].children.emplace(byte, static_cast<uint32_t>(nodes_.size()));
      const uint32_t to = found->second;
      if (fresh) {
        nodes_.emplace_back();
        used_[byte] = true;
      }
      at = to;
    }
    nodes_[at].end = true;
  }
  [[nodiscard]] uint32_t next(uint32_t at, uint8_t byte) const {
    if (at == kNone) {
      return kNone;
    }
    const auto found = nodes_[at].children.find(byte);
    return found == nodes_[at].children.end() ? kNone : found->second;
  }
  [[nodiscard]] bool ends(uint32_t at) const { return at != kNone && nodes_[at].end; }
  [[nodiscard]] bool uses(size_t byte) const { return used_[byte]; }

 private:
  struct Node {
    std::map<uint8_t, uint32_t> children;
    bool end = false;
  };
  std::vector<Node> nodes_;
  std::array<bool, 256> used_{};
};

/// How nice a byte looks in an example.
int rank_of(uint8_t byte) {
  if (byte >= 'a' && byte <= 'z') {
    return 0;
  }
  if (byte >= '0' && byte <= '9') {
    return 1;
  }
  if (byte >= 'A' && byte <= 'Z') {
    return 2;
  }
  return byte > ' ' && byte < 0x7F ? 3 : (byte == ' ' ? 4 : 5);
}

/// Walks the product of the automata, shortest texts first.
class Product {
 public:
  Product(const std::vector<const TextSet*>& sets, const std::vector<std::string>& literals,
          const PartitionOptions& options)
      : sets_(sets), options_(options) {
    for (const std::string& text : literals) {
      trie_.add(text);
    }
    automata_.push_back(&utf8_automaton());
    for (const TextSet* set : sets) {
      if (set->automaton != nullptr) {
        automata_.push_back(set->automaton.get());
      }
    }
    choose_bytes();
  }

  void run(std::map<Signature, std::vector<std::string>>& found, bool* complete) {
    std::vector<uint32_t> first;
    for (const Automaton* automaton : automata_) {
      first.push_back(automaton->start());
    }
    first.push_back(0);
    visit(std::move(first), "", found);
    for (size_t at = 0; at < queue_.size(); ++at) {
      if (states_.size() > options_.max_states || !Budget::spend(bytes_.size() * automata_.size() * 5)) {
        *complete = false;
        return;
      }
      for (const uint8_t byte : bytes_) {
        std::vector<uint32_t> to(automata_.size() + 1);
        const std::vector<uint32_t>& from = *queue_[at].state;
        for (size_t i = 0; i < automata_.size(); ++i) {
          to[i] = automata_[i]->next(from[i], byte);
        }
        to.back() = trie_.next(from.back(), byte);
        if (!hopeless(to)) {
          visit(std::move(to), queue_[at].text + static_cast<char>(byte), found);
        }
      }
    }
  }

 private:
  struct Step {
    const std::vector<uint32_t>* state;
    std::string text;
  };

  /// One byte of every class of bytes that nobody tells apart; more where copies are wanted.
  void choose_bytes() {
    std::map<std::vector<uint32_t>, std::vector<uint8_t>> classes;
    for (size_t byte = 0; byte < 256; ++byte) {
      std::vector<uint32_t> key;
      for (const Automaton* automaton : automata_) {
        key.push_back(automaton->classes()[byte]);
      }
      key.push_back(trie_.uses(byte) ? static_cast<uint32_t>(byte) : 256);
      classes[key].push_back(static_cast<uint8_t>(byte));
    }
    for (auto& [key, members] : classes) {
      std::stable_sort(members.begin(), members.end(),
                       [](uint8_t a, uint8_t b) { return rank_of(a) < rank_of(b); });
      members.resize(std::min<size_t>(members.size(), options_.copies));
      bytes_.insert(bytes_.end(), members.begin(), members.end());
    }
    std::stable_sort(bytes_.begin(), bytes_.end(),
                     [](uint8_t a, uint8_t b) { return rank_of(a) < rank_of(b); });
  }

  /// Not UTF-8 any more. The dead state is the one whose every step stays.
  [[nodiscard]] bool hopeless(const std::vector<uint32_t>& state) const {
    const Automaton& utf8 = *automata_[0];
    return !utf8.accepts(state[0]) && utf8.next(state[0], 0x80) == state[0];
  }

  void visit(std::vector<uint32_t> state, std::string text,
             std::map<Signature, std::vector<std::string>>& found) {
    auto [at, fresh] = states_.emplace(std::move(state), 0);
    if (at->second >= options_.copies) {
      return;
    }
    ++at->second;
    queue_.push_back({&at->first, text});
    if (!automata_[0]->accepts(at->first[0]) || trie_.ends(at->first.back())) {
      return;
    }
    Signature signature;
    size_t automaton = 1;
    for (const TextSet* set : sets_) {
      signature.push_back(set->automaton != nullptr && automata_[automaton]->accepts(at->first[automaton]));
      automaton += set->automaton != nullptr ? 1 : 0;
    }
    std::vector<std::string>& members = found[signature];
    if (members.size() < options_.copies) {
      members.push_back(std::move(text));
    }
  }

  const std::vector<const TextSet*>& sets_;
  const PartitionOptions& options_;
  Trie trie_;
  std::vector<const Automaton*> automata_;
  std::vector<uint8_t> bytes_;
  std::map<std::vector<uint32_t>, uint32_t> states_;
  std::vector<Step> queue_;
};

/// Texts that are none of `taken`.
std::vector<std::string> fresh_texts(const std::vector<std::string>& taken, uint32_t count) {
  const std::unordered_set<std::string_view> known(taken.begin(), taken.end());
  std::vector<std::string> out;
  for (const char* base : {"other", "another", "third"}) {
    if (out.size() < count && known.find(base) == known.end()) {
      out.emplace_back(base);
    }
  }
  for (uint32_t i = 1; out.size() < count; ++i) {
    std::string text = "other" + std::to_string(i);
    if (known.find(text) == known.end()) {
      out.push_back(std::move(text));
    }
  }
  return out;
}

}  // namespace

bool TextSet::holds(std::string_view text) const {
  return automaton != nullptr ? automaton->accepts(text)
                              : std::binary_search(literals.begin(), literals.end(), text);
}

Partition partition(const std::vector<const TextSet*>& sets, const PartitionOptions& options) {
  std::vector<std::string> literals;
  bool automata = false;
  for (const TextSet* set : sets) {
    literals.insert(literals.end(), set->literals.begin(), set->literals.end());
    automata = automata || set->automaton != nullptr;
  }
  std::sort(literals.begin(), literals.end());
  literals.erase(std::unique(literals.begin(), literals.end()), literals.end());

  struct Class {
    std::vector<std::string> members;
    bool cut = false;  // there are more
  };
  std::map<Signature, Class> named;
  Partition out;
  for (const std::string& text : literals) {
    if (!Budget::spend(sets.size() * 2)) {
      out.complete = false;
      break;
    }
    Signature signature;
    for (const TextSet* set : sets) {
      signature.push_back(set->holds(text));
    }
    Class& of = named[signature];
    of.cut = of.cut || of.members.size() >= options.copies;
    if (!of.cut) {
      of.members.push_back(text);
    }
  }
  const auto take = [&](std::vector<std::string>& members, bool unbounded) {
    for (std::string& text : members) {
      out.values.push_back(std::move(text));
      out.unbounded.push_back(unbounded);
    }
  };
  for (auto& [signature, of] : named) {
    take(of.members, of.cut);
  }
  std::map<Signature, std::vector<std::string>> others;
  if (automata) {
    Product(sets, literals, options).run(others, &out.complete);
  } else {
    others[{}] = fresh_texts(literals, options.copies);
  }
  for (auto& [signature, members] : others) {
    take(members, true);
  }
  return out;
}

}  // namespace catalyst::analysis
