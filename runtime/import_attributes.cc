// SPDX-License-Identifier: Apache-2.0
#include "runtime/import_attributes.hh"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

namespace sluice::runtime {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c < 0; }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)); }

// Whether it is worth reading the text: a quick look, which may say yes too often.
bool promising(std::string_view text) {
  for (size_t at = text.find("with"); at != std::string_view::npos; at = text.find("with", at + 4)) {
    size_t next = at + 4;
    while (next < text.size() && is_space(text[next])) ++next;
    if (next < text.size() && (text[next] == '{' || text[next] == ':' || text[next] == '/')) return true;
  }
  if (text.find("assert{") != std::string_view::npos || text.find("assert {") != std::string_view::npos)
    return true;
  for (size_t at = text.find("import"); at != std::string_view::npos; at = text.find("import", at + 6)) {
    size_t next = at + 6;
    while (next < text.size() && is_space(text[next])) ++next;
    if (next < text.size() && text[next] == '(' && text.find(',', next) != std::string_view::npos)
      return true;
  }
  return false;
}

struct Edit {
  size_t at, length;
  std::string text;
};

// Reads tokens. It knows strings, templates, comments and (by what stands before) regular expressions.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  std::vector<Edit> edits;

  void run() {
    while (at_ < text_.size()) token();
  }

 private:
  enum class Kind { kNone, kWord, kString, kPunctuation, kOther };

  void skip_space() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (text_.substr(at_, 2) == "//") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_, 2) == "/*") {
        const size_t close = text_.find("*/", at_ + 2);
        at_ = close == std::string_view::npos ? text_.size() : close + 2;
      } else {
        return;
      }
    }
  }

  void string(char mark) {
    for (++at_; at_ < text_.size() && text_[at_] != mark; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
  }

  void template_text() {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '`') {
        ++at_;
        return;
      } else if (text_[at_] == '$' && at_ + 1 < text_.size() && text_[at_ + 1] == '{') {
        at_ += 2;
        frames_.push_back({'`', 0, 0, false});
        last_ = Kind::kPunctuation;
        last_text_ = "{";
        return;
      }
    }
  }

  void regular_expression() {
    bool in_class = false;
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '\\')
        ++at_;
      else if (text_[at_] == '[')
        in_class = true;
      else if (text_[at_] == ']')
        in_class = false;
      else if (text_[at_] == '/' && !in_class)
        break;
    }
    ++at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
  }

  // Whether a '/' here begins a regular expression: not behind a value.
  bool expression_begins() const {
    switch (last_) {
      case Kind::kNone: return true;
      case Kind::kString:
      case Kind::kOther: return false;
      case Kind::kWord:
        for (const std::string_view word : {"return", "typeof", "case", "in", "of", "delete", "void", "throw",
                                            "new", "do", "else", "await", "yield", "instanceof"})
          if (last_text_ == word) return true;
        return false;
      case Kind::kPunctuation: return last_text_ != ")" && last_text_ != "]" && last_text_ != "}";
    }
    return true;
  }

  struct Frame {
    char open;
    size_t begin;  // of the argument under way
    int commas;    // of an import() at its own depth
    bool import;
  };

  void close_argument(size_t end) {
    Frame& frame = frames_.back();
    if (!frame.import || frame.commas != 1 || frame.begin >= end) return;
    std::string_view argument = text_.substr(frame.begin, end - frame.begin);
    bool empty = true;
    for (const char c : argument) empty = empty && is_space(c);
    if (empty) return;
    // A property "with" becomes "assert"; what is no object is left to the engine to refuse.
    edits.push_back(
        {frame.begin, 0,
         "(o=>o===null||typeof o!=='object'&&typeof o!=='function'?o:{__proto__:null,assert:o.with})("});
    edits.push_back({end, 0, ")"});
  }

  void token() {
    skip_space();
    if (at_ >= text_.size()) return;
    const size_t begin = at_;
    const char c = text_[at_];
    if (c == '"' || c == '\'') {
      string(c);
      // "x" with {
      const size_t end = at_;
      if (last_ == Kind::kWord && (last_text_ == "from" || last_text_ == "import")) {
        skip_space();
        const size_t word = at_;
        if (text_.substr(word, 4) == "with" && (word + 4 >= text_.size() || !is_word(text_[word + 4]))) {
          at_ = word + 4;
          skip_space();
          if (at_ < text_.size() && text_[at_] == '{') {
            // Right behind the text: the engine allows no new line before the word.
            edits.push_back({end, 0, " assert"});
            edits.push_back({word, 4, ""});
          }
        } else if (text_.substr(word, 6) == "assert") {
          at_ = word + 6;
          skip_space();
          // No longer the language's: an error of syntax.
          if (at_ < text_.size() && text_[at_] == '{') edits.push_back({word, 6, "asserted"});
        }
        at_ = end;
      }
      last_ = Kind::kString;
      return;
    }
    if (c == '`') {
      last_ = Kind::kOther;
      template_text();
      return;
    }
    if (c == '/' && expression_begins()) {
      regular_expression();
      last_ = Kind::kOther;
      return;
    }
    if (is_word(c) || c == '#') {
      ++at_;
      while (at_ < text_.size() && is_word(text_[at_])) ++at_;
      const bool property = last_ == Kind::kPunctuation && last_text_ == ".";
      last_ = std::isdigit(static_cast<unsigned char>(c)) || property ? Kind::kOther : Kind::kWord;
      last_text_ = text_.substr(begin, at_ - begin);
      return;
    }
    ++at_;
    switch (c) {
      case '(': frames_.push_back({'(', at_, 0, last_ == Kind::kWord && last_text_ == "import"}); break;
      case '[':
      case '{': frames_.push_back({c, at_, 0, false}); break;
      case ')':
      case ']':
      case '}':
        if (!frames_.empty()) {
          if (c == ')') close_argument(begin);
          const bool in_template = frames_.back().open == '`';
          frames_.pop_back();
          if (c == '}' && in_template) {
            --at_;
            last_ = Kind::kOther;
            template_text();
            return;
          }
        }
        break;
      case ',':
        if (!frames_.empty() && frames_.back().import) {
          close_argument(begin);
          ++frames_.back().commas;
          frames_.back().begin = at_;
        }
        break;
      default: break;
    }
    last_ = Kind::kPunctuation;
    last_text_ = text_.substr(begin, 1);
  }

  std::string_view text_;
  size_t at_ = 0;
  Kind last_ = Kind::kNone;
  std::string_view last_text_;
  std::vector<Frame> frames_;
};

}  // namespace

bool rewrite_import_attributes(std::string& text) {
  if (!promising(text)) return false;
  Lexer lexer(text);
  lexer.run();
  if (lexer.edits.empty()) return false;
  std::stable_sort(lexer.edits.begin(), lexer.edits.end(),
                   [](const Edit& a, const Edit& b) { return a.at < b.at; });
  std::string made;
  size_t at = 0;
  for (const Edit& edit : lexer.edits) {
    made.append(text, at, edit.at - at);
    made += edit.text;
    at = edit.at + edit.length;
  }
  made.append(text, at);
  text = std::move(made);
  return true;
}

}  // namespace sluice::runtime
