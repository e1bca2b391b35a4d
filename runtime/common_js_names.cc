// SPDX-License-Identifier: Apache-2.0
// Which names a CommonJS file exports, told from its text, so that `import { name }` can be linked before the file runs.
#include <algorithm>
#include <cctype>

#include "runtime/module_loader.hh"

namespace sluice::runtime {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$'; }

// A reader of JavaScript's surface: words, punctuation and strings, without comments.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  size_t position() const { return at_; }
  void seek(size_t position) { at_ = position; }
  bool end() const { return at_ >= text_.size(); }

  void skip_space() {
    while (at_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[at_]))) {
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
  bool take(std::string_view token) {
    skip_space();
    if (text_.substr(at_, token.size()) != token) return false;
    if (is_word(token.back()) && at_ + token.size() < text_.size() && is_word(text_[at_ + token.size()]))
      return false;
    at_ += token.size();
    return true;
  }
  bool word(std::string& out) {
    skip_space();
    const size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    out = text_.substr(begin, at_ - begin);
    return !out.empty() && !std::isdigit(static_cast<unsigned char>(out[0]));
  }
  bool string(std::string& out) {
    skip_space();
    if (end() || (text_[at_] != '\'' && text_[at_] != '"')) return false;
    const char mark = text_[at_];
    const size_t close = text_.find(mark, at_ + 1);
    if (close == std::string_view::npos) return false;
    out = text_.substr(at_ + 1, close - at_ - 1);
    at_ = close + 1;
    return out.find('\\') == std::string::npos;
  }
  // Passes one token of no interest.
  void pass() {
    skip_space();
    if (end()) return;
    const char c = text_[at_];
    if (is_word(c)) {
      while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    } else if (c == '\'' || c == '"' || c == '`') {
      for (++at_; at_ < text_.size() && text_[at_] != c; ++at_) {
        if (text_[at_] == '\\') ++at_;
        if (text_[at_] == '\n' && c != '`') break;
      }
      ++at_;
    } else {
      ++at_;
    }
  }
  // Passes a value up to the next comma or the closing brace of its object.
  void pass_value() {
    int depth = 0;
    for (skip_space(); !end(); skip_space()) {
      const char c = text_[at_];
      if (depth == 0 && (c == ',' || c == '}')) return;
      if (c == '(' || c == '[' || c == '{') ++depth;
      if (c == ')' || c == ']' || c == '}') --depth;
      pass();
    }
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::vector<std::string> common_js_export_names(std::string_view source,
                                                std::vector<std::string>& reexports) {
  std::vector<std::string> names;
  const auto add = [&names](const std::string& name) {
    if (name != "default" && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  };
  Reader reader(source);
  std::string name;
  while (reader.skip_space(), !reader.end()) {
    const size_t begin = reader.position();
    bool whole = false;  // module.exports itself
    bool target = false;
    if (begin == 0 || (!is_word(source[begin - 1]) && source[begin - 1] != '.')) {
      if (reader.take("exports")) {
        target = true;
      } else if (reader.take("module") && reader.take(".") && reader.take("exports")) {
        target = whole = true;
      } else {
        reader.seek(begin);
        std::string ignored;
        if (reader.take("Object") && reader.take(".") && reader.take("defineProperty") && reader.take("(") &&
            (reader.take("exports") ||
             (reader.take("module") && reader.take(".") && reader.take("exports"))) &&
            reader.take(",") && reader.string(name)) {
          add(name);
          continue;
        }
        reader.seek(begin);
        // Re-exports as TypeScript and Babel write them.
        if ((reader.take("__exportStar") ||
             (reader.take("tslib") && reader.take(".") && reader.take("__exportStar"))) &&
            reader.take("(") && reader.take("require") && reader.take("(") && reader.string(name)) {
          reexports.push_back(name);
          continue;
        }
        reader.seek(begin);
      }
    }
    if (!target) {
      reader.seek(begin);
      reader.pass();
      continue;
    }
    const size_t after = reader.position();
    if (reader.take(".") && reader.word(name)) {
      const size_t here = reader.position();
      if (reader.take("=") && !reader.take("=")) {
        add(name);
        // exports.a = exports.b = value
        reader.seek(here);
        reader.take("=");
      }
      continue;
    }
    reader.seek(after);
    if (reader.take("[") && reader.string(name) && reader.take("]") && reader.take("=")) {
      add(name);
      continue;
    }
    reader.seek(after);
    if (!whole || !reader.take("=")) continue;
    if (reader.take("require") && reader.take("(") && reader.string(name)) {
      reexports.push_back(name);
      continue;
    }
    if (!reader.take("{")) continue;
    while (!reader.end() && !reader.take("}")) {
      if (reader.take("...")) {
        if (reader.take("require") && reader.take("(") && reader.string(name) && reader.take(")"))
          reexports.push_back(name);
        reader.pass_value();
      } else if (reader.string(name) || reader.word(name)) {
        const std::string first = name;
        if ((first == "get" || first == "set" || first == "async") && reader.word(name)) {
          add(name);
        } else {
          add(first);
        }
        reader.pass_value();
      } else {
        reader.pass_value();
      }
      reader.take(",");
    }
  }
  return names;
}

}  // namespace sluice::runtime
