#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "antlr4-runtime.h"

// What the generated parser is built on (grammar/CatalystParser.g4 names it). ANTLR's own classes take most
// of their time for memory, a std::function at the end of every rule, and dynamic_cast to find a child; the
// names here stand in front of theirs and do the same work without. Nothing here knows the language.

namespace catalyst::frontend::grammar {

/// True when the node is of exactly the type T; nothing derives from the classes of a parse tree.
template <class T>
bool is_a(const antlr4::tree::ParseTree& node) {
  return &typeid(node) == &typeid(T);
}

/// A token in the parse tree.
class Leaf final : public antlr4::tree::TerminalNode {
 public:
  explicit Leaf(antlr4::Token* symbol) : symbol_(symbol) {}
  antlr4::Token* getSymbol() override { return symbol_; }
  void setParent(antlr4::RuleContext* node) override { parent = node; }
  // Texts come from the source by offset and trees are read by their builder; nobody asks the leaf.
  antlr4::misc::Interval getSourceInterval() override { return {}; }
  antlrcpp::Any accept(antlr4::tree::ParseTreeVisitor*) override { return {}; }
  std::string getText() override { return {}; }
  std::string toString() override { return {}; }
  std::string toStringTree(bool) override { return {}; }
  std::string toStringTree(antlr4::Parser*, bool) override { return {}; }

 private:
  antlr4::Token* symbol_;
};

/// A rule in the parse tree; every generated context derives from it.
class Node : public antlr4::ParserRuleContext {
 public:
  using ParserRuleContext::ParserRuleContext;

  template <class T>
  T* getRuleContext(size_t index) const {
    for (antlr4::tree::ParseTree* child : children) {
      if (is_a<T>(*child) && index-- == 0) {
        return static_cast<T*>(child);
      }
    }
    return nullptr;
  }
  template <class T>
  std::vector<T*> getRuleContexts() const {
    std::vector<T*> out;
    for (antlr4::tree::ParseTree* child : children) {
      if (is_a<T>(*child)) {
        out.push_back(static_cast<T*>(child));
      }
    }
    return out;
  }
  antlr4::tree::TerminalNode* getToken(size_t type, size_t index) override {
    for (antlr4::tree::ParseTree* child : children) {
      if (is_token(*child, type) && index-- == 0) {
        return static_cast<Leaf*>(child);
      }
    }
    return nullptr;
  }
  std::vector<antlr4::tree::TerminalNode*> getTokens(size_t type) override {
    std::vector<antlr4::tree::TerminalNode*> out;
    for (antlr4::tree::ParseTree* child : children) {
      if (is_token(*child, type)) {
        out.push_back(static_cast<Leaf*>(child));
      }
    }
    return out;
  }
  void add(antlr4::tree::ParseTree* child) {
    if (children.empty()) {
      children.reserve(4);
    }
    children.push_back(child);
  }

 private:
  static bool is_token(antlr4::tree::ParseTree& node, size_t type) {
    return is_a<Leaf>(node) && static_cast<Leaf&>(node).getSymbol()->getType() == type;
  }
};

/// Owns the nodes of one parse tree. `reset` ends the tree and keeps the memory for the next.
class TreeMemory {
 public:
  TreeMemory() = default;
  TreeMemory(const TreeMemory&) = delete;
  TreeMemory& operator=(const TreeMemory&) = delete;
  ~TreeMemory() { reset(); }

  template <class T, class... Args>
  T* createInstance(Args&&... args) {  // named by ANTLR
    static_assert(sizeof(T) <= kBlockBytes && alignof(T) <= alignof(std::max_align_t));
    T* node = new (take(sizeof(T))) T(std::forward<Args>(args)...);
    nodes_.push_back(node);
    return node;
  }
  void reset() {
    for (antlr4::tree::ParseTree* node : nodes_) {
      std::destroy_at(node);
    }
    nodes_.clear();
    block_ = used_ = 0;
  }

 private:
  static constexpr size_t kBlockBytes = size_t{16} * 1024;
  struct alignas(std::max_align_t) Block {
    std::array<std::byte, kBlockBytes> bytes;
  };

  void* take(size_t bytes) {
    bytes = (bytes + alignof(std::max_align_t) - 1) & ~(alignof(std::max_align_t) - 1);
    if (used_ + bytes > kBlockBytes) {
      ++block_;
      used_ = 0;
    }
    if (block_ == blocks_.size()) {
      blocks_.push_back(std::make_unique<Block>());
    }
    return blocks_[block_]->bytes.data() + std::exchange(used_, used_ + bytes);
  }

  std::vector<std::unique_ptr<Block>> blocks_;
  size_t block_ = 0;  // index of the one in use
  size_t used_ = 0;   // bytes of it
  std::vector<antlr4::tree::ParseTree*> nodes_;
};

class ParserBase : public antlr4::Parser {
 public:
  using Parser::Parser;

  /// Frees the tree of the last call.
  void reset() override {
    Parser::reset();
    _tracker.reset();
  }
  antlr4::Token* match(size_t type) override {
    antlr4::Token* token = _input->LT(1);
    if (token->getType() != type) {
      return Parser::match(type);  // to the error handler
    }
    _matchedEOF = _matchedEOF || type == antlr4::Token::EOF;
    return consume();
  }
  antlr4::Token* consume() override {
    antlr4::Token* token = _input->LT(1);
    if (token->getType() != antlr4::Token::EOF) {
      _input->consume();
    }
    Leaf* leaf = _tracker.createInstance<Leaf>(token);
    leaf->parent = _ctx;
    static_cast<Node*>(_ctx)->add(leaf);
    return token;
  }
  void enterRule(antlr4::ParserRuleContext* context, size_t state, size_t) override {
    setState(state);
    _ctx = context;
    context->start = _input->LT(1);
    if (context->parent != nullptr) {
      static_cast<Node*>(context->parent)->add(context);
    }
  }
  void exitRule() {
    _ctx->stop = _input->LT(_matchedEOF ? 1 : -1);
    setState(_ctx->invokingState);
    _ctx = static_cast<antlr4::ParserRuleContext*>(_ctx->parent);
  }
  template <class T>
  T* getInterpreter() const {
    return static_cast<T*>(_interpreter);
  }

 protected:
  template <class T>
  class [[nodiscard]] AtEnd {
   public:
    explicit AtEnd(T action) : action_(std::move(action)) {}
    AtEnd(const AtEnd&) = delete;
    AtEnd& operator=(const AtEnd&) = delete;
    ~AtEnd() { action_(); }

   private:
    T action_;
  };
  template <class T>
  static AtEnd<T> finally(T action) {
    return AtEnd<T>(std::move(action));
  }

  TreeMemory _tracker;
};

}  // namespace catalyst::frontend::grammar
